import Arbitration
import EtcdGateway
import Primitives

/// What an etcd answers, or something in its place. The first byte of an input says whether the rest is the stream of a connection, that of a watch, or the
/// body of an answer (which would take a fuzzer long to wrap); the second how a stream arrives in portions, the third whether it ends.
enum EtcdTarget {
    private static let prefix = "/aloft/v1/"

    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard input.count >= 3 else { return 0 }
        let rest = Array(input[3...])
        var digest = Digest()
        if input[0] % 3 == 2 {
            digest.add(try meaning(of: rest, status: 200 + Int(input[1])))
        } else {
            let whole = try hear(rest, portion: max(rest.count, 1), streams: input[0] % 3 == 1, ends: input[2] & 1 == 1)
            let cut = try hear(rest, portion: Int(input[1]) + 1, streams: input[0] % 3 == 1, ends: input[2] & 1 == 1)
            try require(whole == cut, "it depends on how the stream is cut: \(whole), \(cut)")
            for line in whole { digest.add(line) }
        }
        return digest.value
    }

    /// What a connection says, so far as it must not depend on the portions.
    private static func hear(
        _ stream: [UInt8], portion: Int, streams: Bool, ends: Bool
    ) throws(Violation) -> [String] {
        var reader = EtcdResponseReader(streams: streams)
        var watch = EtcdWatchReader(prefix: prefix)
        var isWatching = true
        var said: [String] = []
        func take(_ events: [EtcdResponseReader.Event]) throws(Violation) {
            for event in events {
                switch event {
                case .response(let status, let body, let isLast):
                    try require(body.count <= EtcdResponseReader.bodyLimit, "a body of \(body.count) bytes")
                    said.append("\(status) \(isLast) " + (try meaning(of: body, status: status)))
                case .part(let bytes):
                    try require(streams && !bytes.isEmpty, "a part of an answer that has an end")
                    guard isWatching else { continue }
                    do throws(EtcdFault) {
                        for report in try watch.receive(bytes) { said.append("\(report)") }
                    } catch {
                        // Reports ahead of the fault, in the same portion, are not handed out: a watch is begun anew then.
                        isWatching = false
                    }
                }
            }
        }
        do throws(EtcdFault) {
            var start = 0
            while start < stream.count {
                let end = min(start + portion, stream.count)
                let events = try reader.receive(Array(stream[start..<end]))
                do throws(Violation) { try take(events) } catch { return ["violation: \(error)"] }
                start = end
            }
            if ends {
                let events = try reader.end()
                do throws(Violation) { try take(events) } catch { return ["violation: \(error)"] }
            }
        } catch {
            try require(isShown("\(error)"), "the words of a fault")
            // Of events ahead of a fault, in the same portion, nothing is made: the connection is over.
            return ["\(error)"]
        }
        if let broken = said.first(where: { $0.hasPrefix("violation") }) { throw Violation(broken) }
        return isWatching ? said : ["a watch that ended"]
    }

    private static func meaning(of body: [UInt8], status: Int) throws(Violation) -> String {
        let refusal = EtcdRefusal(status: status, body: body)
        try require(isShown("\(refusal)") && "\(refusal)".utf8.count < 300, "the words of a refusal")
        var said = "\(refusal.kind)"
        do throws(EtcdFault) {
            said += "\(try EtcdAnswer.token(in: body))"
        } catch { said += "\(error)" }
        for questions in questions {
            do throws(EtcdFault) {
                let told = try EtcdAnswer.leases(questions, prefix: prefix, in: body)
                try checkAnswers(told.answers, to: questions)
                var identity = EtcdIdentity(pinned: nil)
                let first = identity.admit(told.header, floor: 0)
                let second = identity.admit(told.header, floor: identity.revision)
                said += "\(told.header) \(told.answers) \(String(describing: first)) \(String(describing: second))"
            } catch {
                said += "\(error)"
            }
        }
        return said
    }

    private static func checkAnswers(_ answers: [LeaseAnswer], to questions: [LeaseQuestion]) throws(EtcdFault) {
        // Typed as what surrounds it: a promise that does not hold is a trap, which a fuzzer sees as well.
        precondition(answers.count == questions.count, "\(answers.count) answers to \(questions.count) questions")
        for (question, answer) in zip(questions, answers) {
            switch (question.kind, answer) {
            case (.read, .found), (.read, .unreadable), (.write, .granted), (.write, .refused), (.write, .unreadable):
                break
            default: preconditionFailure("\(answer) answers \(question)")
            }
        }
    }

    private static func isShown(_ text: String) -> Bool { text.utf8.allSatisfy { (0x20...0x7E).contains($0) } }

    private static let questions: [[LeaseQuestion]] = {
        guard let lease = LeaseName("c/g"), let terms = try? LeaseTerms(duration: .seconds(5)) else { return [] }
        let record = LeaseRecord(
            holder: HolderName("left"), incarnation: Incarnation(1), request: 2, epoch: Epoch(3), terms: terms,
            version: 4)
        let read = LeaseQuestion(lease: lease, request: 1, kind: .read)
        let write = LeaseQuestion(lease: lease, request: 2, kind: .write(record, replacing: record))
        return [[read], [write], [read, write]]
    }()
}
