import Arbitration
import Primitives
import VRRP

/// A time in which this router and another one were master at once, or another host answered for an address that this one
/// held: as far as this node can tell.
public struct Split: Hashable, Sendable {
    /// What told of it first.
    public enum Sign: UInt8, Hashable, Sendable {
        /// Adverts of a router that this one wins over, and that did not yield.
        case advert
        /// A foreign MAC address said that it has the address.
        case address
        /// A greeting: the other says since when it is master, or until when it was.
        case greeting
    }

    public internal(set) var sign: Sign
    /// Where the other's adverts or greetings come from; nil while only its MAC address is known.
    public internal(set) var source: IPAddress?
    /// Nil while it has claimed no address.
    public internal(set) var mac: MACAddress?
    /// As it greets; nil for what does not.
    public internal(set) var name: HolderName?
    /// The address that it claimed.
    public internal(set) var address: IPAddress?
    /// Since when both held.
    public internal(set) var since: Instant
    /// The last sign of the other, or when one of the two let go; `end` where it is over.
    public internal(set) var lastSeen: Instant
    public internal(set) var isOver = false
    /// The claim was answered with an announcement.
    public internal(set) var isAnswered = false
    /// It was over already when a greeting told of it.
    public internal(set) var isHindsight = false
    /// What of `duration` was counted when it seemed to be over before.
    var counted = Duration.zero

    /// How long both held, as far as was seen.
    public var duration: Duration { max(.zero, lastSeen - since) }

    mutating func name(_ claim: AddressClaim) { (mac, address) = (claim.mac, claim.address) }

    public var rule: RuleID {
        switch sign {
        case .advert: .splitAdvert
        case .address: .splitAddress
        case .greeting: .splitGreeting
        }
    }
}

extension Split: CustomStringConvertible {
    public var description: String {
        let other = [source?.description, mac?.description, name?.description].compactMap(\.self).joined(separator: " ")
        return "\(sign) of \(other), \(since) to \(lastSeen)"
    }
}

/// When a router has been master.
public struct Tenure: Hashable, Sendable {
    public var began: Instant
    /// Nil: it still is.
    public var ended: Instant?
}

/// Tells two masters from what happens in every hand-over. One of each router; pure.
///
/// What is no split: a higher router that takes over has sent its advert before this one lets go, and an advert or an
/// announcement of the old master may have been on its way when this one took over. All of that is over within the way
/// between the two. So these are signs, each while this router is master:
///
/// - a second advert of a router that should have yielded to the first answer, at least half its interval and at most four of them later;
/// - one such advert when this router has been master for four intervals (3A + S at the most): who heard its adverts
///   would not have become master, unless three intervals of its own are shorter than one of this router's;
/// - a foreign MAC address that claims a held address, later than `settling` after this router became master, and this
///   router is still master `settling` later;
/// - greetings by which both were master for longer than 3A + S, and a tenth of the time since, for clocks that run apart.
///
/// What is told once: another's time as master, by its source (`told`); and what the same source does again within
/// `claimQuiet` of the end is the same split. A priority 0 does not end such a one, or a forger could begin one with each pair.
///
/// The one that loses hears a single advert, as in every pre-emption, and steps down: only a greeting can tell it.
struct SplitWatch: Sendable {
    /// The one that is going on.
    var current: Split?
    /// The last that is over.
    var last: Split?
    /// Until when what each source did has been told. There may be several at once, and each greeting is of all of them.
    private var told: [(source: IPAddress, until: Instant)] = []
    /// What another greets of a time before says nothing of the present one.
    private var episodeFrom: Instant = .zero
    /// The present one began so soon after the last that only silence ends it.
    private var isRepeated = false
    /// When this router became master; nil while it is not.
    var tenure: Tenure?
    var previousTenure: Tenure?
    /// The kernel's fence ended serving here, whenever this program found out.
    var servedUntil: Instant = .distantFuture
    /// One advert of somebody who may just not have heard this router yet.
    private var suspect: (source: IPAddress, at: Instant)?
    /// A claim that may just have been on its way.
    private var claim: (claim: AddressClaim, at: Instant)?
    private var confirmsClaimAt: Instant?
    /// What was claimed while that was not certain: of this router's addresses.
    private var claimed: Set<IPAddress> = []
    /// When it is over without another sign.
    var quietAt: Instant = .distantFuture
    private var remindsAt: Instant = .distantFuture
    private var reminderPause = Duration.zero
    /// When each address may be announced again. Of this router's addresses.
    private var defences: [IPAddress: (from: Instant, pause: Duration)] = [:]
    private var claimPause = claimQuiet

    /// Without an advert, this is how long the end is waited for at least: a greeting comes within it.
    static let shortestQuiet = Duration.seconds(4)
    /// Claims come when somebody asks; between two of one episode there may be as much. Doubled for one that is heard again
    /// within the longest, so that a host that speaks once a minute is not told of each time.
    static let claimQuiet = Duration.seconds(10)
    static let longestClaimQuiet = Duration.seconds(600)
    static let firstReminder = Duration.seconds(60)
    static let longestReminder = Duration.seconds(3600)
    /// Between two announcements against a foreign claim; doubled each time, up to the longest.
    static let firstDefence = Duration.seconds(1)
    static let longestDefence = Duration.seconds(32)
    static let longestSettling = Duration.milliseconds(500)
    /// What ended longer ago is not told any more: a worker's successor would tell it again.
    static let longestHindsight = Duration.seconds(60)
    /// Of so many other routers it is remembered what was told.
    static let mostTold = 16

    /// How long what was under way at a hand-over may still arrive.
    static func settling(_ interval: Duration) -> Duration { min(interval, longestSettling) }

    var nextDeadline: Deadline? {
        guard current != nil else { return confirmsClaimAt }
        return min(quietAt, remindsAt)
    }

    // MARK: - This router's own time as master

    mutating func becameMaster(at began: Instant) {
        tenure = Tenure(began: began)
        servedUntil = .distantFuture
        forgetSigns()
        defences = [:]
    }

    private mutating func forgetSigns() {
        (suspect, claim, confirmsClaimAt) = (nil, nil, nil)
        claimed = []
    }

    /// Whatever was going on is over: this router lets go. What it was, if anything.
    mutating func leftMaster(at now: Instant) -> Split? {
        let ended = min(now, servedUntil)
        if let tenure { previousTenure = Tenure(began: tenure.began, ended: max(tenure.began, ended)) }
        tenure = nil
        forgetSigns()
        return end(at: ended)
    }

    // MARK: - Signs

    /// A router that loses against this one advertised. True when that makes it a split that is to be told of.
    mutating func heardRival(
        _ source: IPAddress, every theirs: Duration, own: Duration, at now: Instant
    ) -> Bool {
        guard let tenure else { return false }
        let last = last.flatMap {
            $0.sign != .address && now - $0.lastSeen < Self.claimQuiet && $0.lastSeen > tenure.began ? $0 : nil
        }
        let isSoon = current == nil ? last != nil : isRepeated
        let quiet = max(isSoon ? Self.claimQuiet : Self.shortestQuiet, max(theirs, own) * 4)
        if current != nil {
            current?.lastSeen = now
            if current?.source == nil { current?.source = source }
            quietAt = max(now + quiet, quietAt == .distantFuture ? now : quietAt)
            return false
        }
        var since: Instant?
        // One whose interval is much shorter may have waited less than one of this router's.
        if now - tenure.began > own * 4, theirs * 3 >= own {
            since = now
        } else if let suspect, suspect.source == source, now - suspect.at <= theirs * 4 {
            // The same advert twice, or its answer to ours, says nothing yet.
            if now - suspect.at >= theirs / 2 { since = suspect.at } else { return false }
        }
        guard let since else {
            suspect = (source, now)
            return false
        }
        begin(.advert, since: since, at: now)
        isRepeated = isSoon
        quietAt = now + quiet
        if let last, last.source == source {
            var again = last
            (again.isOver, again.isHindsight, again.lastSeen) = (false, false, now)
            current = again
            remindsAt = now + Self.claimQuiet
            return false
        }
        current?.source = source
        return true
    }

    /// It sent priority 0: it lets go. What is over with that.
    mutating func rivalReleased(_ source: IPAddress, at now: Instant) -> Split? {
        guard let present = current, present.source == source else { return nil }
        guard isRepeated else { return end(at: now) }
        current?.lastSeen = now
        return nil
    }

    enum ClaimVerdict {
        case nothing
        /// It may still be an echo of a hand-over: `nextDeadline` tells.
        case pending
        /// It goes on; whether an announcement against it is due.
        case goesOn(announce: Bool)
    }

    /// A foreign MAC address claims an address that this router holds.
    mutating func heardClaim(_ claim: AddressClaim, own interval: Duration, at now: Instant) -> ClaimVerdict {
        guard let tenure, now - tenure.began >= Self.settling(interval) else { return .nothing }
        guard current == nil else {
            current?.lastSeen = now
            if current?.mac == nil { current?.name(claim) }
            // A router that advertises is over when its adverts are; its last claims may come later.
            let pause = current?.sign == .address ? claimPause : Self.shortestQuiet
            quietAt = max(now + pause, quietAt == .distantFuture ? now : quietAt)
            return .goesOn(announce: mayDefend(claim.address, at: now))
        }
        claimed.insert(claim.address)
        guard self.claim == nil else { return .nothing }
        self.claim = (claim, now)
        confirmsClaimAt = now + Self.settling(interval)
        return .pending
    }

    /// The claim was no echo: this router is still master. The addresses to announce; nil where it is not yet time.
    mutating func confirmClaim(at now: Instant) -> Set<IPAddress>? {
        guard let due = confirmsClaimAt, now >= due, let claim else { return nil }
        let addresses = claimed
        forgetSigns()
        guard current == nil else { return nil }
        begin(.address, since: claim.at, at: now)
        current?.name(claim.claim)
        current?.lastSeen = claim.at
        let isAgain = last.map { $0.mac == claim.claim.mac && now - $0.lastSeen < Self.longestClaimQuiet } ?? false
        claimPause = isAgain ? min(claimPause * 2, Self.longestClaimQuiet) : Self.claimQuiet
        quietAt = now + claimPause
        return addresses.filter { mayDefend($0, at: now) }
    }

    /// At most one a second of each address, and ever more rarely: two that answer each other for ever would only fill the link.
    private mutating func mayDefend(_ address: IPAddress, at now: Instant) -> Bool {
        let before = defences[address]
        if let before, now < before.from { return false }
        let pause = before.map { min($0.pause * 2, Self.longestDefence) } ?? Self.firstDefence
        defences[address] = (now + pause, pause)
        return true
    }

    /// What a greeting tells of another's time as master.
    /// - Parameters:
    ///   - heardAt: when it was said: for one that is still master, it was so until then.
    ///   - allowance: 3A + S.
    mutating func compare(
        _ theirs: Tenure, of source: IPAddress, _ name: HolderName, heardAt: Instant, allowance: Duration,
        at now: Instant
    ) -> Comparison {
        guard let overlap = self.overlap(with: theirs, heardAt: heardAt, allowance: allowance, at: now) else {
            // One that goes on ends when the other says that it let go since then.
            if let current, current.source == source || current.name == name, let end = theirs.ended,
                end > max(current.since, episodeFrom)
            {
                return .over(self.end(at: min(end, now)))
            }
            return .nothing
        }
        var began = overlap.began
        let ended = overlap.ended
        let goesOn = overlap.isPresent && theirs.ended == nil
        if let until = told.first(where: { $0.source == source })?.until, began <= until {
            // Told already, unless it is about the present one, or the other still holds although that was believed to be over.
            let isMore =
                current?.source == source ? ended > max(until, episodeFrom) : goesOn && ended - until > allowance
            guard isMore else { return .nothing }
            began = until
        }
        guard goesOn || current?.source == source && ended + allowance >= max(current?.since ?? now, episodeFrom) else {
            // Of a time that is over, and not of what goes on now, if anything does.
            var past = Split(sign: .greeting, source: source, name: name, since: began, lastSeen: ended)
            (past.isOver, past.isHindsight) = (true, true)
            remember(source, until: ended)
            if current == nil { last = past }
            return .wasOne(past)
        }
        let isNew = current == nil
        if isNew { begin(.greeting, since: began, at: now) }
        // One at a time: this one is told of when the other is over.
        if let other = current?.source, other != source { return .nothing }
        current?.source = source
        current?.name = name
        if let present = current {
            current?.since = min(present.since, began)
            current?.lastSeen = max(present.lastSeen, ended)
        }
        if goesOn {
            quietAt = max(quietAt == .distantFuture ? now : quietAt, now + Self.claimQuiet)
            return isNew ? .begun : .nothing
        }
        return .over(self.end(at: ended))
    }

    private mutating func remember(_ source: IPAddress, until: Instant) {
        if let index = told.firstIndex(where: { $0.source == source }) {
            told[index].until = max(told[index].until, until)
            return
        }
        if told.count >= Self.mostTold, let oldest = told.indices.min(by: { told[$0].until < told[$1].until }) {
            told.remove(at: oldest)
        }
        told.append((source, until))
    }

    enum Comparison {
        case nothing
        case begun
        /// It is told of when it is over already.
        case wasOne(Split?)
        case over(Split?)
    }

    private func overlap(
        with theirs: Tenure, heardAt: Instant, allowance: Duration, at now: Instant
    ) -> (began: Instant, ended: Instant, isPresent: Bool)? {
        for own in [tenure, previousTenure].compactMap(\.self) {
            let began = max(own.began, theirs.began)
            // What it is since then, nobody knows.
            let ended = min(own.ended ?? heardAt, theirs.ended ?? heardAt)
            let tolerance = allowance + .nanoseconds(max(0, (now - began).nanoseconds) / 10)
            if ended - began > tolerance, now - ended < Self.longestHindsight {
                return (began, ended, own.ended == nil)
            }
        }
        return nil
    }

    // MARK: - Beginning and end

    private mutating func begin(_ sign: Split.Sign, since: Instant, at now: Instant) {
        current = Split(sign: sign, since: since, lastSeen: now)
        (episodeFrom, isRepeated) = (since, false)
        forgetSigns()
        reminderPause = Self.firstReminder
        remindsAt = now + reminderPause
        quietAt = .distantFuture
    }

    /// Whether it is time to say once more that it goes on.
    mutating func reminds(at now: Instant) -> Bool {
        guard current != nil, now >= remindsAt else { return false }
        reminderPause = min(reminderPause * 2, Self.longestReminder)
        remindsAt = now + reminderPause
        return true
    }

    mutating func end(at end: Instant) -> Split? {
        guard var split = current else { return nil }
        split.lastSeen = end
        split.isOver = true
        current = nil
        last = split
        last?.counted = split.duration
        if let source = split.source { remember(source, until: end) }
        defences = [:]
        return split
    }
}
