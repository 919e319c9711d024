import Primitives

/// The rules of this room. docs/rules.md says of each what happened and what to do.
extension RuleID {
    // Peers
    public static let helloJoined = RuleID("hello.peer.joined")
    public static let helloRestarted = RuleID("hello.peer.restarted")
    public static let helloLost = RuleID("hello.peer.lost")
    public static let helloChanged = RuleID("hello.peer.changed")
    public static let helloNameTwice = RuleID("hello.peer.name-twice")
    // What does not go together
    public static let helloOtherVersion = RuleID("hello.mismatch.version")
    public static let helloOtherInterval = RuleID("hello.mismatch.interval")
    public static let helloOtherAddresses = RuleID("hello.mismatch.addresses")
    public static let helloOtherAuthentication = RuleID("hello.mismatch.authentication")
    public static let helloOtherLease = RuleID("hello.mismatch.lease")
    // Handing over
    public static let helloDeparts = RuleID("hello.hand-over.departs")
    public static let helloNamed = RuleID("hello.hand-over.named")
    public static let helloTurn = RuleID("hello.hand-over.turn")
    public static let helloClaimed = RuleID("hello.hand-over.claimed")
    // Promises
    public static let helloPromiseAsked = RuleID("hello.promise.asked")
    public static let helloPromised = RuleID("hello.promise.made")
    // Not listened to
    public static let helloMalformed = RuleID("hello.drop.malformed")
    public static let helloFormat = RuleID("hello.drop.format")
    public static let helloSeal = RuleID("hello.drop.seal")
    public static let helloHopLimit = RuleID("hello.drop.hop-limit")
    public static let helloStranger = RuleID("hello.drop.stranger")
    public static let helloOtherRouter = RuleID("hello.drop.other-router")
    public static let helloOwn = RuleID("hello.drop.own")
    public static let helloReplayed = RuleID("hello.drop.replayed")
    public static let helloCrowded = RuleID("hello.drop.crowded")
}

extension HelloRejection {
    public var rule: RuleID {
        switch self {
        case .malformed: .helloMalformed
        case .format: .helloFormat
        case .seal: .helloSeal
        case .hopLimit: .helloHopLimit
        case .stranger: .helloStranger
        case .otherRouter: .helloOtherRouter
        case .own: .helloOwn
        case .replayed: .helloReplayed
        case .crowded: .helloCrowded
        }
    }
}
