import Primitives

/// Connections that the kernel tracks (linux/netfilter/nfnetlink_conntrack.h), as far as marks go.
public struct ConntrackRecord: Hashable, Sendable {
    public var mark: UInt32 = 0
    /// TCP_CONNTRACK_*: 3 is established; nil for what is no TCP.
    public var state: UInt8?

    /// Is counted as open: TCP that is established, and everything that has no states.
    public var isActive: Bool { state.map { $0 == 3 } ?? true }

    static let subsystem: UInt16 = 1

    /// Asks for all connections whose mark, under `mask`, is `mark`.
    public static func dump(mark: UInt32, mask: UInt32, sequence: UInt32) -> [UInt8] {
        message(1, flags: 0x300, mark: mark, mask: mask, sequence: sequence)  // IPCTNL_MSG_CT_GET
    }

    /// Forgets them: their next packet belongs to no connection. Answered by an acknowledgement.
    public static func delete(mark: UInt32, mask: UInt32, sequence: UInt32) -> [UInt8] {
        message(2, flags: 0x04, mark: mark, mask: mask, sequence: sequence)  // IPCTNL_MSG_CT_DELETE
    }

    private static func message(
        _ request: UInt16, flags: UInt16, mark: UInt32, mask: UInt32, sequence: UInt32
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        let start = bytes.beginMessage(subsystem << 8 | request, flags: 0x01 | flags, sequence: sequence)
        bytes += [0, 0, 0, 0]  // struct nfgenmsg: both families
        bytes.append(attribute: 8, bigEndian: mark)
        bytes.append(attribute: 21, bigEndian: mask)
        bytes.endMessage(at: start)
        return bytes
    }

    /// Nil for another message.
    public init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        guard message.type == Self.subsystem << 8 else { return nil }  // IPCTNL_MSG_CT_NEW
        var attributes = NetlinkAttributes(from: message.body + NFTablesRecord.headerLength, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case 8: mark = datagram.uint32(at: attribute.offset) ?? 0
            case 4:  // CTA_PROTOINFO
                var protocols = attribute.inner
                while let info = protocols.next(in: datagram) {
                    guard info.type == 1 else { continue }  // CTA_PROTOINFO_TCP
                    var fields = info.inner
                    while let field = fields.next(in: datagram) {
                        if field.type == 1 { state = datagram.uint8(at: field.offset) }
                    }
                }
            default: break
            }
        }
    }
}
