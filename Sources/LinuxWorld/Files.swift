import CLinux

/// Whole files, bounded (open(2), read(2), rename(2)).
public enum Files {
    /// The bytes of a file; EFBIG when there are more than `limit`.
    public static func read(_ path: String, limit: Int = 16 << 20) throws(SystemError) -> [UInt8] {
        let file = FileDescriptor(owning: try check(aloft_open(path, 0, 0), .file, "open", path))
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let chunk = min(max(4096, bytes.count), limit - bytes.count + 1)
            do throws(SystemError) {
                switch try file.read(into: &bytes, limit: chunk) {
                case .bytes: continue
                case .closed: return bytes
                case .wouldBlock: throw SystemError(.file, .again, "read")
                }
            } catch {
                throw SystemError(.file, error.errno, "read", path)
            }
        }
        throw SystemError(.file, .tooLarge, "read all of", path)
    }

    public static func readText(_ path: String, limit: Int = 16 << 20) throws(SystemError) -> String {
        String(decoding: try read(path, limit: limit), as: UTF8.self)
    }

    /// Replaces a file in one step: a reader sees the old or the new one, also after a crash. `mode` is cut by the umask.
    public static func writeAtomically(_ path: String, _ bytes: [UInt8], mode: UInt32 = 0o644) throws(SystemError) {
        let temporary = "\(path).\(ThisProcess.pid).new"
        _ = aloft_unlink(temporary)
        do {
            let file = FileDescriptor(owning: try check(aloft_open(temporary, 2, mode), .file, "create", temporary))
            try write(bytes, to: file, path: temporary)
            _ = try check(aloft_sync(file.rawValue), .file, "sync", temporary)
            _ = try check(aloft_rename(temporary, path), .file, "replace", path)
        } catch {
            _ = aloft_unlink(temporary)
            throw error
        }
    }

    /// Writes all of `bytes` to an existing file with one call, as /proc and /sys want it.
    public static func overwrite(_ path: String, _ bytes: [UInt8]) throws(SystemError) {
        let file = FileDescriptor(owning: try check(aloft_open(path, 4, 0), .file, "open to write", path))
        try write(bytes, to: file, path: path)
    }

    static func write(_ bytes: [UInt8], to file: borrowing FileDescriptor, path: String) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                aloft_write(
                    file.rawValue, address(UnsafeRawBufferPointer(rebasing: buffer[written...])),
                    UInt64(buffer.count - written))
            }
            let taken = Int(try check(count, .file, "write", path))
            guard taken > 0 else { throw SystemError(.file, Errno(28), "write", path) }
            written += taken
        }
    }

    /// rename(2).
    public static func move(_ path: String, to other: String) throws(SystemError) {
        _ = try check(aloft_rename(path, other), .file, "rename", path)
    }

    public static func remove(_ path: String) throws(SystemError) {
        _ = try check(aloft_unlink(path), .file, "remove", path)
    }

    /// No error when it is there already.
    public static func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
        let result = aloft_make_directory(path, mode)
        if result != -Errno.exists.rawValue { _ = try check(result, .file, "make the directory", path) }
    }

    /// The names in a directory without `.` and `..`, in byte order; at most `limit`.
    public static func list(_ path: String, limit: Int = 65536) throws(SystemError) -> [String] {
        var names = Names(limit: limit)
        let result = withUnsafeMutablePointer(to: &names) { names in
            aloft_list_directory(path, names) { context, name, length in
                guard let context, let name else { return 0 }
                let names = context.assumingMemoryBound(to: Names.self)
                names.pointee.all.append(
                    String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self))
                return names.pointee.all.count < names.pointee.limit ? 1 : 0
            }
        }
        _ = try check(result, .file, "list", path)
        return names.all.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private struct Names {
        var limit: Int
        var all: [String] = []
    }

    /// What stat(2) says, or lstat(2) when symbolic links are not to be followed. Nil when there is nothing.
    public static func status(_ path: String, followLinks: Bool = true) throws(SystemError) -> FileStatus? {
        var native = aloft_file_status()
        let result = aloft_file_status(path, followLinks ? 1 : 0, &native)
        if result == -Errno.notFound.rawValue || result == -Errno.notDirectory.rawValue { return nil }
        _ = try check(result, .file, "look at", path)
        return FileStatus(
            mode: native.mode, uid: native.uid, gid: native.gid, size: native.size, inode: native.inode,
            device: native.device, modifiedNanoseconds: native.modified_ns)
    }

    /// What a symbolic link says (readlink(2)).
    public static func linkTarget(_ path: String) throws(SystemError) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let length = buffer.withUnsafeMutableBufferPointer { aloft_read_link(path, $0.baseAddress, UInt64($0.count)) }
        let count = Int(try check(length, .file, "read the link", path))
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// Whether this process may execute it.
    public static func isExecutable(_ path: String) -> Bool { aloft_access_executable(path) == 0 }
}

/// What script security, includes and reload detection look at.
public struct FileStatus: Hashable, Sendable {
    /// With the type bits (inode(7)).
    public var mode: UInt32
    public var uid: UInt32
    public var gid: UInt32
    public var size: UInt64
    public var inode: UInt64
    public var device: UInt64
    public var modifiedNanoseconds: Int64
    public var isRegular: Bool { mode & 0o170000 == 0o100000 }
    public var isDirectory: Bool { mode & 0o170000 == 0o040000 }
    public var isSymbolicLink: Bool { mode & 0o170000 == 0o120000 }
    public var isGroupWritable: Bool { mode & 0o020 != 0 }
    public var isWorldWritable: Bool { mode & 0o002 != 0 }
}

/// A lock that ends with the last descriptor for it, inherited ones included (flock(2)).
public struct LockFile: ~Copyable {
    public let descriptor: FileDescriptor
    public let path: String

    /// The lock, or nil when someone else holds it; `holder(of:)` then says who. Our PID is written into it.
    public static func acquire(_ path: String, mode: UInt32 = 0o644) throws(SystemError) -> LockFile? {
        let file = FileDescriptor(owning: try check(aloft_open(path, 3, mode), .file, "open the lock file", path))
        guard try check(aloft_lock_file(file.rawValue), .file, "lock", path) == 1 else { return nil }
        let lock = LockFile(descriptor: file, path: path)
        try lock.record(pid: ThisProcess.pid)
        return lock
    }

    /// Takes over an inherited descriptor of a lock that is held.
    public init(adopting descriptor: consuming FileDescriptor, path: String) {
        self.init(descriptor: descriptor, path: path)
    }

    init(descriptor: consuming FileDescriptor, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// Writes who is to be killed when a successor wants the lock.
    public borrowing func record(pid: Int32) throws(SystemError) {
        var text = Array("\(pid)\n".utf8)
        while text.count < 12 { text.insert(UInt8(ascii: " "), at: 0) }
        try Files.overwrite("/proc/self/fd/\(descriptor.rawValue)", text)
    }

    /// The PID in a lock file. It may have ended: open it as `ProcessHandle`, then read again and compare.
    public static func holder(of path: String) throws(SystemError) -> Int32? {
        let text = try Files.read(path, limit: 64)
        let digits = text.filter { $0 >= 48 && $0 <= 57 }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
