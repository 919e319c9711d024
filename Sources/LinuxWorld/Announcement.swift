import Primitives

/// The frame that tells a link's neighbours where an address now lives.
public struct Announcement: Hashable, Sendable {
    public var address: IPAddress
    /// Of the interface that holds the address; the virtual one where there is one.
    public var mac: MACAddress
    /// The Router flag of a neighbour advertisement: whether the interface forwards IPv6.
    public var isRouter: Bool

    public init(_ address: IPAddress, at mac: MACAddress, isRouter: Bool = false) {
        self.address = address
        self.mac = mac
        self.isRouter = isRouter
    }

    /// Appends the frame with its Ethernet header: 42 bytes for IPv4, 86 for IPv6.
    public func append(to bytes: inout [UInt8]) {
        switch address {
        case .v4: appendARP(to: &bytes)
        case .v6: appendNeighbourAdvertisement(to: &bytes)
        }
    }

    /// A gratuitous ARP *request* (RFC 5227 §3), with the broadcast address as target hardware address
    /// where RFC 5227 has zero: what keepalived sends, and what switches and hosts are used to.
    func appendARP(to bytes: inout [UInt8]) {
        MACAddress.broadcast.append(to: &bytes)
        mac.append(to: &bytes)
        bytes.append(bigEndian: UInt16(0x0806))
        bytes.append(bigEndian: UInt16(1))  // Ethernet
        bytes.append(bigEndian: UInt16(0x0800))
        bytes.append(6)
        bytes.append(4)
        bytes.append(bigEndian: UInt16(1))  // request
        mac.append(to: &bytes)
        address.append(to: &bytes)
        MACAddress.broadcast.append(to: &bytes)
        address.append(to: &bytes)
    }

    /// RFC 4861 §4.4 and §7.2.6: to all nodes, Override set, Solicited clear, with our link-layer address.
    func appendNeighbourAdvertisement(to bytes: inout [UInt8]) {
        let allNodes = IPAddress.v6(IPv6Address(high: 0xFF02_0000_0000_0000, low: 1))
        MACAddress(bits: 0x3333_0000_0001).append(to: &bytes)
        mac.append(to: &bytes)
        bytes.append(bigEndian: UInt16(0x86DD))
        bytes.append(bigEndian: UInt32(0x6000_0000))
        bytes.append(bigEndian: UInt16(32))
        bytes.append(58)  // ICMPv6
        bytes.append(255)
        address.append(to: &bytes)
        allNodes.append(to: &bytes)
        let flags: UInt32 = isRouter ? 0xA000_0000 : 0x2000_0000
        var sum = InternetChecksum()
        sum.add(address)
        sum.add(allNodes)
        sum.add(32)
        sum.add(58)
        sum.add(0x8800)
        sum.add(UInt16(truncatingIfNeeded: flags >> 16))
        sum.add(address)
        sum.add(0x0201)
        sum.add(UInt16(truncatingIfNeeded: mac.bits >> 32))
        sum.add(UInt16(truncatingIfNeeded: mac.bits >> 16))
        sum.add(UInt16(truncatingIfNeeded: mac.bits))
        bytes.append(bigEndian: UInt16(0x8800))  // neighbour advertisement
        bytes.append(bigEndian: sum.value)
        bytes.append(bigEndian: flags)
        address.append(to: &bytes)
        bytes.append(bigEndian: UInt16(0x0201))  // target link-layer address, one unit of 8
        mac.append(to: &bytes)
    }
}
