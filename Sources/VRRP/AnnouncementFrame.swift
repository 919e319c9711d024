import Primitives

/// Ethernet frames that tell a link where an address lives now.
public enum AnnouncementFrame {
    /// Gratuitous ARP for IPv4, unsolicited neighbour advertisement for IPv6.
    /// - Parameter isRouter: sets the Router flag (RFC 4861 §4.4): forwarding is on.
    public static func bytes(for address: IPAddress, from mac: MACAddress, isRouter: Bool) -> [UInt8] {
        switch address {
        case .v4(let address): gratuitousARP(address, mac)
        case .v6(let address): unsolicitedNeighbourAdvertisement(address, mac, isRouter: isRouter)
        }
    }

    /// RFC 5227 §3: a broadcast *request* with sender and target address equal. As keepalived sends it, the
    /// target hardware address is broadcast too. 42 bytes; the driver pads.
    private static func gratuitousARP(_ address: IPv4Address, _ mac: MACAddress) -> [UInt8] {
        var frame: [UInt8] = []
        frame.reserveCapacity(42)
        MACAddress.broadcast.append(to: &frame)
        mac.append(to: &frame)
        frame += [0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4, 0x00, 0x01]
        mac.append(to: &frame)
        frame.append(bigEndian: address.bits)
        MACAddress.broadcast.append(to: &frame)
        frame.append(bigEndian: address.bits)
        return frame
    }

    /// RFC 4861 §7.2.6, with the address itself as source; RFC 9568 §8.2.2 asks for it.
    private static func unsolicitedNeighbourAdvertisement(
        _ address: IPv6Address, _ mac: MACAddress, isRouter: Bool
    ) -> [UInt8] {
        let allNodes = IPv6Address(high: 0xFF02_0000_0000_0000, low: 1)
        var icmp: [UInt8] = [136, 0, 0, 0, isRouter ? 0xA0 : 0x20, 0, 0, 0]
        IPAddress.v6(address).append(to: &icmp)
        icmp += [2, 1]
        mac.append(to: &icmp)
        var sum = InternetChecksum()
        sum.add(.v6(address))
        sum.add(.v6(allNodes))
        sum.add(58)
        sum.add(UInt16(icmp.count))
        sum.add(icmp.span.bytes)
        icmp.write(bigEndian: sum.value, at: 2)

        var frame: [UInt8] = [0x33, 0x33, 0, 0, 0, 1]
        mac.append(to: &frame)
        frame += [0x86, 0xDD, 0x60, 0, 0, 0, 0, UInt8(icmp.count), 58, 255]
        IPAddress.v6(address).append(to: &frame)
        IPAddress.v6(allNodes).append(to: &frame)
        return frame + icmp
    }
}
