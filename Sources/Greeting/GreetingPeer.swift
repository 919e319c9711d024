import Arbitration
import Primitives
import VRRP

/// A node that proved, in this run, that it is Aloft, there now, and one of this virtual router's.
public struct GreetingPeer: Hashable, Sendable {
    public let incarnation: Incarnation
    /// Where its hellos come from.
    public internal(set) var address: IPAddress
    public internal(set) var facts: GreetingFacts
    /// Of its last hello.
    public internal(set) var sequence: UInt64
    /// When that arrived.
    public internal(set) var heardAt: Instant
    /// When the latest hello of this node left that it is known to have heard.
    public internal(set) var hearsAsOf: Instant
    /// One turn of a hand-over, as far as it can tell; at most ``GreetingMachine/longestSlot``.
    public internal(set) var slot: Duration
    /// Whom it named to follow it.
    public internal(set) var successor: Incarnation?
    /// When it last became master, by this node's clock, as far as it said; nil: never.
    public internal(set) var masterFrom: Instant?
    /// When it let go; nil while it is master.
    public internal(set) var masterUntil: Instant?
    /// In the order of ``GreetingMismatch``.
    public internal(set) var mismatches: [GreetingMismatch]
    /// The last eight.
    var roundTrips: [Duration] = []
    /// The last hello of this node that it is known to have heard.
    var echoed: UInt64
    /// The last promise that was told of.
    var promised: UInt64 = 0

    public var name: GreetingName { GreetingName(name: facts.name, address: address, incarnation: incarnation) }

    /// There and back, without the time that the other waited: the longest of the last eight; nil before the first.
    public var roundTrip: Duration? { roundTrips.max() }

    mutating func measured(_ roundTrip: Duration) {
        if roundTrips.count == 8 { roundTrips.removeFirst() }
        roundTrips.append(max(.zero, roundTrip))
    }
}

/// Somebody who has not yet answered what this node said since it was first heard: perhaps a recording.
struct GreetingCandidate: Hashable, Sendable {
    var incarnation: Incarnation
    var address: IPAddress
    var sequence: UInt64
    var heardAt: Instant
    /// When it was first heard, and what this node had said by then: what it echoes must be later.
    var since: Instant
    var saidBefore: UInt64
}

/// Where hellos go: a group, or one configured peer.
struct GreetingDestination: Hashable, Sendable {
    var address: IPAddress
    /// Whether anybody ever spoke from there: until then it is asked ever more rarely.
    var answers = false
    var due: Deadline
    var sentAt: Instant?
    /// To the next one, while nobody answers.
    var pause: Duration
    /// Whom the last hello echoed, where there are more than fit.
    var turn = 0
}
