/// Generic netlink: families of messages whose numbers the kernel gives out as they register (linux/genetlink.h).
public enum GenericNetlink {
    /// `struct genlmsghdr`: command, version, two reserved bytes.
    public static let headerLength = 4
    /// GENL_ID_CTRL: the family that knows the numbers of the others.
    static let controller: UInt16 = 0x10

    /// Asks for a family by its name (CTRL_CMD_GETFAMILY). The kernel loads the module that brings it; ENOENT where there is none.
    /// Answered by a message that ``familyNumber(_:in:)`` reads, and an acknowledgement.
    public static func appendFamilyRequest(_ name: String, to bytes: inout [UInt8], sequence: UInt32) {
        let start = bytes.beginMessage(
            controller, flags: NetlinkFlag.request | NetlinkFlag.acknowledge, sequence: sequence)
        bytes.append(genericHeader: 3, version: 1)
        bytes.append(attribute: 2, text: name)
        bytes.endMessage(at: start)
    }

    /// The number of a family (CTRL_CMD_NEWFAMILY, CTRL_ATTR_FAMILY_ID); nil of another message.
    public static func familyNumber(_ message: NetlinkMessage, in datagram: RawSpan) -> UInt16? {
        guard message.type == controller, message.end - message.body >= headerLength,
            datagram.uint8(at: message.body) == 1
        else { return nil }
        let attributes = NetlinkAttributes(from: message.body + headerLength, to: message.end)
        guard let number = datagram.attribute(1, of: attributes), number.count >= 2 else { return nil }
        return datagram.hostUInt16(at: number.offset)
    }
}

extension [UInt8] {
    /// `struct genlmsghdr`.
    mutating func append(genericHeader command: UInt8, version: UInt8) {
        append(command)
        append(version)
        append(hostOrder: UInt16(0))
    }

    mutating func append(attribute type: UInt16, short value: UInt16) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 2))
        append(hostOrder: type)
        append(hostOrder: value)
        append(hostOrder: UInt16(0))
    }

    mutating func append(attribute type: UInt16, bigEndian value: UInt16) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 2))
        append(hostOrder: type)
        append(bigEndian: value)
        append(hostOrder: UInt16(0))
    }

    mutating func append(attribute type: UInt16, byte value: UInt8) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 1))
        append(hostOrder: type)
        append(hostOrder: UInt32(0))
        self[count - 4] = value
    }
}
