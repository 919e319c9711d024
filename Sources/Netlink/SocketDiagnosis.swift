import Primitives

/// What is asked about sockets (sock_diag(7), linux/inet_diag.h).
public enum SocketDiagnosisRequest: Hashable, Sendable {
    /// Sockets of a family and a protocol whose own address is one of `addresses` (at most `maximumAddresses`); ends in `isDone`.
    /// IPv4 addresses are also found in sockets of IPv6 (::ffff:a.b.c.d).
    case dump(AddressFamily, SocketProtocol, own: [IPAddress])
    /// Ends a connection: its owner reads ECONNABORTED. EOPNOTSUPP of a kernel without CONFIG_INET_DIAG_DESTROY, ENOENT when it has gone.
    case destroy(SocketRecord)

    public enum SocketProtocol: UInt8, Hashable, Sendable, CaseIterable {
        case tcp = 6
        case udp = 17
    }

    /// The longest condition has jumps of 16 bits, over 32 bytes for an address.
    public static let maximumAddresses = 1024

    public func append(to bytes: inout [UInt8], sequence: UInt32) {
        switch self {
        case .dump(let family, let socketProtocol, let addresses):
            let start = bytes.beginMessage(20, flags: NetlinkFlag.request | NetlinkFlag.dump, sequence: sequence)
            // Connected ones. Of TCP not the listening (10), the closed (7), and those that only wait for the end of their time (6).
            let states: UInt32 =
                socketProtocol == .udp ? 1 << 1 : 0xFFF & ~(1 << 0) & ~(1 << 6) & ~(1 << 7) & ~(1 << 10) | 1 << 12
            bytes.append(socketHeader: family, socketProtocol, states: states)
            bytes.append(contentsOf: repeatElement(0, count: SocketRecord.identityLength))
            let condition = Self.condition(addresses.prefix(Self.maximumAddresses))
            if !condition.isEmpty { bytes.append(attribute: 1, condition) }
            bytes.endMessage(at: start)
        case .destroy(let record):
            let start = bytes.beginMessage(21, flags: NetlinkFlag.request | NetlinkFlag.acknowledge, sequence: sequence)
            bytes.append(socketHeader: record.family, record.socketProtocol, states: .max)
            bytes.append(contentsOf: record.identity)
            bytes.endMessage(at: start)
        }
    }

    /// Byte code that accepts a socket of one of the addresses: a comparison each, which goes on to the next where it fails and otherwise to a jump to
    /// the end. What jumps behind the end refuses.
    package static func condition(_ addresses: some Collection<IPAddress>) -> [UInt8] {
        let lengths = addresses.map { 12 + $0.family.addressLength }
        var left = lengths.reduce(0, +) + 4 * max(0, lengths.count - 1)
        var code: [UInt8] = []
        for (index, address) in addresses.enumerated() {
            // INET_DIAG_BC_S_COND, `struct inet_diag_hostcond`: family, prefix length, and port -1 for any.
            code += [7, UInt8(lengths[index])]
            code.append(hostOrder: UInt16(lengths[index] + 4))
            code += [address.family.kernelNumber, address.family.addressBits, 0, 0]
            code.append(hostOrder: Int32(-1))
            address.append(to: &code)
            left -= lengths[index]
            if index < lengths.count - 1 {
                code += [1, 4]  // INET_DIAG_BC_JMP
                code.append(hostOrder: UInt16(truncatingIfNeeded: left))
                left -= 4
            }
        }
        return code
    }
}

/// A socket of IP as the kernel lists it (`struct inet_diag_msg`).
public struct SocketRecord: Hashable, Sendable {
    public var family: AddressFamily
    public var socketProtocol: SocketDiagnosisRequest.SocketProtocol
    /// TCP_* (net/tcp_states.h): 1 is established, of UDP connected.
    public var state: UInt8
    public var own: IPAddress
    public var ownPort: UInt16
    public var peer: IPAddress
    public var peerPort: UInt16
    /// `struct inet_diag_sockid` as the kernel wrote it, with the cookie that no other socket has.
    public var identity: [UInt8]

    static let identityLength = 48

    /// Nil of another message and of one that is cut off. The kernel does not repeat the protocol: say what was asked.
    public init?(
        _ message: NetlinkMessage, in datagram: RawSpan, of socketProtocol: SocketDiagnosisRequest.SocketProtocol
    ) {
        let body = message.body
        let start = body + 4
        guard message.type == 20, message.end - body >= 4 + Self.identityLength,
            let number = datagram.uint8(at: body), let state = datagram.uint8(at: body + 1),
            let ownPort = datagram.uint16(at: start), let peerPort = datagram.uint16(at: start + 2)
        else { return nil }
        switch number {
        case AddressFamily.ipv4.kernelNumber: family = .ipv4
        case AddressFamily.ipv6.kernelNumber: family = .ipv6
        default: return nil
        }
        guard let own = datagram.address(family, at: start + 4), let peer = datagram.address(family, at: start + 20)
        else { return nil }
        self.socketProtocol = socketProtocol
        self.state = state
        self.own = own
        self.ownPort = ownPort
        self.peer = peer
        self.peerPort = peerPort
        identity = datagram.value(NetlinkAttribute(type: 0, offset: start, count: Self.identityLength))
    }
}

extension [UInt8] {
    /// The beginning of `struct inet_diag_req_v2`.
    fileprivate mutating func append(
        socketHeader family: AddressFamily, _ socketProtocol: SocketDiagnosisRequest.SocketProtocol, states: UInt32
    ) {
        append(family.kernelNumber)
        append(socketProtocol.rawValue)
        append(0)
        append(0)
        append(hostOrder: states)
    }
}
