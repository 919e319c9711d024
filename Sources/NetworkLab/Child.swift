import Glibc
import Primitives

/// A program that the lab started, in a process group of its own. It is killed and reaped when the lab
/// closes, if it has not ended before.
public final class Child {
    public let pid: pid_t
    /// What it writes, to standard output and standard error.
    public let output: Recording
    /// How it ended: its exit status, or 128 + the signal; nil while it runs.
    public private(set) var status: Int32?

    /// Starts `arguments` (found on the PATH) with both outputs appended to the file `output`, and
    /// standard input from `input` (or nothing).
    init(_ arguments: [String], output path: String, input: Int32? = nil) throws(LabError) {
        output = Recording(path)
        pid = try Child.spawn(arguments, output: path, input: input)
    }

    private static func spawn(_ arguments: [String], output: String, input: Int32?) throws(LabError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)

        // A group of its own: Ctrl-C at the terminal is for the lab, which then clears up in order.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var argv = arguments.map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let failure = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, environ)
        guard failure == 0 else {
            throw LabError(.failed, "cannot start \(arguments[0]): \(String(cString: strerror(failure)))")
        }
        return pid
    }

    // MARK: Its end

    /// Whether it has not ended yet. Reaps it when it has.
    public var isRunning: Bool {
        guard status == nil else { return false }
        var raw: Int32 = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return true }
        let signal = raw & 0x7F
        status = signal == 0 ? raw >> 8 & 0xFF : 128 + signal
        return false
    }

    /// Waits for its end and returns the status.
    @discardableResult
    public func wait(upTo limit: Duration) throws(LabError) -> Int32 {
        try LabClock.wait(upTo: limit, for: "process \(pid) to end") { () throws(LabError) in
            isRunning ? nil : status
        }
    }

    /// SIGTERM, and SIGKILL for it and all its descendants when that has not worked within `limit`.
    public func stop(upTo limit: Duration = .seconds(10)) throws(LabError) {
        guard isRunning else { return }
        kill(pid, SIGTERM)
        let ended = try LabClock.poll(upTo: limit) { () throws(LabError) in isRunning ? nil : true }
        if ended == nil {
            killAll()
            throw LabError(.late, "process \(pid) did not end within \(limit.formattedSeconds()) s of SIGTERM")
        }
    }

    /// The whole program dies at once: every process is stopped first, so that none restarts another. Then
    /// children first: when a parent goes, the kernel wakes the stopped children of its group (they are
    /// orphaned: SIGHUP, SIGCONT), and one that hears SIGTERM by PR_SET_PDEATHSIG could still act.
    public func killAll() {
        signalAll(SIGSTOP)
        for process in descendants.reversed() { kill(process, SIGKILL) }
        signal(SIGKILL)
        while isRunning { usleep(1000) }
    }

    public func signal(_ signal: Int32) { if isRunning { kill(pid, signal) } }

    /// `signal` to it and all its descendants, parents first.
    public func signalAll(_ signal: Int32) {
        guard isRunning else { return }
        for process in [pid] + descendants { kill(process, signal) }
    }

    /// Its descendants, nearest first, by /proc.
    public var descendants: [pid_t] {
        var children: [pid_t: [pid_t]] = [:]
        for process in ProcessTable.processes() {
            guard let parent = ProcessTable.parent(of: process) else { continue }
            children[parent, default: []].append(process)
        }
        var found: [pid_t] = []
        var front = [pid]
        while !front.isEmpty {
            front = front.flatMap { children[$0, default: []] }
            found += front
        }
        return found
    }
}

/// The few facts the lab reads from /proc.
enum ProcessTable {
    static func processes() -> [pid_t] {
        guard let directory = opendir("/proc") else { return [] }
        defer { closedir(directory) }
        var found: [pid_t] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let process = pid_t(name) { found.append(process) }
        }
        return found.sorted()
    }

    /// The parent of `process`; nil when it is gone. /proc/PID/stat: the name may contain anything, so
    /// fields are counted from its last closing bracket.
    static func parent(of process: pid_t) -> pid_t? {
        guard let stat = File.read("/proc/\(process)/stat"), let bracket = stat.lastIndex(of: UInt8(ascii: ")")) else {
            return nil
        }
        let fields = stat[(bracket + 1)...].split(separator: UInt8(ascii: " "))
        return fields.count > 1 ? pid_t(String(decoding: fields[1], as: UTF8.self)) : nil
    }
}
