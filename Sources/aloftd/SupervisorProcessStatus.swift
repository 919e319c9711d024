import Primitives
import Supervision

/// What /proc says about a process with one thread.
struct ProcessStatus {
    var runState: RunState
    /// User and system time, in nanoseconds where the kernel keeps them so (schedstat), else in ticks.
    var processorTime: Duration
    /// When it started, in ticks since boot: with the process id, its identity.
    var startTime: UInt64

    /// Nil when there is no such process.
    init?(pid: Int32) {
        guard let stat = SupervisorFile.read("/proc/\(pid)/stat"),
            // The name in parentheses may hold anything, parentheses too.
            let end = stat.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = stat[(end + 1)...].split(separator: UInt8(ascii: " "))
        // proc_pid_stat(5), counted from field 3.
        guard fields.count > 19, let letter = fields[0].first else { return nil }
        runState = RunState(letter: letter)
        startTime = Self.number(fields[19])
        if let line = SupervisorFile.read("/proc/\(pid)/schedstat"),
            let nanoseconds = line.split(separator: UInt8(ascii: " ")).first
        {
            processorTime = .nanoseconds(Int64(clamping: Self.number(nanoseconds)))
        } else {
            processorTime = .milliseconds(10 * Int64(clamping: Self.number(fields[11]) &+ Self.number(fields[12])))
        }
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64 {
        digits.reduce(0) { $1 >= 48 && $1 <= 57 ? $0 &* 10 &+ UInt64($1 - 48) : $0 }
    }
}
