import CLinux
import Glibc
import Netlink
import Primitives
import Testing
import VRRP

@testable import LinuxWorld

/// VRRPv3, VRID 52, priority 100, 50 cs (reference/keepalived/wire.md §12).
let pdu: [UInt8] = [0x31, 0x34, 0x64, 0x01, 0x00, 0x32, 0x75, 0xF4, 0x0A, 0x05, 0x00, 0x0A]

/// The PDU in an IPv4 header as keepalived builds it.
func ipv4Packet(
    from source: IPAddress, to destination: IPAddress, ttl: UInt8 = 255, options: Int = 0, into bytes: inout [UInt8]
) {
    bytes.append(UInt8(0x45 + options))
    bytes.append(0xC0)
    bytes.append(bigEndian: UInt16(20 + 4 * options + pdu.count))
    bytes.append(bigEndian: UInt32(0x0001_0000))
    bytes.append(ttl)
    bytes.append(112)
    bytes.append(bigEndian: UInt16(0))
    source.append(to: &bytes)
    destination.append(to: &bytes)
    for _ in 0..<options { bytes.append(bigEndian: UInt32(0x0101_0101)) }  // no operation
    bytes += pdu
}

struct Heard: Equatable {
    var pdu: [UInt8]
    var origin: PacketOrigin
}

extension VRRPReceiver {
    /// Everything that arrives until `count` packets are there.
    mutating func collect(_ count: Int, within time: Duration = .seconds(5)) throws -> [Heard] {
        var heard: [Heard] = []
        try eventually(within: time, "\(count) adverts; heard \(heard)") {
            try receive { bytes, origin in
                heard.append(Heard(pdu: bytes.withUnsafeBytes { Array($0) }, origin: origin))
            }
            return heard.count >= count
        }
        return heard
    }
}

@Suite(.enabled(if: isRoot, rootNeeded)) struct AdvertTests {
    let group4 = IPAddress.v4(IPv4Address(224, 0, 0, 18))
    let group6 = IPAddress.v6(IPv6Address(high: 0xFF02_0000_0000_0000, low: 0x12))
    let left4 = IPAddress.v4(IPv4Address(10, 77, 0, 1))
    let right4 = IPAddress.v4(IPv4Address(10, 77, 0, 2))

    @Test func ipv4AdvertsArriveWithTheirTTL() throws {
        let network = try TestNetwork("a4")
        let there = try NetworkNamespace(named: network.right)
        var receiver = try there.run { () throws(SystemError) in
            guard let interface = Host.interface(named: "eth0") else {
                throw SystemError(.socket, .noDevice, "find eth0")
            }
            let receiver = try VRRPReceiver(.ipv4, interface: interface)
            try receiver.join(IPAddress.v4(IPv4Address(224, 0, 0, 18)), on: interface)
            try receiver.join(IPAddress.v4(IPv4Address(224, 0, 0, 18)), on: interface)  // twice is no error
            return receiver
        }
        var sender = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try VRRPSender(.ipv4, interface: Host.interface(named: "eth0"))
        }
        sender.append(to: group4) { ipv4Packet(from: left4, to: group4, into: &$0) }
        sender.append(to: right4) { ipv4Packet(from: left4, to: right4, ttl: 254, into: &$0) }
        sender.append(to: group4) { ipv4Packet(from: left4, to: group4, options: 2, into: &$0) }
        #expect(sender.pending == 3)
        #expect(sender.flush() == 3)
        #expect(sender.pending == 0)
        let listening = receiver.interface
        let index = try #require(listening)
        func heard(_ to: IPAddress, _ ttl: UInt8) -> Heard {
            Heard(pdu: pdu, origin: PacketOrigin(interface: index, source: left4, destination: to, timeToLive: ttl))
        }
        #expect(try receiver.collect(3) == [heard(group4, 255), heard(right4, 254), heard(group4, 255)])
        #expect(receiver.malformed == 0)
    }

    @Test func ipv6AdvertsArriveWithHopLimitAndChecksum() throws {
        let network = try TestNetwork("a6")
        let source = try network.linkLocal(network.left)
        let target = try network.linkLocal(network.right)
        var receiver = try NetworkNamespace(named: network.right).run { () throws(SystemError) in
            guard let interface = Host.interface(named: "eth0") else {
                throw SystemError(.socket, .noDevice, "find eth0")
            }
            let receiver = try VRRPReceiver(.ipv6, interface: interface)
            try receiver.join(IPAddress.v6(IPv6Address(high: 0xFF02_0000_0000_0000, low: 0x12)), on: interface)
            return receiver
        }
        var sender = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try VRRPSender(.ipv6, interface: Host.interface(named: "eth0"))
        }
        try eventually("the IPv6 address can be sent from") {
            sender.append(to: group6, from: source) { $0 += pdu }
            sender.append(to: target, from: source, hopLimit: 17) { $0 += pdu }
            return sender.flush() == 2
        }
        let heard = try receiver.collect(2)
        #expect(heard.map(\.origin.source) == [source, source])
        #expect(heard.map(\.origin.destination) == [group6, target])
        #expect(heard.map(\.origin.timeToLive) == [255, 17])
        let listening = receiver.interface
        #expect(heard.allSatisfy { $0.origin.interface == listening })
        for one in heard {
            #expect(one.pdu[..<6] == pdu[..<6] && one.pdu[8...] == pdu[8...])
            var sum = InternetChecksum()
            sum.add(one.origin.source)
            sum.add(one.origin.destination)
            sum.add(UInt16(pdu.count))
            sum.add(112)
            sum.add(one.pdu.span.bytes)
            #expect(sum.value == 0, "the kernel wrote the checksum")
        }
    }

    @Test func theSocketsSurviveTheLinkGoingDownAndUp() throws {
        let network = try TestNetwork("dn")
        var receiver = try NetworkNamespace(named: network.right).run { () throws(SystemError) in
            guard let interface = Host.interface(named: "eth0") else {
                throw SystemError(.socket, .noDevice, "find eth0")
            }
            let receiver = try VRRPReceiver(.ipv4, interface: interface)
            try receiver.join(IPAddress.v4(IPv4Address(224, 0, 0, 18)), on: interface)
            return receiver
        }
        var sender = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try VRRPSender(.ipv4, interface: Host.interface(named: "eth0"))
        }
        func send() -> [Errno] {
            var errors: [Errno] = []
            sender.append(to: group4) { ipv4Packet(from: left4, to: group4, into: &$0) }
            sender.append(to: right4) { ipv4Packet(from: left4, to: right4, into: &$0) }
            sender.flush { index, errno in
                #expect(index == errors.count)
                errors.append(errno)
            }
            return errors
        }
        #expect(send() == [])
        #expect(try receiver.collect(2).count == 2)
        try ip("-n \(network.left) link set eth0 down")
        let down = send()
        #expect(down.count == 2 && down.allSatisfy(\.isWeather), "\(down)")
        try ip("-n \(network.left) link set eth0 up")
        try eventually("sending works again") { send().isEmpty }
        #expect(try receiver.collect(2).count >= 2)
        // The receiver's own link, too.
        try ip("-n \(network.right) link set eth0 down")
        var errors: [Errno] = []
        do { while try receiver.receive({ _, _ in }) > 0 {} } catch { errors.append(error.errno) }
        #expect(errors.allSatisfy { $0 == .networkDown }, "\(errors)")
        try ip("-n \(network.right) link set eth0 up")
        var count = 0
        try eventually("receiving works again, without joining again") {
            _ = send()
            try receiver.receive { _, _ in count += 1 }
            return count > 0
        }
    }

    @Test func twoHundredFiftySixAdvertsGoInOneFlush() throws {
        let network = try TestNetwork("ba")
        var receiver = try NetworkNamespace(named: network.right).run { () throws(SystemError) in
            guard let interface = Host.interface(named: "eth0") else {
                throw SystemError(.socket, .noDevice, "find eth0")
            }
            let receiver = try VRRPReceiver(.ipv4, interface: interface)
            try receiver.join(IPAddress.v4(IPv4Address(224, 0, 0, 18)), on: interface)
            return receiver
        }
        var sender = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try VRRPSender(.ipv4, interface: Host.interface(named: "eth0"))
        }
        for number in 0..<256 {
            // Number 100 is too long for the link and for IP fragments of a HDRINCL socket: it alone fails.
            sender.append(to: group4) {
                ipv4Packet(from: left4, to: group4, into: &$0)
                if number == 100 { $0 += repeatElement(0, count: 3000) }
            }
        }
        var failed: [Int] = []
        #expect(sender.flush { index, errno in if errno == .messageSize { failed.append(index) } } == 255)
        #expect(failed == [100])
        #expect(try receiver.collect(255).count == 255)
    }

    @Test func announcementsAreTheFramesKeepalivedSends() throws {
        let mac = MACAddress(bits: 0xEEAC_F61A_5EB0)
        var frame = AnnouncementFrame.bytes(for: .v4(IPv4Address(10, 5, 0, 10)), from: mac, isRouter: false)
        let hex = frame.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        #expect(
            hex == "ffffffffffffeeacf61a5eb008060001080006040001eeacf61a5eb00a05000affffffffffff0a05000a")
        let vip = try #require(IPAddress("fe80::63"))
        frame = AnnouncementFrame.bytes(for: vip, from: mac, isRouter: false)
        #expect(frame.count == 86)
        var sum = InternetChecksum()
        sum.add(vip)
        sum.add(try #require(IPAddress("ff02::1")))
        sum.add(32)
        sum.add(58)
        let message = Array(frame[54...])
        sum.add(message.span.bytes)
        #expect(sum.value == 0)
        #expect(frame[54..<62] == [0x88, 0, frame[56], frame[57], 0x20, 0, 0, 0])
    }

    @Test func neighboursLearnAnAnnouncedAddress() throws {
        let network = try TestNetwork("an")
        let mac = MACAddress(bits: 0x0200_5E00_0133)
        // Known with another MAC before, as after a takeover; a neighbour takes the new one from the announcement.
        try ip("-n \(network.right) neigh add 10.77.0.9 dev eth0 lladdr 02:00:00:00:00:01 nud stale")
        try ip("-n \(network.right) neigh add fd77::9 dev eth0 lladdr 02:00:00:00:00:01 nud stale")
        let interface = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            guard let interface = Host.interface(named: "eth0") else {
                throw SystemError(.socket, .noDevice, "find eth0")
            }
            return interface
        }
        var socket = try NetworkNamespace(named: network.left).run { () throws(SystemError) in try PacketSocket() }
        try eventually("both entries have the new MAC") {
            // Again and again: the kernel believes no gratuitous ARP within a second of a change (neigh/locktime).
            for address in [IPAddress("10.77.0.9"), IPAddress("fd77::9")].compactMap(\.self) {
                socket.append(on: interface) { $0 += AnnouncementFrame.bytes(for: address, from: mac, isRouter: false) }
            }
            let sent = socket.flush { index, errno in Issue.record("frame \(index): \(errno)") }
            #expect(sent == 2)
            usleep(200_000)
            let text = try ip("-n \(network.right) neigh show")
            return text.split(separator: "\n").filter { $0.contains("::9 ") || $0.contains("0.9 ") }
                .allSatisfy { $0.contains("02:00:5e:00:01:33") }
        }
    }
}

@Suite struct IPv4HeaderTests {
    func header(_ bytes: [UInt8]) -> IPv4Header? { IPv4Header(bytes.span.bytes) }

    @Test func headersThatLieAreRefused() {
        var good: [UInt8] = []
        let address = IPAddress.v4(IPv4Address(10, 0, 0, 1))
        ipv4Packet(from: address, to: address, options: 1, into: &good)
        #expect(header(good)?.length == 24)
        for count in 0..<good.count { #expect(header(Array(good[..<count])) == nil) }
        for ihl: UInt8 in 0..<16 {
            var bytes = good
            bytes[0] = 0x40 | ihl
            let found = header(bytes)
            #expect((found != nil) == (ihl >= 5 && Int(ihl) * 4 <= good.count))
        }
        for total: UInt16 in [0, 19, 23, 24, UInt16(good.count), UInt16(good.count) + 1, 0xFFFF] {
            var bytes = good
            bytes.write(bigEndian: total, at: 2)
            #expect((header(bytes) != nil) == (total >= 24 && Int(total) <= good.count))
        }
        var bytes = good
        bytes[0] = 0x66
        #expect(header(bytes) == nil)
    }
}
