import Primitives

/// How the kernel answers a request (`struct nlmsgerr`, linux/netlink.h).
public struct NetlinkAnswer: Hashable, Sendable {
    /// 0 is an acknowledgement.
    public var errno: Int32
    /// The kernel's explanation (NLMSGERR_ATTR_MSG), or empty.
    public var text: String

    public init(errno: Int32, text: String = "") {
        self.errno = errno
        self.text = text
    }
}

extension NetlinkMessage {
    /// NLMSG_ERROR: the answer to a request, an acknowledgement too.
    public var isAnswer: Bool { type == Self.error }
    /// NLMSG_DONE: a dump is complete.
    public var isDone: Bool { type == Self.done }
    /// NLMSG_OVERRUN: messages were lost.
    public var isOverrun: Bool { type == Self.overrun }

    /// The answer that an NLMSG_ERROR or NLMSG_DONE holds; nil where there is none, or it is cut off.
    public func answer(in datagram: RawSpan) -> NetlinkAnswer? {
        guard isAnswer || isDone, end - body >= 4, let code = datagram.hostUInt32(at: body) else { return nil }
        return NetlinkAnswer(
            errno: 0 &- Int32(bitPattern: code), text: isAnswer ? extendedText(in: datagram) : "")
    }

    /// With NETLINK_CAP_ACK only the request's header is repeated before the text, otherwise all of it.
    private func extendedText(in datagram: RawSpan) -> String {
        let hasAttributes = flags & 0x200 != 0  // NLM_F_ACK_TLVS
        guard hasAttributes, let repeated = datagram.hostUInt32(at: body + 4) else { return "" }
        let isCapped = flags & 0x100 != 0  // NLM_F_CAPPED
        let skip = isCapped ? Self.headerLength : aligned(Int(repeated))
        guard skip <= end - body - 4 else { return "" }
        var attributes = NetlinkAttributes(from: body + 4 + skip, to: end)
        while let attribute = attributes.next(in: datagram) {
            if attribute.type == 1 { return datagram.text(attribute) ?? "" }
        }
        return ""
    }
}
