import Primitives

/// The leases of a Corosync cluster: a register that compares and swaps, kept by the members of a closed process group together,
/// because Corosync itself stores nothing. Pure: one member's part, driven by what Corosync delivers.
///
/// ## Why the answer to a write is not its own delivery
///
/// Messages are delivered in one order everywhere (agreed), but *agreed is not safe*: that a message came back to its sender
/// says nothing about others. A Corosync that was stopped, or a whole machine that was, goes on in the ring that it knows. Until
/// its own timers have run, it takes new messages from its clients, delivers them back, and calls itself quorate, though the
/// others formed a ring without it long ago and have waited for its leases to run out. Nothing that one node can look at
/// tells the two apart, and no waiting of the others helps, because such a renewal may begin at any later time (docs/corosync.md
/// has the measurement).
///
/// So an answer rests on **acknowledgements**: every member that has carried out a request says so, in the same group, and
/// a question is answered when members on nodes with more than half of all votes have. Each does that from memory, while it is
/// in the view (below). That makes the register linearizable without any assumption about how timely Corosync is, and
/// ``LeaseMachine`` needs no more of an arbiter: the holder counts from its sending, which is before the first acknowledgement.
///
/// ## Views
///
/// A *view* is a ring, the processes in the group, and the electorate (``ViewTag``). With each new one, every member sends its
/// state: its table, the last view with a majority that it was part of (``PrimaryID``), and whether it is a *voter*: whether it
/// remembers everything that it ever acknowledged. When the states of voters with a majority have come (the same ones, in the
/// same order, for all: they are messages too) the view is *primary*: everybody replaces its table by the union of those
/// states that name the greatest primary, the higher version of each lease. Before that nothing is carried out, and requests
/// name the view *and* those states, so that whoever took over from others takes no part.
///
/// *What was granted is never lost.* Let w be granted in primary P: voters with a majority had it in their tables and said so,
/// while in P. A later primary Q rests on voters with a majority, so on one of those, k, which sent its state for Q after it
/// had left P, with w. Is the greatest primary named there P, the union has w, or what came after it in P: within one primary all
/// tables are beginnings of one order. Is it a later one, that one has w by the same argument. It is not an earlier one: k
/// names P. Later primaries have greater names: two of different rings have a node in common, whose ring sequence only grows;
/// two of one ring count.
///
/// *Two cannot grant past each other.* A question that is answered in P was acknowledged by a majority while they were in P. One of
/// them is among those on which Q rests, and it left P before; so all that P answers comes before all that Q does.
///
/// ## What is forgotten
///
/// Tables are in memory only. Who was started anew, or lost its connection to Corosync, is no voter: it may have acknowledged what
/// it no longer knows. It becomes one when it takes part in a primary (it has the union then, and with it all that was granted),
/// or after the longest L(1+Φ) that it ever acknowledged, when nobody holds by what it forgot. That length is on disk
/// (``RegisterMemory``), written ahead. Where all were restarted at once, a lease can so be taken after that time.
///
/// With it on disk is a bound above all epochs and versions that the node acknowledged. A lease that no table has is shown as a
/// free one with the greatest bound of the voters as its epoch and version. Every epoch that was granted was acknowledged by one of
/// them, so the next is greater: none is used twice, not even after all nodes lost power.
///
/// ## Quorum
///
/// Majorities are of the votes of the node list, whatever Corosync's own quorum rests on. With `two_node` each of two nodes is
/// quorate alone; with `auto_tie_breaker`, `last_man_standing` or a quorum device a minority may be; none of those is something
/// that a majority has in common. Corosync's word is needed *too*: a member asks and acknowledges only while Corosync calls the
/// very ring of the view quorate.
///
/// One node has one member: the disk file is locked, and a view with two of one node is none. Nodes are added or removed one at a
/// time: majorities before and after then have a node in common.
///
/// Members of one ring may learn of another electorate one after the other, and so come to see a view at different places in the
/// order. Whoever does says so in it (`gather`), and all that see it by then begin it anew, at that place. The same after five
/// seconds in which a view did not become primary.
///
/// What is heard is trusted: who may send in the group is Corosync's to say (its key).
public struct CorosyncRegister: Hashable, Sendable {
    /// What this member can do at the moment.
    public enum Standing: Hashable, Sendable {
        /// No connection to Corosync.
        case disconnected
        /// Connected; the view is not known, or this process is not in it yet.
        case joining
        /// Corosync does not call this ring quorate.
        case notQuorate
        /// States are missing. `voters`: nodes whose states are there and count.
        case gathering(voters: [UInt32])
        /// The same, and this member counts only from then on, because it was restarted.
        case recovering(until: Deadline)
        case ready
    }

    /// The most leases of one group.
    public static let mostLeases = 4096
    static let mostPending = 1024
    /// Between two readings of the electorate because others seem to have another, and between two attempts at a view.
    static let doubtPause: Duration = .seconds(5)

    var bug: RegisterBug?

    /// What is on disk, and what was asked to be.
    public internal(set) var memory: RegisterMemory
    var wanted: RegisterMemory

    // What Corosync says.
    var me: RegisterMember?
    var electorate: Electorate?
    var ring: RingID?
    var members: [RegisterMember] = []
    var quorateRing: RingID?

    // The view.
    var view: ViewTag?
    /// The view with the states it rests on; nil until it is primary.
    var primaryView: ViewTag?
    var states: [Gathered] = []
    var parts: [RegisterMember: RegisterMessage.State] = [:]
    var isStateDue = false
    /// The electorate changed within a ring: others see this view earlier or later, and have sent their states for it or not.
    var isGatherDue = false
    /// When a view that is not primary is begun anew, should anything have gone wrong with it.
    var gatherAt: Deadline?
    var serial: UInt64 = 0
    var doubted: Instant?

    // The register.
    var table: [LeaseName: LeaseRecord] = [:]
    var primary = PrimaryID.none
    /// What a lease that is not in the table has as epoch and version.
    var floor: UInt64
    var isVoter = false
    var voterAt: Deadline

    // The work of a primary view: requests are counted as they are delivered.
    var carriedOut: UInt64 = 0
    var acknowledged: UInt64 = 0
    var acknowledgements: [UInt32: UInt64] = [:]
    var requests: UInt64 = 0
    var pending: [Pending] = []
    var news: [News] = []

    struct Gathered: Hashable, Sendable {
        var member: RegisterMember
        var state: RegisterMessage.State
    }

    /// A request of this member's.
    struct Pending: Hashable, Sendable {
        var number: UInt64
        var questions: [LeaseQuestion]
        /// Its place among the view's requests, once it is delivered, and what it then came to.
        var place: UInt64?
        var answers: [LeaseAnswer] = []
    }

    /// Something that another wrote, not yet known to stand.
    struct News: Hashable, Sendable {
        var place: UInt64
        var lease: LeaseName
        var record: LeaseRecord
    }

    /// - Parameter memory: what this node's disk has, as the last process left it.
    public init(memory: RegisterMemory, at now: Instant) {
        self.memory = memory
        wanted = memory
        floor = memory.bound
        voterAt = now + memory.wait
    }

    // MARK: - What others see

    public var standing: Standing {
        guard me != nil else { return .disconnected }
        guard let view else { return .joining }
        guard quorateRing == view.ring else { return .notQuorate }
        guard primaryView == nil else { return .ready }
        if !isVoter { return .recovering(until: voterAt) }
        return .gathering(voters: votersHere.sorted())
    }

    /// When `advance(to:)` has something to do; nil: never.
    public var nextDeadline: Deadline? {
        guard me != nil else { return nil }
        let gathers = primaryView == nil ? gatherAt : nil
        return isVoter ? gathers : min(voterAt, gathers ?? .distantFuture)
    }

    public var leaseCount: Int { table.count }

    var votersHere: Set<UInt32> { Set(states.lazy.filter(\.state.isVoter).map(\.member.node)) }

    // MARK: - Inputs

    /// Corosync has taken this process in. Membership and ring follow.
    public mutating func connect(as member: RegisterMember, _ electorate: Electorate, at now: Instant) {
        me = member
        self.electorate = electorate
        if now >= voterAt { isVoter = true }
        if bug == .votesAfterRestart { isVoter = true }
    }

    /// The connection is gone. What this member knew may be old when it comes back: it is forgotten.
    public mutating func disconnect(at now: Instant, into effects: inout [RegisterEffect]) {
        abandon(into: &effects)
        (me, ring, view, primaryView, quorateRing) = (nil, nil, nil, nil, nil)
        members = []
        (states, parts, isStateDue, isGatherDue, gatherAt) = ([], [:], false, false, nil)
        (table, primary, floor) = ([:], .none, memory.bound)
        // Whatever was acknowledged was acknowledged before now.
        isVoter = false
        voterAt = now + wanted.wait
    }

    /// The votes were read again.
    public mutating func update(_ electorate: Electorate, at now: Instant, into effects: inout [RegisterEffect]) {
        guard electorate != self.electorate else { return }
        self.electorate = electorate
        enterView(into: &effects)
        isGatherDue = view != nil
    }

    /// Totem's ring, from the service that delivers messages.
    public mutating func update(ring: RingID, at now: Instant, into effects: inout [RegisterEffect]) {
        guard ring != self.ring else { return }
        self.ring = ring
        enterView(into: &effects)
    }

    /// The processes in the group.
    public mutating func update(members: [RegisterMember], at now: Instant, into effects: inout [RegisterEffect]) {
        let members = members.sorted()
        guard members != self.members else { return }
        self.members = members
        enterView(into: &effects)
    }

    /// Whether Corosync calls `ring` quorate, from the service that says so: neither before the other in any sure order.
    public mutating func update(
        quorate: Bool, _ ring: RingID, at now: Instant, into effects: inout [RegisterEffect]
    ) {
        quorateRing = quorate ? ring : nil
        if let view, quorateRing != view.ring { abandon(into: &effects) }
    }

    public mutating func advance(to now: Instant, into effects: inout [RegisterEffect]) {
        becomeVoter(at: now)
    }

    /// The memory is on disk.
    public mutating func remembered(_ memory: RegisterMemory) {
        guard memory.bound >= self.memory.bound, memory.wait >= self.memory.wait else { return }
        self.memory = memory
    }

    /// Ends each turn, after all that was delivered at once: sends what is due.
    public mutating func flush(at now: Instant, into effects: inout [RegisterEffect]) {
        becomeVoter(at: now)
        guard let view, let me, members.contains(me) else { return }
        if primaryView == nil, now >= gatherAt ?? .distantFuture { isGatherDue = true }
        if isGatherDue {
            // Its own state goes with the others', after this has come back.
            effects.append(.multicast(RegisterMessage(view: view, kind: .gather).encoded))
            isStateDue = false
        }
        if isGatherDue || gatherAt == nil { gatherAt = now + Self.doubtPause }
        isGatherDue = false
        if isStateDue, primaryView == nil { sendState(in: view, into: &effects) }
        isStateDue = false
        acknowledge(into: &effects)
    }

    private mutating func becomeVoter(at now: Instant) {
        guard !isVoter, me != nil, now >= voterAt else { return }
        isVoter = true
        isStateDue = primaryView == nil
    }
}
