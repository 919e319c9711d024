import Primitives

/// The rules by which the balancer acts; docs/rules.md explains each.
extension RuleID {
    /// A check failed, and its retries were used up.
    public static let serverFailed = RuleID("balance.server.failed")
    /// The last check that had failed passes again.
    public static let serverRecovered = RuleID("balance.server.recovered")
    /// A checker with `alpha` has not passed yet.
    public static let serverUnproved = RuleID("balance.server.unproved")
    /// A check failed; its retries are not used up.
    public static let checkForgiven = RuleID("balance.check.forgiven")
    /// This host could not ask: the server stays what it was.
    public static let checkUnasked = RuleID("balance.check.unasked")
    /// The weight of living servers fell below the quorum.
    public static let quorumLost = RuleID("balance.quorum.lost")
    /// The weight of living servers reached the quorum.
    public static let quorumGained = RuleID("balance.quorum.gained")
    /// An operator, or a reload, has a server's connections run out.
    public static let drainBegun = RuleID("balance.drain.begun")
    /// A server that was drained is out.
    public static let drainDone = RuleID("balance.drain.done")
    /// An operator takes a drained server back.
    public static let drainEnded = RuleID("balance.drain.ended")
    /// A server that came back has its whole weight.
    public static let slowStartDone = RuleID("balance.slow-start.done")
    /// `ha_suspend`: the service's address left this node, or came.
    public static let serviceSuspended = RuleID("balance.service.suspended")
    public static let serviceResumed = RuleID("balance.service.resumed")
    /// Someone else changed what the kernel forwards, and it was put right.
    public static let tableRepaired = RuleID("balance.table.repaired")
    /// The kernel, or the data plane, did not take a change.
    public static let tableRefused = RuleID("balance.table.refused")
}
