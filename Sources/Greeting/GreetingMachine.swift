import Arbitration
import Primitives
import VRRP

/// One virtual router's greetings, on one node: who else is there, what it holds true, and who follows whom. Pure.
///
/// Nobody's word changes anything before it is proved that it is spoken now. Each incarnation is at first a candidate, whatever
/// it says; it becomes a peer when it echoes a hello that this node sent *after* it was first heard. From then on each of its
/// hellos must have a higher sequence than all before. So a recording of a process that is gone changes nothing: it cannot echo
/// what is said after it was made, and a process that was replaced or lost begins as a candidate again.
/// With a key nobody can forge either; without one whoever is on the link can, as with VRRP itself.
///
/// Nothing depends on a peer answering. Where nobody ever answered, as a keepalived does not, hellos become as rare as one a minute.
public struct GreetingMachine: Sendable {
    /// Peers, and as many candidates.
    public static let mostPeers = 16
    /// Between two hellos to one destination, whatever happens: at most ten a second.
    public static let shortestPause: Duration = .milliseconds(100)
    /// Between two hellos to a destination that never answered.
    public static let longestPause: Duration = .seconds(60)
    public static let shortestSlot: Duration = .milliseconds(5)
    /// What is measured or said beyond that is an outage, not a round trip.
    public static let longestSlot: Duration = .seconds(1)
    /// How many of its own hellos it remembers the sending of.
    static let memory = 64

    public let settings: GreetingSettings
    public private(set) var facts: GreetingFacts
    public internal(set) var peers: [GreetingPeer] = []
    /// Hellos that were not listened to, by ``HelloRejection``.
    public internal(set) var rejections = [UInt64](repeating: 0, count: HelloRejection.allCases.count)
    var candidates: [GreetingCandidate] = []
    var destinations: [GreetingDestination] = []
    var isStarted = false
    /// The number of the last hello sent.
    var sequence: UInt64 = 0
    /// The latest last.
    var said: [Said] = []
    /// Incarnations that another one of their name took the place of.
    var retired: [Retired] = []
    var request: Duration?
    /// When this node last became master, and when it let go.
    var masterFrom: Instant?
    var masterUntil: Instant?
    /// Made, and not yet sent.
    var promise: Hello.Promise?
    /// Who was told of as refused, and when.
    var refused: [Refused] = []
    var random: SplitMix64
    /// A living node has the name of this one, or of a peer.
    public internal(set) var hasNamesake = false
    /// A node that proved to be there found no place among the peers.
    public internal(set) var hasTurnedAway = false
    var bug: GreetingBug?

    struct Said: Hashable, Sendable {
        var sequence: UInt64
        var at: Instant
        var asked: Bool
    }

    struct Retired: Hashable, Sendable {
        var incarnation: Incarnation
        /// Of the last hello heard from it.
        var sequence: UInt64
        /// What this node had said by then: if it echoes something later, it lives.
        var saidBefore: UInt64
        /// Whether the other had been retired itself and came back.
        var isByReturn: Bool
        var isTold = false
    }

    struct Refused: Hashable, Sendable {
        var rejection: HelloRejection
        var address: IPAddress
        var at: Instant
    }

    /// - Parameter random: for the moments of hellos, so that nodes do not keep step.
    public init(settings: GreetingSettings, facts: GreetingFacts, random: SplitMix64) {
        self.settings = settings
        self.facts = facts
        self.random = random
    }

    // MARK: - What others see

    /// When `advance(to:)` has something to do; nil before it is started.
    public var nextDeadline: Deadline? {
        guard isStarted else { return nil }
        let due = destinations.lazy.map(\.due).min() ?? .distantFuture
        let loss = peers.lazy.map { [patience] in end(of: $0, patience) }.min() ?? .distantFuture
        let last = candidates.lazy.map { [patience] in $0.since + patience }.min() ?? .distantFuture
        return min(due, min(loss, last))
    }

    /// How long after its last hello a peer is lost: three intervals, as long as they can be.
    var patience: Duration { settings.interval * 33 / 10 }

    /// When it is lost: nothing comes from it, or for twice as long it has heard nothing of this node, which is how a recording of
    /// it would sound.
    private func end(of peer: GreetingPeer, _ patience: Duration) -> Deadline {
        min(peer.heardAt + patience, peer.hearsAsOf + patience * 2)
    }

    func isOwn(_ incarnation: Incarnation) -> Bool { incarnation == settings.incarnation }

    // MARK: - Inputs

    /// Greets everybody.
    public mutating func start(at now: Instant, into effects: inout [GreetingEffect]) {
        guard !isStarted else { return }
        isStarted = true
        let addresses: [IPAddress]
        switch settings.way {
        case .multicast(let group): addresses = [group]
        case .unicast(let peers): addresses = Array(peers.prefix(Self.mostPeers))
        }
        for address in addresses where !destinations.contains(where: { $0.address == address }) {
            destinations.append(GreetingDestination(address: address, due: now, pause: settings.interval))
        }
        advance(to: now, into: &effects)
    }

    /// What this node holds true has changed: the others are told at once.
    public mutating func update(_ facts: GreetingFacts, at now: Instant, into effects: inout [GreetingEffect]) {
        guard facts != self.facts else { return }
        self.facts = facts
        for index in peers.indices { compare(index, into: &effects) }
        hasten(at: now)
        advance(to: now, into: &effects)
    }

    /// When this node last became master (nil: never), and when it let go (nil: it has not); said with the next hello.
    public mutating func note(masterFrom began: Instant?, until ended: Instant?) {
        (masterFrom, masterUntil) = (began, ended)
    }

    /// Asks everybody with every hello from here on, or no more (nil), not to take the lease for `duration` from its sending. Hellos leave
    /// at least four times in `duration`, as long as the rate allows.
    /// At least a millisecond, at most an hour.
    public mutating func ask(
        promiseFor duration: Duration?, at now: Instant, into effects: inout [GreetingEffect]
    ) {
        let duration = duration.map { min(max($0, .milliseconds(1)), LeaseTerms.longest) }
        guard duration != request else { return }
        request = duration
        hasten(at: now)
        advance(to: now, into: &effects)
    }

    /// Promises what was asked, in the next hello. Whoever calls this has made sure that it will keep it.
    public mutating func promise(
        _ duration: Duration, to incarnation: Incarnation, sequence: UInt64, at now: Instant,
        into effects: inout [GreetingEffect]
    ) {
        guard duration >= .milliseconds(1), peers.contains(where: { $0.incarnation == incarnation }) else { return }
        promise = Hello.Promise(to: incarnation, sequence: sequence, duration: min(duration, LeaseTerms.longest))
        hasten(at: now)
        advance(to: now, into: &effects)
    }

    public mutating func advance(to now: Instant, into effects: inout [GreetingEffect]) {
        guard isStarted else { return }
        let patience = patience
        for peer in peers where now >= end(of: peer, patience) { effects.append(.note(.lost(peer.name))) }
        peers = peers.filter { now < end(of: $0, patience) }
        candidates.removeAll { now >= $0.since + patience }
        for index in destinations.indices where now >= destinations[index].due {
            send(to: index, at: now, into: &effects)
        }
    }
}
