import Primitives

/// One message of a datagram: its header (`struct nlmsghdr`, linux/netlink.h) and where its body lies.
///
/// `body` and `end` are offsets into the span that was walked, and lie within it.
public struct NetlinkMessage: Hashable, Sendable {
    public var type: UInt16
    public var flags: UInt16
    public var sequence: UInt32
    public var port: UInt32
    public var body: Int
    public var end: Int

    /// NLM_F_DUMP_INTR: the table changed under this dump; what it said is not one consistent state.
    public var isInterrupted: Bool { flags & 0x10 != 0 }

    /// The bytes of `struct nlmsghdr`.
    public static let headerLength = 16
    static let error: UInt16 = 2
    static let done: UInt16 = 3
    static let overrun: UInt16 = 4
}

/// Walks the messages of one datagram. Whatever the length fields say, it stays within the span, and
/// each step goes forward by at least a header, so it ends.
public struct NetlinkMessages {
    var offset = 0
    /// True once a length field pointed outside: the rest of the datagram was not read.
    public private(set) var isMalformed = false

    public init() {}

    public mutating func next(in datagram: RawSpan) -> NetlinkMessage? {
        let left = datagram.byteCount - offset
        guard left >= NetlinkMessage.headerLength else {
            if left > 0 { isMalformed = true }
            offset = datagram.byteCount
            return nil
        }
        guard let length = datagram.hostUInt32(at: offset), let type = datagram.hostUInt16(at: offset + 4),
            let flags = datagram.hostUInt16(at: offset + 6), let sequence = datagram.hostUInt32(at: offset + 8),
            let port = datagram.hostUInt32(at: offset + 12),
            length >= UInt32(NetlinkMessage.headerLength), Int(length) <= left
        else {
            isMalformed = true
            offset = datagram.byteCount
            return nil
        }
        let start = offset
        offset = min(start + aligned(Int(length)), datagram.byteCount)
        return NetlinkMessage(
            type: type, flags: flags, sequence: sequence, port: port,
            body: start + NetlinkMessage.headerLength, end: start + Int(length))
    }
}

/// One attribute (`struct nlattr`): its type without the flag bits, and where its value lies.
public struct NetlinkAttribute: Hashable, Sendable {
    public var type: UInt16
    public var offset: Int
    public var count: Int

    /// The bytes of `struct nlattr`.
    public static let headerLength = 4

    public init(type: UInt16, offset: Int, count: Int) {
        self.type = type
        self.offset = offset
        self.count = count
    }
}

/// Walks the attributes in [offset, end) of a span, under the same promise as `NetlinkMessages`.
public struct NetlinkAttributes {
    var offset: Int
    let end: Int
    public private(set) var isMalformed = false

    public init(from offset: Int, to end: Int) {
        self.offset = max(offset, 0)
        self.end = end
    }

    public mutating func next(in datagram: RawSpan) -> NetlinkAttribute? {
        let end = min(self.end, datagram.byteCount)
        guard offset < end else { return nil }
        let left = end - offset
        guard left >= NetlinkAttribute.headerLength, let length = datagram.hostUInt16(at: offset),
            let type = datagram.hostUInt16(at: offset + 2),
            Int(length) >= NetlinkAttribute.headerLength, Int(length) <= left
        else {
            isMalformed = true
            offset = end
            return nil
        }
        let start = offset
        offset = min(start + aligned(Int(length)), end)
        // NLA_F_NESTED and NLA_F_NET_BYTEORDER are not part of the type.
        return NetlinkAttribute(
            type: type & 0x3FFF, offset: start + NetlinkAttribute.headerLength,
            count: Int(length) - NetlinkAttribute.headerLength)
    }
}

/// NLMSG_ALIGN and NLA_ALIGN. `length` comes from a 32-bit field, so the sum fits.
func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

extension RawSpan {
    /// Bytes up to the first NUL as text; bytes that are not UTF-8 become U+FFFD. Nil outside the span.
    func text(_ attribute: NetlinkAttribute) -> String? {
        guard attribute.offset >= 0, attribute.count >= 0, attribute.offset <= byteCount - attribute.count else {
            return nil
        }
        var count = 0
        while count < attribute.count, uint8(at: attribute.offset + count) != 0 { count += 1 }
        return extracting(attribute.offset..<attribute.offset + count).withUnsafeBytes {
            String(decoding: $0, as: UTF8.self)
        }
    }
}
