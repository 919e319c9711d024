import CLinux
import Primitives

/// Sends adverts of one family out of one interface: a raw socket of protocol 112 that receives nothing.
///
/// IPv4: the caller gives the whole IP packet (IP_HDRINCL; a zero checksum, id or total length is the kernel's
/// to fill, raw(7)). IPv6: the PDU; the kernel writes the header, and the checksum at offset 6 (IPV6_CHECKSUM).
/// Multicast is not looped back; hop limit 255, traffic class 0xc0, priority 7 (6 without CAP_NET_ADMIN).
///
/// A failed send is weather (`Errno.isWeather`), never the end of the socket. After the interface itself is
/// gone (ENODEV for good) a new sender for its new index is needed.
public struct VRRPSender: ~Copyable {
    public let family: AddressFamily
    public let interface: InterfaceIndex?
    let descriptor: FileDescriptor
    var batch = DatagramBatch()

    /// VRRP, RFC 9568 §5.1.1.4.
    public static let protocolNumber: UInt8 = 112

    /// `interface` nil leaves the way to the routing table (unicast peers). `ipProtocol` 51 for keepalived's AH.
    public init(
        _ family: AddressFamily, interface: InterfaceIndex?, ipProtocol: UInt8 = VRRPSender.protocolNumber
    ) throws(SystemError) {
        let socket = aloft_vrrp_send_socket(
            Int32(family.rawValue), Int32(ipProtocol), interface?.rawValue ?? 0, 7)
        descriptor = FileDescriptor(
            owning: try check(socket, .socket, "open a VRRP socket to send on", "\(interface?.description ?? "any")"))
        self.family = family
        self.interface = interface
    }

    /// Adds one packet to the batch. `write` appends its bytes. `source` (IPv6 only; IPv4 has it in the packet) must be
    /// an address of this host; nil lets the kernel choose. `hopLimit` (IPv6) nil is 255.
    public mutating func append(
        to destination: IPAddress, from source: IPAddress? = nil, hopLimit: UInt8? = nil,
        _ write: (inout [UInt8]) -> Void
    ) {
        precondition(destination.family == family, "a packet to \(destination) on a sender of \(family)")
        var item = aloft_outgoing()
        destination.store(into: &item.destination)
        if let source, source.family == family {
            source.store(into: &item.source)
            item.has_source = 1
        }
        item.interface = interface?.rawValue ?? 0
        item.hop_limit = hopLimit.map { Int32($0) } ?? -1
        batch.append(item, write)
    }

    /// How many packets wait for `flush`.
    public var pending: Int { batch.items.count }

    /// Sends the batch in order with as few calls as possible. `failed` gets the position of each packet that
    /// was not sent, and why; it isn't kept. Returns how many were sent.
    @discardableResult
    public mutating func flush(failed: (_ index: Int, _ errno: Errno) -> Void = { _, _ in }) -> Int {
        let number = descriptor.rawValue
        let family = Int32(self.family.rawValue)
        return batch.flush(with: { aloft_send_datagrams(number, family, $0, $1, $2) }, failed: failed)
    }
}
