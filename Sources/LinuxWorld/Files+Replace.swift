import Glibc

extension Files {
    /// Gives an existing file another text in one step, and leaves it its owner, group and mode: a reader sees the old or
    /// the new text, also after a crash. A symbolic link stays one; what it points to is replaced. Other hard links keep the
    /// old text.
    /// - Parameter expected: what the file must still hold, or someone else has written it meanwhile (EBUSY).
    public static func replace(_ path: String, _ expected: [UInt8], with bytes: [UInt8]) throws(SystemError) {
        guard let resolved = realpath(path, nil) else { throw SystemError(.file, Errno(errno), "find", path) }
        let target = String(cString: resolved)
        free(resolved)
        guard let status = try status(target), status.isRegular else {
            throw SystemError(.file, .invalid, "replace what is no file,", path)
        }
        guard try read(target) == expected else { throw SystemError(.file, .busy, "replace what has changed,", path) }
        // Beside it, so that the rename stays within one file system. Nobody else may read it meanwhile.
        let temporary = "\(target).\(ThisProcess.pid).new"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw SystemError(.file, Errno(errno), "create", temporary) }
        do throws(SystemError) {
            let file = FileDescriptor(owning: descriptor)
            try write(bytes, to: file, path: temporary)
            guard fchown(descriptor, status.uid, status.gid) == 0 else {
                throw SystemError(.file, Errno(errno), "keep the owner of", path)
            }
            guard fchmod(descriptor, status.mode & 0o7777) == 0 else {
                throw SystemError(.file, Errno(errno), "keep the mode of", path)
            }
            guard fsync(descriptor) == 0 else { throw SystemError(.file, Errno(errno), "sync", temporary) }
            guard rename(temporary, target) == 0 else { throw SystemError(.file, Errno(errno), "replace", path) }
        } catch {
            unlink(temporary)
            throw error
        }
        // The new name must survive a crash as well. Where a directory cannot be synced, the file is there all the same.
        let slash = target.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = open(
            slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? ".", O_RDONLY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }
}
