import Health
import Primitives

/// Plays a server's bytes to a conversation.
func converse(_ conversation: some Conversation, _ bytes: [UInt8], in pieces: Int, closing: Bool = true) -> Verdict? {
    var conversation = conversation
    if case .finish(let verdict, _) = conversation.begin() { return verdict }
    var start = 0
    while start < bytes.count {
        let end = min(start + max(pieces, 1), bytes.count)
        if case .finish(let verdict, _) = conversation.receive(Array(bytes[start..<end])) { return verdict }
        start = end
    }
    guard closing else { return nil }
    if case .finish(let verdict, _) = conversation.end() { return verdict }
    return nil
}
