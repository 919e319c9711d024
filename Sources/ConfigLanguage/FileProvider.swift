/// Hands out the files of a configuration. The reader is pure: whoever calls it decides what a path means.
public protocol FileProvider {
    /// The file at `path`, which is the main file of a configuration.
    func read(_ path: String) throws(FileFault) -> ProvidedFile

    /// The files that an `include` names, in ascending order of the bytes of their paths. A pattern that matches nothing gives an
    /// empty list; a match that cannot be read is a fault. `directory` is that of the including file, without the
    /// last slash; it may be empty.
    func resolve(_ pattern: String, relativeTo directory: String) throws(FileFault) -> [ProvidedFile]
}

/// A file as a provider found it.
public struct ProvidedFile: Hashable, Sendable {
    /// Names the file in diagnostics, and tells whether two are the same.
    public var path: String
    public var bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// Why a file could not be had: `path` and a reason for people, such as `permission denied`.
public struct FileFault: Error, Hashable, Sendable {
    public var path: String
    public var reason: String

    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }
}

/// A file system made of values: for tests, simulations, and text that never was a file.
public struct MemoryFiles: FileProvider, Sendable {
    /// Ascending by the bytes of their paths.
    public private(set) var files: [ProvidedFile]

    public init(_ files: [ProvidedFile] = []) {
        self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// One file of text.
    public init(_ path: String, _ text: String) {
        self.init([ProvidedFile(path: path, bytes: Array(text.utf8))])
    }

    public func read(_ path: String) throws(FileFault) -> ProvidedFile {
        for file in files where file.path == path { return file }
        throw FileFault(path: path, reason: "no such file")
    }

    public func resolve(_ pattern: String, relativeTo directory: String) throws(FileFault) -> [ProvidedFile] {
        let glob = GlobPattern(pattern, relativeTo: directory)
        return files.filter { glob.matches($0.path) }
    }
}
