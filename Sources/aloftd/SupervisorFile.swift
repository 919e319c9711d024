import Glibc
import LinuxWorld

/// The few files the supervisor writes. All are opened without following a link at their end and without
/// waiting, because some lie in directories that others may write to.
enum SupervisorFile {
    /// Opens a log file for appending, creating it for its owner only.
    static func append(to path: String) throws(SystemError) -> FileDescriptor {
        try open(path, O_WRONLY | O_APPEND | O_CREAT, 0o640)
    }

    /// Opens or creates a file that stays, such as the lock.
    static func openOrCreate(_ path: String) throws(SystemError) -> FileDescriptor {
        try open(path, O_RDWR | O_CREAT, 0o644)
    }

    private static func open(_ path: String, _ flags: Int32, _ mode: mode_t) throws(SystemError) -> FileDescriptor {
        let descriptor = Glibc.open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, mode)
        guard descriptor >= 0 else { throw SystemError(.file, Errno(Glibc.errno), "open", path) }
        return FileDescriptor(owning: descriptor)
    }

    /// Puts `bytes` in the place of whatever is at `path`: a reader sees the old file or the new one, whole.
    static func replace(_ path: String, with bytes: [UInt8], mode: mode_t) throws(SystemError) {
        // The name is new and the file ours: O_EXCL neither follows nor reuses anything that lies in wait.
        let temporary = "\(path).\(getpid()).new"
        unlink(temporary)
        let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode)
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(file.rawValue, $0.baseAddress, $0.count) }
            guard written > 0 else {
                let error = Errno(errno)
                unlink(temporary)
                throw SystemError(.file, error, "write", temporary)
            }
            rest = rest.dropFirst(written)
        }
        guard rename(temporary, path) == 0 else {
            let error = Errno(errno)
            unlink(temporary)
            throw SystemError(.file, error, "replace", path)
        }
    }

    /// Creates the directory and those above it.
    static func makeDirectories(_ path: String) throws(SystemError) {
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/" + part
            try Files.makeDirectory(prefix)
        }
    }

    /// At most `limit` bytes of a file, or nil; for /proc and the lock.
    static func read(_ path: String, limit: Int = 4096) -> [UInt8]? {
        let number = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard number >= 0 else { return nil }
        let file = FileDescriptor(owning: number)
        var bytes: [UInt8] = []
        while bytes.count < limit {
            guard case .bytes? = try? file.read(into: &bytes, limit: min(limit - bytes.count, 4096)) else { break }
        }
        return bytes
    }
}
