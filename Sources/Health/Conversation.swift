import Primitives

/// What one check found.
public enum Verdict: Hashable, Sendable {
    case success
    /// The server works, and says how much it can take: what replaces or joins its weight.
    case weight(Int)
    /// One sentence for people, such as `HTTP status 503, wanted 200-299`; from the server only what is printable, and at most 200 bytes of it.
    case failure(String)
}

/// What a conversation wants next.
public enum ConversationStep: Hashable, Sendable {
    /// More bytes from the server.
    case wait
    /// Send these; then more bytes from the server.
    case send([UInt8])
    /// Turn the connection into TLS; then `secured` is called. (PostgreSQL, MySQL, SMTP with STARTTLS, Redis with TLS.)
    case startTLS
    /// It is over, and the connection is to be closed; `farewell` is sent before, if the connection still takes it.
    case finish(Verdict, farewell: [UInt8] = [])
}

/// One exchange with a server over a connection: bytes in, bytes out, and in the end a verdict. Pure: it knows neither sockets nor time. The
/// driver has a hard deadline for the whole, and closes whatever does not finish.
///
/// Total: whatever a server sends, in whatever pieces, a conversation answers with a step, keeps no more than a bounded number of bytes (each type
/// says how many), and does work in proportion to what came.
public protocol Conversation: Sendable {
    /// The connection stands (and is TLS where it is TLS from the start).
    mutating func begin() -> ConversationStep
    /// Bytes arrived; never empty.
    mutating func receive(_ bytes: [UInt8]) -> ConversationStep
    /// What `startTLS` asked for is done.
    mutating func secured() -> ConversationStep
    /// The server closed its side. Answers with `finish`; anything else counts as a failure.
    mutating func end() -> ConversationStep
}

extension Conversation {
    public mutating func secured() -> ConversationStep { .wait }
    public mutating func end() -> ConversationStep { .finish(.failure("the server closed the connection early")) }
}

/// One exchange of datagrams with a server: UDP, or ICMP echoes.
public protocol DatagramExchange: Sendable {
    /// It is ICMP, not UDP.
    var isEcho: Bool { get }
    /// What is sent, once.
    mutating func request() -> [UInt8]
    /// A datagram came; nil: it is no answer to this, and others are waited for.
    mutating func receive(_ datagram: [UInt8]) -> Verdict?
    /// Nothing came that was an answer, within the time (`limit` seconds, for people); nil where that is a failure like any other.
    func silence(_ limit: String) -> Verdict?
}

extension DatagramExchange {
    public var isEcho: Bool { false }
    public func silence(_ limit: String) -> Verdict? { nil }
}
