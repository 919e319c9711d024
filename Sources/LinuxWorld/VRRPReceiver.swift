import CLinux
import Primitives
import VRRP

/// Receives adverts of one family on one interface, multicast and unicast alike: virtual routers are told
/// apart by VRID, because every raw socket gets a copy of each packet.
///
/// Only groups joined here are received (IP_MULTICAST_ALL off). Memberships survive the link going down,
/// not the interface going away. The kernel has verified IPv4's header checksum, and nothing of the PDU
/// (the socket has no IPV6_CHECKSUM, so that bad ones can be counted).
public struct VRRPReceiver: ~Copyable {
    public let family: AddressFamily
    public let interface: InterfaceIndex?
    public let descriptor: FileDescriptor
    let buffer: UnsafeMutableRawBufferPointer
    let received: UnsafeMutableBufferPointer<aloft_received>
    /// Packets that were no whole IP packet, or longer than a slot.
    public private(set) var malformed: UInt64 = 0

    /// Packets taken with one call; fewer mean that the queue is empty.
    public static let batch = 32
    /// The longest advert keepalived can send: 255 IPv6 addresses (4,088 bytes) with AH or HMAC; rounded up.
    static let slotLength = 4608

    /// `interface` nil receives from any: for unicast peers that no one interface leads to.
    public init(
        _ family: AddressFamily, interface: InterfaceIndex?, ipProtocol: UInt8 = VRRPSender.protocolNumber,
        receiveBuffer: Int32 = 1 << 20
    ) throws(SystemError) {
        let socket = aloft_vrrp_receive_socket(
            Int32(family.rawValue), Int32(ipProtocol), interface?.rawValue ?? 0, receiveBuffer)
        descriptor = FileDescriptor(
            owning: try check(socket, .socket, "open a VRRP socket to receive on", "\(interface?.description ?? "any")")
        )
        self.family = family
        self.interface = interface
        // Not initialised: pages that no packet ever reaches are never touched.
        buffer = .allocate(byteCount: Self.batch * Self.slotLength, alignment: 16)
        received = .allocate(capacity: Self.batch)
        received.initialize(repeating: aloft_received())
    }

    deinit {
        buffer.deallocate()
        received.deallocate()
    }

    /// Receives only what is sent to `address` (a group or one of our own, which need not be there yet).
    public borrowing func bind(to address: IPAddress) throws(SystemError) {
        let index = interface?.rawValue ?? 0
        let result = address.withBytes {
            aloft_bind_address(descriptor.rawValue, Int32(family.rawValue), $0, index)
        }
        _ = try check(result, .socket, "bind the VRRP socket to", "\(address)")
    }

    /// Joins 224.0.0.18, ff02::12 or another group, on the given interface.
    public borrowing func join(_ group: IPAddress, on interface: InterfaceIndex) throws(SystemError) {
        let result = group.withBytes {
            aloft_join_group(descriptor.rawValue, Int32(family.rawValue), $0, interface.rawValue)
        }
        if result != -Errno.addressInUse.rawValue {  // joined already
            _ = try check(result, .socket, "join the group", "\(group) on \(interface)")
        }
    }

    public borrowing func leave(_ group: IPAddress, on interface: InterfaceIndex) throws(SystemError) {
        let result = group.withBytes {
            aloft_leave_group(descriptor.rawValue, Int32(family.rawValue), $0, interface.rawValue)
        }
        if result != -Errno.addressNotAvailable.rawValue {
            _ = try check(result, .socket, "leave the group", "\(group) on \(interface)")
        }
    }

    /// Takes up to 32 packets with one call and hands each PDU to `body`. Returns how many the kernel had: less
    /// than 32 means the queue is empty. Allocates nothing. A pending socket error (ENETDOWN when the
    /// interface went down) is thrown once; the socket works on.
    @discardableResult
    public mutating func receive(_ body: (RawSpan, PacketOrigin) -> Void) throws(SystemError) -> Int {
        let count = try check(
            aloft_receive_datagrams(
                descriptor.rawValue, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(Self.slotLength),
                received.baseAddress, Int32(Self.batch)), .receive, "receive adverts")
        for index in 0..<Int(count) {
            let packet = received[index]
            let start = index * Self.slotLength
            let bytes = UnsafeRawBufferPointer(
                rebasing: buffer[start..<start + min(Int(packet.length), Self.slotLength)])
            let span = bytes.bytes
            guard packet.truncated == 0, let range = payload(of: span, packet) else {
                malformed &+= 1
                continue
            }
            body(span.extracting(range.bytes), range.origin)
        }
        return Int(count)
    }

    /// What lies behind the IP header, and what that says.
    func payload(of packet: RawSpan, _ info: aloft_received) -> (bytes: Range<Int>, origin: PacketOrigin)? {
        let index = InterfaceIndex(info.interface)
        switch family {
        case .ipv4:
            guard let header = IPv4Header(packet) else { return nil }
            return (
                header.length..<header.totalLength,
                PacketOrigin(
                    interface: index, source: header.source, destination: header.destination, timeToLive: header.ttl)
            )
        case .ipv6:
            guard info.hop_limit >= 0 else { return nil }
            return (
                0..<packet.byteCount,
                PacketOrigin(
                    interface: index, source: IPAddress(.ipv6, info.source),
                    destination: IPAddress(.ipv6, info.destination),
                    timeToLive: UInt8(truncatingIfNeeded: info.hop_limit))
            )
        }
    }
}

/// The header in front of what a raw IPv4 socket delivers (RFC 791 §3.1). Nil when it isn't a whole one.
struct IPv4Header {
    /// Of the header, with its options: 20…60.
    var length: Int
    /// Of header and payload, and no more than was received.
    var totalLength: Int
    var ttl: UInt8
    var source: IPAddress
    var destination: IPAddress

    init?(_ packet: RawSpan) {
        guard let first = packet.uint8(at: 0), first >> 4 == 4, let total = packet.uint16(at: 2),
            let ttl = packet.uint8(at: 8), let source = packet.address(.ipv4, at: 12),
            let destination = packet.address(.ipv4, at: 16)
        else { return nil }
        length = Int(first & 15) * 4
        totalLength = Int(total)
        guard length >= 20, length <= totalLength, totalLength <= packet.byteCount else { return nil }
        self.ttl = ttl
        self.source = source
        self.destination = destination
    }
}
