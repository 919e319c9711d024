import Arbitration
import LinuxWorld
import Primitives

/// One arbiter as the worker's loop sees it. Nothing blocks, everything it keeps is bounded, and what is lost is asked again by
/// whoever asked: a client need not try for long.
protocol ArbiterClient: AnyObject {
    /// The poller reports `token` when ``turn(at:)`` has something to do.
    func watch(by poller: borrowing Poller, token: UInt64) throws(SystemError)
    /// Asks all of these, in one request where the arbiter has room for that. Each is answered at most once.
    func ask(_ questions: [LeaseQuestion], at now: Instant)
    /// Reads what came, and does what is due.
    func turn(at now: Instant)
    /// When ``turn(at:)`` has something to do without anything coming; nil is never.
    var nextDeadline: Deadline? { get }
    /// What came since the last call.
    func takeReports() -> [LeaseReport]
    var standing: ArbiterStanding { get }
}
