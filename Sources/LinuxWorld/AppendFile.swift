import CLinux

/// A file that grows by whole appends, each durable before it is relied upon (fdatasync(2)), and that is replaced in one step.
public struct AppendFile: ~Copyable {
    let descriptor: FileDescriptor
    public let path: String
    /// What is known to be whole.
    public private(set) var length: Int

    /// Opens what is there; its first `length` bytes stay.
    public init(opening path: String, length: Int) throws(SystemError) {
        let file = FileDescriptor(owning: try check(aloft_open(path, 5, 0), .file, "open to write", path))
        _ = try check(aloft_truncate(file.rawValue, UInt64(max(0, length))), .file, "cut", path)
        descriptor = file
        self.path = path
        self.length = length
    }

    /// Puts `bytes` in the place of what is there: after a crash there is the old file or the new one.
    public init(replacing path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(SystemError) {
        try Files.writeAtomically(path, bytes, mode: mode)
        _ = try check(aloft_sync_directory(path), .file, "sync the directory of", path)
        try self.init(opening: path, length: bytes.count)
    }

    /// Appends and makes durable. After an error nothing is known of what was appended: the file must be replaced (the kernel gives up
    /// pages that it could not write, and a second sync would say that all is well).
    public mutating func append(_ bytes: [UInt8]) throws(SystemError) {
        try Files.write(bytes, to: descriptor, path: path)
        _ = try check(aloft_sync_data(descriptor.rawValue), .file, "sync", path)
        length += bytes.count
    }
}
