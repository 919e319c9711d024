import CLinux
import Primitives

/// How the kernel schedules this thread and keeps its memory (sched(7), mlockall(2)). None of these is fatal to lack
/// (a container allows none): each says why it did not work, and the caller goes on.
public enum Scheduling {
    /// SCHED_RR at 1…99, not inherited by children (SCHED_RESET_ON_FORK).
    public static func realtime(priority: Int32) throws(SystemError) {
        _ = try check(aloft_schedule_realtime(priority), .schedule, "run at real-time priority", "\(priority)")
    }

    public static func ordinary() throws(SystemError) {
        _ = try check(aloft_schedule_other(), .schedule, "run at ordinary priority")
    }

    /// The real-time priority of this thread; nil when it has none.
    public static var realtimePriority: Int32? {
        let current = aloft_schedule_current()
        // SCHED_FIFO is 1, SCHED_RR 2.
        return current >= 0 && (current & 0xFF == 1 || current & 0xFF == 2) ? current >> 8 : nil
    }

    /// How long a real-time thread may run without sleeping: SIGXCPU at the soft limit, SIGKILL at the hard one.
    public static func limitRealtime(soft: Duration, hard: Duration) throws(SystemError) {
        let result = aloft_limit_rttime(
            UInt64(max(0, soft.nanoseconds / 1000)), UInt64(max(0, hard.nanoseconds / 1000)))
        _ = try check(result, .schedule, "limit real-time running")
    }

    /// −20…19.
    public static func niceness(_ value: Int32) throws(SystemError) {
        _ = try check(aloft_set_niceness(value), .schedule, "set the niceness", "\(value)")
    }

    public static func affinity(_ cpus: [UInt32]) throws(SystemError) {
        _ = try check(aloft_set_affinity(cpus, Int32(cpus.count)), .schedule, "run on processors", "\(cpus)")
    }

    /// Keeps in memory what has been touched, and what will be (MCL_ONFAULT: without it resident memory triples).
    public static func lockMemory() throws(SystemError) {
        _ = try check(aloft_lock_memory(), .memory, "lock memory")
    }

    public static func unlockMemory() throws(SystemError) {
        _ = try check(aloft_unlock_memory(), .memory, "unlock memory")
    }
}

/// The code of this program in memory.
public enum ProgramCode {
    /// Gives back the pages that only starting needed: the configuration's reader and its schema are most of
    /// them. What runs again is mapped again, from the page cache.
    public static func releasePages() { _ = aloft_release_code() }

    /// Keeps in memory what runs from here on, so that a disk that hangs cannot stop a takeover.
    /// Needs CAP_IPC_LOCK or a limit (RLIMIT_MEMLOCK) that allows it.
    public static func lockPages() throws(SystemError) {
        _ = try check(aloft_lock_code(), .memory, "keep the program's code in memory")
    }
}
