import Primitives

/// A client that asks an address "who are you?" every few milliseconds.
public struct Probe {
    let child: Child
    public let step: Duration

    /// All answers so far, in the order of their questions.
    public var timeline: ClientTimeline {
        let answers = child.output.lines.compactMap { line -> ClientTimeline.Answer? in
            let words = line.split(separator: " ")
            guard words.count == 3, let asked = Int64(words[0]), let answered = Int64(words[1]) else { return nil }
            return .init(
                asked: Instant(nanoseconds: asked), answered: Instant(nanoseconds: answered), node: String(words[2]))
        }
        return ClientTimeline(answers: answers.sorted { $0.asked < $1.asked }, step: step)
    }

    public func stop() throws(LabError) { try child.stop() }
}

/// Who answered the client when.
public struct ClientTimeline: Sendable {
    public struct Answer: Equatable, Sendable {
        public var asked: Instant
        public var answered: Instant
        public var node: String
    }

    /// A time in which one node answered without a pause.
    public struct Stretch: Equatable, Sendable {
        public var node: String
        public var first: Instant
        public var last: Instant
        public var answers: Int
    }

    /// A time without answers, between two questions that were answered.
    public struct Gap: Equatable, Sendable {
        public var start: Instant
        public var end: Instant
        public var duration: Duration { end - start }
    }

    public let answers: [Answer]
    public let step: Duration

    public init(answers: [Answer], step: Duration) {
        self.answers = answers
        self.step = step
    }

    /// The longest time without an answer after `start`; nil with fewer than two answers.
    public func longestGap(after start: Instant = .zero) -> Gap? {
        let times = answers.map(\.asked).filter { $0 >= start }
        return zip(times, times.dropFirst()).map { Gap(start: $0, end: $1) }.max { $0.duration < $1.duration }
    }

    /// Stretches of answers: a new one begins with another node, or after a pause longer than `pause`.
    public func stretches(pause: Duration = .milliseconds(50)) -> [Stretch] {
        var found: [Stretch] = []
        for answer in answers {
            if let last = found.last, last.node == answer.node, answer.asked - last.last <= pause {
                found[found.count - 1].last = answer.asked
                found[found.count - 1].answers += 1
            } else {
                found.append(Stretch(node: answer.node, first: answer.asked, last: answer.asked, answers: 1))
            }
        }
        return found
    }

    /// How often the answering node changed.
    public var changes: Int { zip(answers, answers.dropFirst()).count { $0.node != $1.node } }
}
