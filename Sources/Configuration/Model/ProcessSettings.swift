/// How a process of its own would run: `checker_…` and `bfd_…`. There is neither yet.
public struct ProcessSettings: Hashable, Sendable {
    /// `…_process_name`.
    public var name: String?
    /// `…_priority`: nice value, -20…19.
    public var niceness: Int?
    /// `…_rt_priority`: SCHED_RR priority, 1…99.
    public var realtimePriority: Int?
    /// `…_no_swap`: lock its memory.
    public var noSwap: Bool = false
    /// `…_cpu_affinity`: processors, ascending; empty means all.
    public var cpuAffinity: [Int] = []
    /// `…_rlimit_rttime`, in microseconds; nil means 10,000 where it is real-time.
    public var rlimitRealtime: Duration?

    public init() {}
}

/// `max_auto_priority` and `min_auto_priority_delay`: keepalived raises its own priority when its timers are late.
public struct AutomaticPriority: Hashable, Sendable {
    /// -1…99: 0 is off, -1 off without a notice at start; nil means 0.
    public var highest: Int?
    /// How late a timer must be.
    public var delay: Duration = .seconds(1)

    public init() {}
}
