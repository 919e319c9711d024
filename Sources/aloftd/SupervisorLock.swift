import Glibc
import LinuxWorld
import Primitives

/// `STATE_DIR/lock`: one supervisor and its worker hold it together, so that a second pair cannot start
/// beside them. The lock belongs to the open file, which the worker inherits: it is free only when both
/// are gone. The file names both, with their start times, because process ids are used again.
struct SupervisorLock: ~Copyable {
    let file: FileDescriptor

    enum Failure: Error {
        /// Another supervisor runs.
        case held(by: Int32)
        case system(SystemError)
    }

    /// How long an orphaned worker may take to release what it holds.
    static let orphanLimit: Int32 = 3000

    /// Takes the lock. When its supervisor is dead, the orphaned worker is releasing (its parent's death was
    /// signalled to it): wait for it a moment, then kill it.
    static func acquire(in directory: String) throws(Failure) -> SupervisorLock {
        let path = directory + "/lock"
        let file = try open(path)
        try take(file, path: path)
        return SupervisorLock(file: file)
    }

    private static func open(_ path: String) throws(Failure) -> FileDescriptor {
        do { return try SupervisorFile.openOrCreate(path) } catch { throw .system(error) }
    }

    private static func take(_ file: borrowing FileDescriptor, path: String) throws(Failure) {
        if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { return }
        let holders = Self.holders(path)
        if let supervisor = holders.first, supervisor.isAlive { throw .held(by: supervisor.pid) }
        for worker in holders.dropFirst() where worker.isAlive {
            guard let process = try? ProcessHandle(pid: worker.pid) else { continue }
            // Between reading its start time and opening it the number may have become another's: look again.
            guard worker.isAlive, !process.ends(within: Self.orphanLimit) else {
                continue
            }
            _ = try? process.signal(Signal.kill)
            _ = process.ends(within: 1000)
        }
        // The kernel closes a process' files a little after it is seen to end.
        for _ in 0..<100 {
            if flock(file.rawValue, LOCK_EX | LOCK_NB) == 0 { return }
            _ = poll(nil, 0, 10)
        }
        throw .held(by: holders.first?.pid ?? 0)
    }

    /// Notes who holds the lock now.
    borrowing func note(supervisor: Int32, worker: Int32) {
        var text = ""
        for pid in [supervisor, worker] where pid > 0 {
            text += "\(pid) \(ProcessStatus(pid: pid)?.startTime ?? 0)\n"
        }
        // In place: replacing the file would leave the lock on the old one.
        let bytes = Array((text + String(repeating: " ", count: max(0, 80 - text.utf8.count))).utf8)
        _ = pwrite(file.rawValue, bytes, bytes.count, 0)
    }

    private struct Holder {
        var pid: Int32
        var startTime: UInt64
        var isAlive: Bool {
            guard let status = ProcessStatus(pid: pid) else { return false }
            return status.startTime == startTime && status.runState != .ended
        }
    }

    private static func holders(_ path: String) -> [Holder] {
        let text = String(decoding: SupervisorFile.read(path, limit: 256) ?? [], as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let pid = Int32(parts[0]), let start = UInt64(parts[1]) else { return nil }
            return Holder(pid: pid, startTime: start)
        }
    }
}

extension ProcessHandle {
    /// Waits for its end, at most so many milliseconds. Only before the daemon's loop runs.
    fileprivate func ends(within milliseconds: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor.rawValue, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, milliseconds) > 0
    }
}
