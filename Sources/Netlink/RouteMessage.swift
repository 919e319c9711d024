import Primitives

/// What the kernel said on an rtnetlink socket.
public enum RouteMessage: Hashable, Sendable {
    /// An interface exists, with this state. One comes for every change.
    case link(LinkRecord)
    case linkGone(InterfaceIndex)
    /// An address exists. One comes for every refresh as well: recognise one's own.
    case address(AddressRecord)
    case addressGone(AddressRecord)
    /// A route came or changed, or this is the answer to `RouteRequest.route(to:)`.
    case route(RouteRecord)
    /// The answer to a request: errno 0 is an acknowledgement. `text` is the kernel's explanation, or empty.
    case error(sequence: UInt32, errno: Int32, text: String)
    /// A dump is complete. When `interrupted`, the table changed meanwhile: dump again.
    case done(sequence: UInt32, errno: Int32, interrupted: Bool)
    /// Messages were lost: dump everything.
    case overrun
    /// A type this room does not read.
    case other(type: UInt16)
    /// A message whose body could not be read. The kernel sends none; a bug or a newer layout would.
    case malformed(type: UInt16)
}

/// RTM_* (linux/rtnetlink.h).
enum RouteType {
    static let newLink: UInt16 = 16
    static let deleteLink: UInt16 = 17
    static let getLink: UInt16 = 18
    static let newAddress: UInt16 = 20
    static let deleteAddress: UInt16 = 21
    static let getAddress: UInt16 = 22
    static let newRoute: UInt16 = 24
    static let getRoute: UInt16 = 26
}

/// Reads datagrams of rtnetlink. It keeps one thing between them: whether a part of the running dump
/// was marked as interrupted, which the message at its end need not repeat.
public struct RouteDecoder: Sendable {
    var interrupted = false

    public init() {}

    /// Calls `body` for each message of `datagram`, in order. Total: any bytes are read without a trap.
    public mutating func forEach(in datagram: RawSpan, _ body: (RouteMessage) -> Void) {
        var messages = NetlinkMessages()
        while let message = messages.next(in: datagram) {
            if message.isInterrupted { interrupted = true }
            if let decoded = decode(message, in: datagram) { body(decoded) }
        }
        if messages.isMalformed { body(.malformed(type: 0)) }
    }

    /// Nil for messages that say nothing (NLMSG_NOOP, a bridge port's).
    mutating func decode(_ message: NetlinkMessage, in datagram: RawSpan) -> RouteMessage? {
        switch message.type {
        case 1: return nil
        case NetlinkMessage.error:
            guard let answer = message.answer(in: datagram) else { return .malformed(type: message.type) }
            return .error(sequence: message.sequence, errno: answer.errno, text: answer.text)
        case NetlinkMessage.done:
            defer { interrupted = false }
            return .done(
                sequence: message.sequence, errno: message.answer(in: datagram)?.errno ?? 0, interrupted: interrupted)
        case NetlinkMessage.overrun: return .overrun
        case RouteType.newLink, RouteType.deleteLink:
            // AF_BRIDGE (7): a port's affair, not the interface's.
            if datagram.uint8(at: message.body) == 7, message.end > message.body { return nil }
            guard let record = LinkRecord(message, in: datagram) else { return .malformed(type: message.type) }
            return message.type == RouteType.newLink ? .link(record) : .linkGone(record.index)
        case RouteType.newAddress, RouteType.deleteAddress:
            guard let record = AddressRecord(message, in: datagram) else { return .malformed(type: message.type) }
            return message.type == RouteType.newAddress ? .address(record) : .addressGone(record)
        case RouteType.newRoute:
            // Others than IPv4 and IPv6 have routes too (multicast, MPLS).
            return RouteRecord(message, in: datagram).map { .route($0) } ?? .other(type: message.type)
        default: return .other(type: message.type)
        }
    }
}
