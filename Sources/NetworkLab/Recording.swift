import Glibc

/// A text file that a child writes while the lab reads it.
public struct Recording {
    public let path: String

    init(_ path: String) { self.path = path }

    /// All that has been written so far.
    public var text: String { String(decoding: File.read(path) ?? [], as: UTF8.self) }

    /// The complete lines so far, without their ends.
    public var lines: [String] {
        let bytes = File.read(path) ?? []
        guard let last = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        return bytes[..<last].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// Whole files.
public enum File {
    /// The content of `path`; nil when it cannot be read.
    public static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var content: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count > 0 {
                content += chunk[..<count]
            } else if count == 0 {
                return content
            } else if errno != EINTR {
                return nil
            }
        }
    }

    /// Replaces `path` by `text`, readable for all.
    public static func write(_ text: String, to path: String) throws(LabError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system("open \(path)") }
        defer { close(descriptor) }
        guard writeAll(Array(text.utf8), to: descriptor) else { throw .system("write \(path)") }
    }

    /// Writes all of `bytes`; false on an error, which is in `errno`.
    @discardableResult
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }
}
