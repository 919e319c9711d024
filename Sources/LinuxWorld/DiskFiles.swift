import ConfigLanguage

/// The files of a configuration, from this machine's disk. Remembers what it handed out, in order, so that
/// the accepted text can be kept.
public final class DiskFiles: FileProvider {
    /// Each file once, as it was read first.
    public private(set) var files: [ProvidedFile] = []
    /// The largest file that is read, in bytes.
    public static let limit = 16 << 20

    public init() {}

    public func read(_ path: String) throws(FileFault) -> ProvidedFile {
        if let known = files.first(where: { $0.path == path }) { return known }
        do {
            let file = ProvidedFile(path: path, bytes: try Files.read(path, limit: Self.limit))
            files.append(file)
            return file
        } catch {
            throw FileFault(path: path, reason: "\(error.errno)")
        }
    }

    public func resolve(_ pattern: String, relativeTo directory: String) throws(FileFault) -> [ProvidedFile] {
        let isAbsolute = pattern.utf8.first == UInt8(ascii: "/")
        let full = isAbsolute || directory.isEmpty ? pattern : directory + "/" + pattern
        var found: [ProvidedFile] = []
        for path in Glob.paths(matching: full) { found.append(try read(path)) }
        return found
    }
}
