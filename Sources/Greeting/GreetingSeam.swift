import Arbitration
import Primitives
import VRRP

/// How one virtual router's nodes greet each other.
public struct GreetingSettings: Sendable {
    /// Where hellos go.
    public enum Way: Hashable, Sendable {
        /// To all on the link, by hop limit 255. Nobody knows who does not answer.
        case multicast(group: IPAddress)
        /// To each of these, and from nobody else; the first 16.
        case unicast([IPAddress])
    }

    public var router: VirtualRouterID
    public var family: AddressFamily
    /// Of this process: 64 random bits, not 0.
    public var incarnation: Incarnation
    /// The one that its adverts come from: of equal priorities the higher address ranks first (RFC 9568 §6.4.3).
    public var address: IPAddress
    public var way: Way
    /// Nil: hellos are not authenticated.
    public var seal: HelloSeal?
    /// From one hello to the next while nothing happens.
    public var interval: Duration
    /// E: what it takes from a decision to an address that serves.
    public var effectTime: Duration

    public init(
        router: VirtualRouterID, family: AddressFamily, incarnation: Incarnation, address: IPAddress, way: Way,
        seal: HelloSeal? = nil, interval: Duration = .seconds(3), effectTime: Duration = .milliseconds(2)
    ) {
        self.router = router
        self.family = family
        self.incarnation = incarnation
        self.address = address
        self.way = way
        self.seal = seal
        self.interval = max(interval, .milliseconds(100))
        self.effectTime = max(effectTime, .zero)
    }
}

/// What a greeting machine asks of the world, and tells it.
public enum GreetingEffect: Hashable, Sendable {
    /// One datagram; to the group it leaves with hop limit 255.
    case send([UInt8], to: IPAddress)
    case note(GreetingNote)
}

/// Where one's configuration and another's do not go together, with both values.
public enum GreetingMismatch: Hashable, Sendable {
    case version(own: Version, theirs: Version)
    case interval(own: Centiseconds, theirs: Centiseconds)
    case addresses
    case authentication(own: GreetingFacts.Authentication.Kind, theirs: GreetingFacts.Authentication.Kind)
    case lease(own: GreetingFacts.Lease?, theirs: GreetingFacts.Lease?)

    public var rule: RuleID {
        switch self {
        case .version: .helloOtherVersion
        case .interval: .helloOtherInterval
        case .addresses: .helloOtherAddresses
        case .authentication: .helloOtherAuthentication
        case .lease: .helloOtherLease
        }
    }
}

/// A peer, as people know it.
public struct GreetingName: Hashable, Sendable, CustomStringConvertible {
    public var name: HolderName
    public var address: IPAddress
    public var incarnation: Incarnation

    public var description: String { "\(name) (\(address))" }
}

/// What happened.
public enum GreetingNote: Hashable, Sendable {
    /// A peer has proved that it is there now, and what it is.
    case joined(GreetingName)
    /// The same, as a new process of a node that was there before.
    case restarted(GreetingName)
    /// Nothing was heard of it for three intervals.
    case lost(GreetingName)
    /// Another living node has the name of this one, or of a peer.
    case nameTwice(GreetingName)
    case mismatch(GreetingMismatch, with: GreetingName)
    /// What did not go together does now.
    case settled(RuleID, with: GreetingName)
    /// What it says of itself has changed: ``GreetingMachine/peers``.
    case changed(GreetingName)
    /// It will stop; whether it named this node as the one that follows. ``GreetingMachine/handOver(from:at:)`` says when.
    case departs(GreetingName, namesThis: Bool)
    /// A backup that ranks before this master asks it to hand over.
    case claimed(by: GreetingName)
    /// The holder of `epoch` asks for a promise; ``GreetingMachine/promise(_:to:sequence:at:into:)`` makes it.
    case promiseAsked(by: GreetingName, sequence: UInt64, duration: Duration, epoch: Epoch)
    /// It does not take the lease for `duration` from `since`, of this node's clock.
    case promised(by: GreetingName, since: Instant, duration: Duration)
    /// Something was not listened to; told once a minute.
    case refused(HelloRejection, from: IPAddress)

    public var rule: RuleID {
        switch self {
        case .joined: .helloJoined
        case .restarted: .helloRestarted
        case .lost: .helloLost
        case .nameTwice: .helloNameTwice
        case .mismatch(let mismatch, _): mismatch.rule
        case .settled(let rule, _): rule
        case .changed: .helloChanged
        case .departs(_, let namesThis): namesThis ? .helloNamed : .helloDeparts
        case .claimed: .helloClaimed
        case .promiseAsked: .helloPromiseAsked
        case .promised: .helloPromised
        case .refused(let rejection, _): rejection.rule
        }
    }
}

/// When this node takes over from one that departs.
public struct HandOver: Hashable, Sendable {
    public var from: GreetingName
    /// 0: at once.
    public var rank: Int
    /// `rank` slots, from now.
    public var delay: Duration
    public var isNamed: Bool
    /// Whether every configured peer takes turns by the same ranking. Where hellos go to a group, a router that does not greet may
    /// be there unheard, and this is false: then waiting less than the skew time may jump a higher one.
    public var includesAll: Bool

    public var rule: RuleID { isNamed ? .helloNamed : .helloTurn }
}

/// The planted bugs of this room's tests.
enum GreetingBug: String, Hashable, Sendable, CaseIterable {
    /// A hello changes things however old it is.
    case noSequenceCheck
    /// A new face is believed at once.
    case noChallenge
    /// An echo of anything ever said will do.
    case staleChallenge
}
