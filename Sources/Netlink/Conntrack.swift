import Primitives

/// What can be asked of connection tracking (linux/netfilter/nfnetlink_conntrack.h). Marks are compared under a mask.
public enum ConntrackRequest: Hashable, Sendable {
    /// Connections of a family whose mark fits; ends in `isDone`.
    case dump(AddressFamily, mark: UInt32, mask: UInt32)
    /// Forgets all connections of a family whose mark fits. Acknowledged; none is no error.
    case deleteAll(AddressFamily, mark: UInt32, mask: UInt32)
    /// Forgets one; ENOENT where it has gone.
    case delete(ConntrackRecord)

    public func append(to bytes: inout [UInt8], sequence: UInt32) {
        let subsystem: UInt16 = 1 << 8  // NFNL_SUBSYS_CTNETLINK
        let (type, flags): (UInt16, UInt16) =
            if case .dump = self { (1, NetlinkFlag.dump) } else { (2, NetlinkFlag.acknowledge) }
        let start = bytes.beginMessage(subsystem | type, flags: NetlinkFlag.request | flags, sequence: sequence)
        switch self {
        case .dump(let family, let mark, let mask), .deleteAll(let family, let mark, let mask):
            bytes.append(netfilterHeader: family.kernelNumber)
            bytes.append(attribute: 8, bigEndian: mark)
            bytes.append(attribute: 21, bigEndian: mask)
        case .delete(let record):
            bytes.append(netfilterHeader: record.family.kernelNumber)
            bytes.append(attribute: 1 | 0x8000, record.original)
            if let zone = record.zone { bytes.append(attribute: 18, zone) }
        }
        bytes.endMessage(at: start)
    }
}

/// A tracked connection, as far as balancing needs to know it.
public struct ConntrackRecord: Hashable, Sendable {
    public var family: AddressFamily
    public var mark: UInt32
    /// CTA_TUPLE_ORIG as the kernel wrote it: what identifies the connection.
    public var original: [UInt8]
    /// CTA_ZONE as the kernel wrote it.
    public var zone: [UInt8]?
    /// TCP_CONNTRACK_*; nil where it is not TCP.
    public var tcpState: UInt8?

    /// Packets pass: TCP that is established, and whatever has no states.
    public var isActive: Bool { tcpState.map { $0 == 3 } ?? true }

    /// Nil of another message, or of a family that is not IP.
    public init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        guard message.type == 1 << 8, message.end - message.body >= 4 else { return nil }
        switch datagram.uint8(at: message.body) {
        case AddressFamily.ipv4.kernelNumber: family = .ipv4
        case AddressFamily.ipv6.kernelNumber: family = .ipv6
        default: return nil
        }
        mark = 0
        original = []
        var attributes = NetlinkAttributes(from: message.body + 4, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case 1: original = datagram.value(attribute)
            case 4:
                // CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE.
                guard let tcp = datagram.attribute(1, of: datagram.nested(attribute)),
                    let state = datagram.attribute(1, of: datagram.nested(tcp))
                else { continue }
                tcpState = datagram.uint8(at: state.offset)
            case 8: mark = datagram.uint32(at: attribute.offset) ?? 0
            case 18: zone = datagram.value(attribute)
            default: break
            }
        }
        if original.isEmpty { return nil }
    }
}
