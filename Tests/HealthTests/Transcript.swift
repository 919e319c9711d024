import Health
import Testing

/// What a conversation did with what it heard.
struct Outcome: Equatable {
    /// nil: it still waits.
    var verdict: Verdict?
    var sent: [UInt8] = []
    /// Where in `sent` TLS began.
    var secureFrom: Int?

    var text: String { String(decoding: sent, as: UTF8.self) }
}

/// Plays a server that says `pieces` one after another, whatever it hears, and closes behind the last if `ends`. Between pieces that are nil the
/// connection is expected to have become TLS.
func play(
    _ conversation: some Conversation, _ pieces: [[UInt8]], ends: Bool = false, pattern: PatternResult = .match
) -> Outcome {
    var conversation = conversation
    var outcome = Outcome()
    func take(_ first: ConversationStep) {
        var step = first
        while outcome.verdict == nil {
            switch step {
            case .wait: return
            case .send(let bytes):
                outcome.sent += bytes
                return
            case .startTLS(let bytes):
                outcome.sent += bytes
                outcome.secureFrom = outcome.sent.count
                step = conversation.secured()
            case .match: step = conversation.matched(pattern)
            case .finish(let verdict, let farewell):
                outcome.sent += farewell
                outcome.verdict = verdict
            }
        }
    }
    take(conversation.begin())
    for piece in pieces where outcome.verdict == nil && !piece.isEmpty { take(conversation.receive(piece)) }
    if ends, outcome.verdict == nil { take(conversation.end()) }
    return outcome
}

/// The stream whole, byte by byte, and cut at every position: always the same. Returns what it came to. `secureAt`: where TLS begins in the stream, which
/// no piece crosses.
func heard(
    _ conversation: some Conversation, _ stream: [UInt8], ends: Bool = false, pattern: PatternResult = .match,
    secureAt: Int? = nil, location: SourceLocation = #_sourceLocation
) -> Outcome {
    func pieces(_ cuts: [Int]) -> [[UInt8]] {
        var places = Set(cuts + [0, stream.count])
        if let secureAt { places.insert(secureAt) }
        let sorted = places.sorted()
        return zip(sorted, sorted.dropFirst()).map { Array(stream[$0..<$1]) }
    }
    let whole = play(conversation, pieces([]), ends: ends, pattern: pattern)
    let bytewise = play(conversation, pieces(Array(stream.indices)), ends: ends, pattern: pattern)
    #expect(bytewise == whole, "byte by byte", sourceLocation: location)
    for cut in stream.indices {
        let cut = play(conversation, pieces([cut]), ends: ends, pattern: pattern)
        if cut != whole { Issue.record("cut: \(cut) instead of \(whole)", sourceLocation: location) }
    }
    return whole
}

func heard(
    _ conversation: some Conversation, _ stream: String, ends: Bool = false, pattern: PatternResult = .match,
    location: SourceLocation = #_sourceLocation
) -> Outcome {
    heard(conversation, Array(stream.utf8), ends: ends, pattern: pattern, location: location)
}

extension Outcome {
    var failure: String? {
        if case .failure(let text) = verdict { return text }
        return nil
    }
}
