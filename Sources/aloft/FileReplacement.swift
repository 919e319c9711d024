import Glibc
import LinuxWorld

/// Writes a file that belongs to somebody: a configuration that an operator asked to be changed.
enum FileReplacement {
    /// Puts `bytes` in the place of the file, in one step: whoever reads it has the old text or the new one, also after a
    /// crash. Owner and mode stay. Where `path` is a link, the file behind it is replaced and the link stays.
    static func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
        guard let resolved = realpath(path, nil) else { throw error("resolve", path) }
        defer { free(resolved) }
        let target = String(cString: resolved)
        var status = stat()
        guard stat(target, &status) == 0 else { throw error("look at", target) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError(.file, .invalid, "replace", target) }
        let temporary = "\(target).\(getpid()).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw error("create", temporary) }
        let file = FileDescriptor(owning: descriptor)
        do throws(SystemError) {
            try fill(file.rawValue, with: bytes, like: status, named: temporary)
            guard rename(temporary, target) == 0 else { throw error("replace", target) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static func fill(
        _ descriptor: Int32, with bytes: [UInt8], like status: stat, named name: String
    ) throws(SystemError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw error("write", name) }
            written += count
        }
        let isForeign = status.st_uid != geteuid() || status.st_gid != getegid()
        if isForeign, fchown(descriptor, status.st_uid, status.st_gid) != 0 { throw error("keep the owner of", name) }
        guard fchmod(descriptor, status.st_mode & 0o7777) == 0 else { throw error("keep the mode of", name) }
        guard fsync(descriptor) == 0 else { throw error("sync", name) }
    }

    private static func error(_ action: String, _ subject: String) -> SystemError {
        SystemError(.file, Errno(errno), action, subject)
    }
}
