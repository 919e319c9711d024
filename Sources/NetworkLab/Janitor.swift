import Glibc

/// Clears a lab away, whatever ends it: a shell that waits for the end of a pipe whose other end only the
/// lab's process holds. It is the one path of clean-up, for an orderly close, Ctrl-C and SIGKILL alike.
final class Janitor {
    private let child: Child
    private let pipe: Int32

    init(prefix: String, directory: String) throws(LabError) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw .system("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { Glibc.close(ends[0]) }
        // Twice: the first round may stop a process that was just starting another.
        let script = """
            trap '' INT TERM HUP
            read -r line
            for round in 1 2; do
                for path in /run/netns/\(prefix)-*; do
                    for signal in STOP KILL; do kill -$signal $(ip netns pids "${path##*/}"); done
                done
            done
            for path in /run/netns/\(prefix)-*; do ip netns del "${path##*/}"; done
            rm -rf '\(directory)'
            """
        child = try Child(["sh", "-c", script], output: "/dev/null", input: ends[0])
        pipe = ends[1]
    }

    /// Lets it do its work and waits for its end.
    func clear() {
        Glibc.close(pipe)
        while child.isRunning { usleep(2000) }
    }
}
