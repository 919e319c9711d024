import Configuration
import Primitives

/// What one check found.
public enum Verdict: Hashable, Sendable {
    case success
    /// The server works, and says how much it can take: what replaces or joins its weight.
    case weight(Int)
    /// One sentence for people, such as `HTTP status 503, wanted 200-299`; from the server only what is printable, and at most 200 bytes of it.
    case failure(String)
    /// The server could not be asked, for want of something on this host: neither well nor ill. One sentence for people.
    case inconclusive(String)
}

/// What a conversation wants next.
public enum ConversationStep: Hashable, Sendable {
    /// More bytes from the server.
    case wait
    /// Send these; then more bytes from the server.
    case send([UInt8])
    /// Send these as they are, if there are any, then turn the connection into TLS; `secured` is called when it is.
    case startTLS(sending: [UInt8] = [])
    /// Try the regular expression of the check on this body; `matched` is called with what came of it. Pure rooms have no PCRE2.
    case match([UInt8])
    /// It is over, and the connection is to be closed; `farewell` is sent before, if the connection still takes it.
    case finish(Verdict, farewell: [UInt8] = [])
}

/// What a regular expression made of a body.
public enum PatternResult: Hashable, Sendable {
    case match
    case noMatch
    /// It could not be tried, or took too much; one clause for people.
    case failed(String)
}

/// One exchange with a server over a connection: bytes in, bytes out, and in the end a verdict. Pure: it knows neither sockets nor time. The
/// driver has a hard deadline for the whole, and closes whatever does not finish.
///
/// Over UDP and ICMP each `send` is one datagram, and so is each `receive`.
///
/// Total: whatever a server sends, in whatever pieces, a conversation answers with a step, keeps no more than a bounded number of bytes (each type
/// says how many), and does work in proportion to what came. How a stream is cut does not change the verdict.
public protocol Conversation: Sendable {
    /// What is waited for, as the object of a sentence: `the answer to PING`.
    var awaited: String { get }
    /// The connection stands (and is TLS where it is TLS from the start).
    mutating func begin() -> ConversationStep
    /// Bytes arrived; never empty, but for a datagram.
    mutating func receive(_ bytes: [UInt8]) -> ConversationStep
    /// What `startTLS` asked for is done.
    mutating func secured() -> ConversationStep
    /// What `match` asked for.
    mutating func matched(_ result: PatternResult) -> ConversationStep
    /// The server closed its side. Answers with `finish`, or `match` and then `finish`; anything else counts as a failure.
    mutating func end() -> ConversationStep
    /// The deadline came. nil is a failure, which the driver words with `awaited`.
    func silence() -> Verdict?
}

extension Conversation {
    public mutating func secured() -> ConversationStep { .wait }
    public mutating func matched(_ result: PatternResult) -> ConversationStep { .wait }
    public mutating func end() -> ConversationStep {
        .finish(.failure("the server closed the connection before \(awaited)"))
    }
    public func silence() -> Verdict? { nil }
}

extension ConversationStep {
    static func fail(_ reason: String, farewell: [UInt8] = []) -> ConversationStep {
        .finish(.failure(reason), farewell: farewell)
    }
}
