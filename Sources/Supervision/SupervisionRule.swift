import Primitives

/// The rules by which the supervisor acts; docs/processes.md explains each.
public enum SupervisionRule {
    /// The worker stood still: it promised to wake, did not, and was neither running nor blocked.
    public static let workerHung = RuleID("supervision.worker.hung")
    /// The worker was stopped by a signal or a debugger.
    public static let workerStopped = RuleID("supervision.worker.stopped")
    /// The worker used processor time without coming back to its loop.
    public static let workerSpinning = RuleID("supervision.worker.spinning")
    /// The worker was runnable, but got no processor for three advertisement intervals.
    public static let workerStarved = RuleID("supervision.worker.starved")
    /// The worker sat in an uninterruptible system call for three advertisement intervals.
    public static let workerBlocked = RuleID("supervision.worker.blocked")
    /// The worker's loop stood still for longer than a quarter of the shortest time that others count on.
    public static let workerStalled = RuleID("worker.stalled")
    /// The worker was not ready in time.
    public static let workerStartTimeout = RuleID("supervision.worker.start-timeout")
    /// The worker ended without being asked to, and is replaced.
    public static let workerRestart = RuleID("supervision.worker.restart")
    /// The health worker ended without being asked to, and is replaced.
    public static let healthRestart = RuleID("supervision.health.restart")
    /// The health worker said nothing for ten seconds, or sent what is no message.
    public static let healthHung = RuleID("supervision.health.hung")
    /// Alert mails were lost between the worker that ordered them and the mail server, or the mail process ended.
    public static let mailLost = RuleID("supervision.mail.lost")
    /// Too many restarts: everything is released and the daemon ends.
    public static let workerGiveUp = RuleID("supervision.worker.give-up")
    /// The worker ended with a code that a restart would not change.
    public static let workerPermanent = RuleID("supervision.worker.permanent")
    /// The arbiter worker ended unasked, and is started again.
    public static let arbiterRestart = RuleID("supervision.arbiter.restart")
    /// It said nothing for ten seconds, or what is no message, or did not stop.
    public static let arbiterHung = RuleID("supervision.arbiter.hung")
    /// Leases are not guarded by the kernel as they could be.
    public static let fenceWeak = RuleID("supervision.fence.weak")
    /// Somebody removed the fence; it is put back.
    public static let fenceLost = RuleID("supervision.fence.lost")
    /// The worker did not release within its limit at a stop.
    public static let stopTimeout = RuleID("supervision.stop.timeout")
    /// A hook did not start, failed, or was ended at its limit.
    public static let hookFailed = RuleID("supervision.hook.failed")
    public static let hookTimeout = RuleID("supervision.hook.timeout")
    /// A waiting hook was dropped because a newer state came before it could start.
    public static let hookSuperseded = RuleID("supervision.hook.superseded")
    /// A hook was dropped because too many wait.
    public static let hookOverflow = RuleID("supervision.hook.overflow")
    /// A tracked script did not end in time.
    public static let checkTimeout = RuleID("supervision.check.timeout")
    /// A tracked script was due again while it still ran.
    public static let checkStillRunning = RuleID("supervision.check.still-running")
    /// A named pipe was full or had no reader, and a line was lost.
    public static let fifoLost = RuleID("supervision.fifo.lost")
}
