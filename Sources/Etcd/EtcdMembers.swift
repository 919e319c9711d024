import EtcdGateway
import Primitives

/// The members of the cluster as this client has found them: which one to connect to next, and when.
struct EtcdMembers {
    private struct Member {
        /// Since its last answer.
        var failures = 0
        var notBefore = Instant.zero
        var failed = Instant.zero
    }

    private var members: [Member]
    /// Of members that are as good as each other the first from here on is taken.
    private var first = 0
    private let longestPause: Duration
    /// After so long without a failure a member is as good as any.
    private static let memory: Duration = .seconds(30)
    private static let firstPause: Duration = .milliseconds(25)

    init(count: Int, longestPause: Duration) {
        members = Array(repeating: Member(), count: count)
        self.longestPause = longestPause
    }

    var count: Int { members.count }

    mutating func succeeded(_ index: Int) {
        members[index].failures = 0
        members[index].notBefore = .zero
    }

    /// It is left alone for a while, longer each time.
    mutating func failed(_ index: Int, at now: Instant) {
        let pause = Self.firstPause * Double(1 << min(members[index].failures, 10))
        members[index].failures = min(members[index].failures + 1, 1000)
        members[index].notBefore = now + min(pause, longestPause)
        members[index].failed = now
        if first == index { first = (index + 1) % members.count }
    }

    /// The one to connect to now; `other`: not this one, where there is another; `late`: rather not these, which owe answers.
    func best(besides other: Int?, late: [Int] = [], at now: Instant) -> Int? {
        var best: (rank: Int, distance: Int, index: Int)?
        for index in members.indices where index != other || members.count == 1 {
            let member = members[index]
            guard member.notBefore <= now else { continue }
            let rank = (now > member.failed + Self.memory ? 0 : member.failures) + (late.contains(index) ? 1 : 0)
            let distance = (index - first + members.count) % members.count
            if let known = best, (known.rank, known.distance) <= (rank, distance) { continue }
            best = (rank, distance, index)
        }
        return best?.index
    }

    /// When ``best(besides:at:)`` has an answer.
    func nextChance(besides other: Int?) -> Deadline {
        var next = Deadline.distantFuture
        for index in members.indices where index != other || members.count == 1 {
            next = min(next, members[index].notBefore)
        }
        return next
    }
}
