import Glibc
import LinuxWorld
import Supervision

/// A named pipe that gets a line for each transition, as keepalived's `notify_fifo`.
final class SupervisorFIFO {
    let settings: SupervisorSettings.FIFO
    private let descriptor: FileDescriptor
    private let wasCreated: Bool
    /// Lines that were lost in a row because nobody read.
    private var lostInRow = 0

    /// Creates the pipe (0644) if there is none; one that is there must belong to this user. It is opened for
    /// reading as well, so that a reader may come and go.
    init(_ settings: SupervisorSettings.FIFO) throws(SystemError) {
        let path = settings.path
        let status = try Files.status(path, followLinks: false)
        if let status {
            let isOurs = status.uid == ThisProcess.user || status.uid == settings.user
            guard status.mode & S_IFMT == S_IFIFO, isOurs else {
                throw SystemError(.file, Errno(EEXIST), "use as a named pipe what is not one of ours:", path)
            }
        } else if mkfifo(path, 0o644) != 0 {
            throw SystemError(.file, Errno(errno), "create the named pipe", path)
        }
        let number = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw SystemError(.file, Errno(errno), "open the named pipe", path) }
        descriptor = FileDescriptor(owning: number)
        wasCreated = status == nil
        self.settings = settings
        if wasCreated {
            _ = fchmod(number, 0o644)
            if settings.user != nil || settings.group != nil {
                // uid_t.max leaves it as it is.
                _ = fchown(number, settings.user ?? .max, settings.group ?? .max)
            }
        }
    }

    /// Writes a line whole or not at all. True when this is the first of a row that was lost.
    func write(_ line: String) -> Bool {
        let bytes = Array(line.utf8)
        guard Glibc.write(descriptor.rawValue, bytes, bytes.count) != bytes.count else {
            lostInRow = 0
            return false
        }
        lostInRow += 1
        return lostInRow == 1
    }

    /// Removes the pipe if this daemon made it.
    func remove() {
        if wasCreated { unlink(settings.path) }
    }
}
