import Primitives

/// What a node promises about a lease: how long it is, and how far its clock may run wrong.
///
/// A holder counts L(1−Φ) by its own clock, a taker waits L(1+Φ) by its own. As long as each clock keeps within Φ of true time,
/// the first is at most L of true time and the second at least L, so that a taker comes after a holder.
public struct LeaseTerms: Hashable, Sendable {
    /// L.
    public let duration: Duration
    /// Φ in parts per thousand.
    public let drift: UInt16

    /// 10 %: chrony slews a clock by up to 8 %.
    public static let defaultDrift: UInt16 = 100
    /// With more, a holder could not renew in time.
    public static let allowedDrift: ClosedRange<UInt16> = 1...300
    /// Whoever waits for a record with more waits for a mistake, and nobody serves meanwhile.
    public static let longest: Duration = .seconds(3600)

    /// Why terms are refused.
    public enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case notPositive
        case tooLong
        case driftOutOfRange
        /// A renewal, a lost answer and its reading back would not fit.
        case shorterThanThreeRoundTrips

        public var description: String {
            switch self {
            case .notPositive: "a lease needs a duration above zero"
            case .tooLong: "a lease lasts an hour at most"
            case .driftOutOfRange: "the drift of a lease is 0.1 to 30 percent"
            case .shorterThanThreeRoundTrips:
                "a lease must last three round trips to its arbiter at least: make it longer, or take a nearer arbiter"
            }
        }
    }

    /// - Parameter roundTrip: what an answer of the arbiter takes at most while all is well: a lease must be three times as long.
    public init(
        duration: Duration, drift: UInt16 = LeaseTerms.defaultDrift, roundTrip: Duration = .zero
    ) throws(Refusal) {
        guard duration > .zero else { throw .notPositive }
        guard duration <= Self.longest else { throw .tooLong }
        guard Self.allowedDrift.contains(drift) else { throw .driftOutOfRange }
        guard roundTrip <= duration / 3 else { throw .shorterThanThreeRoundTrips }
        self.init(checked: duration, drift: drift)
    }

    /// What nobody waits for and nothing is widened by.
    static let shortest = LeaseTerms(checked: .nanoseconds(1), drift: allowedDrift.lowerBound)

    private init(checked duration: Duration, drift: UInt16) {
        self.duration = duration
        self.drift = drift
    }

    /// The larger of both lengths and of both drifts: what a taker goes by.
    public func widened(by other: LeaseTerms) -> LeaseTerms {
        LeaseTerms(checked: max(duration, other.duration), drift: max(drift, other.drift))
    }

    /// L(1−Φ), rounded down: how long a grant is good for, from the moment its request was sent.
    public var holdingTime: Duration { .nanoseconds(duration.nanoseconds * (1000 - Int64(drift)) / 1000) }

    /// L(1+Φ), rounded up: how long another's record must have stood unchanged before it is replaced.
    public var waitingTime: Duration { .nanoseconds((duration.nanoseconds * (1000 + Int64(drift)) + 999) / 1000) }

    /// From one renewal's sending to the next's.
    var renewal: Duration { duration / 3 }
    /// From one look at another's record to the next.
    var look: Duration { duration / 6 }
    /// From one look to the next while the holder is letting go: 5 ms at first, and the rarer the longer it takes, so that an arbiter is
    /// asked some fifty times in all.
    func glance(after waited: Duration) -> Duration { max(min(.milliseconds(5), duration / 40), waited / 16) }
    /// After something that failed at once.
    var pause: Duration { duration / 12 }
    /// When an answer counts as lost, unless a round trip may take longer.
    var patience: Duration { duration / 6 }
    /// How long before the end it is left, so that addresses are gone when it comes.
    var lead: Duration { duration / 20 }
}
