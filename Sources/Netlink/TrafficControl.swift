import Primitives

/// What is asked of traffic control (rtnetlink(7), linux/pkt_sched.h, linux/pkt_cls.h) to run a BPF program at an interface: the way before Linux 6.6,
/// which has tcx.
public enum TrafficControlRequest: Hashable, Sendable {
    /// The place for classifiers at both ways past an interface (`clsact`); EEXIST when it is there.
    case addClassifierPlace(InterfaceIndex)
    /// A program at the first priority, which gives the verdict itself. ENOENT or EINVAL without the place.
    case addProgram(InterfaceIndex, isEgress: Bool, descriptor: Int32, name: String)
    /// All classifiers at one way past an interface; ends in `isDone`.
    case dumpClassifiers(InterfaceIndex, isEgress: Bool)
    case deleteClassifier(TrafficClassifier)

    static let classifierPlace: UInt32 = 0xFFFF_FFF1  // TC_H_CLSACT
    /// `priority` << 16 | protocol, ETH_P_ALL in network order.
    static let firstOfAll: UInt32 = 1 << 16 | UInt32(UInt16(0x0003).bigEndian)

    static func parent(isEgress: Bool) -> UInt32 { isEgress ? 0xFFFF_FFF3 : 0xFFFF_FFF2 }

    public func append(to bytes: inout [UInt8], sequence: UInt32) {
        let request = NetlinkFlag.request
        switch self {
        case .addClassifierPlace(let interface):
            let exclusive: UInt16 = 0x200
            let start = bytes.beginMessage(
                36, flags: request | NetlinkFlag.acknowledge | NetlinkFlag.create | exclusive, sequence: sequence)
            bytes.append(trafficHeader: interface, handle: 0xFFFF_0000, parent: Self.classifierPlace)
            bytes.append(attribute: 1, string: "clsact")
            bytes.endMessage(at: start)
        case .addProgram(let interface, let isEgress, let descriptor, let name):
            let start = bytes.beginMessage(
                44, flags: request | NetlinkFlag.acknowledge | NetlinkFlag.create, sequence: sequence)
            bytes.append(
                trafficHeader: interface, parent: Self.parent(isEgress: isEgress), information: Self.firstOfAll)
            bytes.append(attribute: 1, string: "bpf")
            let options = bytes.beginNested(2)
            bytes.append(attribute: 6, hostOrder: UInt32(bitPattern: descriptor))
            bytes.append(attribute: 7, string: name)
            bytes.append(attribute: 8, hostOrder: UInt32(1))  // TCA_BPF_FLAG_ACT_DIRECT
            bytes.endNested(at: options)
            bytes.endMessage(at: start)
        case .dumpClassifiers(let interface, let isEgress):
            let start = bytes.beginMessage(46, flags: request | NetlinkFlag.dump, sequence: sequence)
            bytes.append(trafficHeader: interface, parent: Self.parent(isEgress: isEgress))
            bytes.endMessage(at: start)
        case .deleteClassifier(let classifier):
            let start = bytes.beginMessage(45, flags: request | NetlinkFlag.acknowledge, sequence: sequence)
            bytes.append(
                trafficHeader: classifier.interface, handle: classifier.handle, parent: classifier.parent,
                information: classifier.information)
            bytes.append(attribute: 1, string: classifier.kind)
            bytes.endMessage(at: start)
        }
    }
}

/// A classifier as the kernel lists it (RTM_NEWTFILTER).
public struct TrafficClassifier: Hashable, Sendable {
    public var interface: InterfaceIndex
    public var handle: UInt32
    public var parent: UInt32
    /// Priority in the upper half, protocol in network order in the lower.
    public var information: UInt32
    /// `bpf`, `u32`, …
    public var kind: String
    /// TCA_BPF_NAME and TCA_BPF_ID; of kind `bpf`.
    public var name = ""
    public var program: UInt32?

    public var isFirst: Bool { information >> 16 == 1 }

    /// Nil of another message, of one that is cut off, and of the list's heads, which have no handle.
    public init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        let body = message.body
        guard message.type == 44, message.end - body >= 20, let interface = datagram.hostUInt32(at: body + 4),
            let handle = datagram.hostUInt32(at: body + 8), let parent = datagram.hostUInt32(at: body + 12),
            let information = datagram.hostUInt32(at: body + 16), handle != 0
        else { return nil }
        self.interface = InterfaceIndex(interface)
        self.handle = handle
        self.parent = parent
        self.information = information
        kind = ""
        var attributes = NetlinkAttributes(from: body + 20, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case 1: kind = datagram.text(attribute) ?? ""
            case 2 where kind == "bpf":
                name = datagram.text(7, of: datagram.nested(attribute)) ?? ""
                program = datagram.attribute(11, of: datagram.nested(attribute))
                    .flatMap { $0.count >= 4 ? datagram.hostUInt32(at: $0.offset) : nil }
            default: break
            }
        }
    }
}

extension [UInt8] {
    /// `struct tcmsg` (linux/rtnetlink.h).
    fileprivate mutating func append(
        trafficHeader interface: InterfaceIndex, handle: UInt32 = 0, parent: UInt32, information: UInt32 = 0
    ) {
        append(hostOrder: UInt32(0))
        append(hostOrder: interface.rawValue)
        append(hostOrder: handle)
        append(hostOrder: parent)
        append(hostOrder: information)
    }
}
