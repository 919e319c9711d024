import Primitives

/// How the fence's test of itself ended.
public enum FenceSelfTest: Hashable, Sendable, CustomStringConvertible {
    /// And how long it took.
    case passed(Duration)
    case failed(Failure)

    /// What the programs did to a frame, and should not have.
    public enum Failure: Hashable, Sendable {
        /// A frame of an address that nobody guards was dropped.
        case dropsUnguarded(String)
        /// A frame was dropped while the deadline lay ahead.
        case dropsOpen(String)
        /// A frame passed with a closed slot.
        case passesClosed(String)
        /// A frame passed after the deadline.
        case passesLate(String)
        /// A deadline that had passed when it was installed opened the address.
        case opensLate(String)
    }

    public var isPassed: Bool { if case .passed = self { true } else { false } }

    public var description: String {
        switch self {
        case .passed(let time): "the lease fence does what it should (\(time.formattedSeconds(digits: 4)) s)"
        case .failed(.dropsUnguarded(let frame)): "the lease fence drops \(frame) of an address that is not guarded"
        case .failed(.dropsOpen(let frame)): "the lease fence drops \(frame) of an address before its deadline"
        case .failed(.passesClosed(let frame)): "the lease fence lets \(frame) of a closed address pass"
        case .failed(.passesLate(let frame)): "the lease fence lets \(frame) of an address pass after its deadline"
        case .failed(.opensLate(let frame)): "the lease fence lets \(frame) pass by a deadline that came too late"
        }
    }
}

extension LeaseFence {
    /// Shows on frames that no interface has that this kernel runs the programs as they are meant: an address that is not guarded passes, a closed one does not, one
    /// with a deadline 2 ms ahead passes until then and not after, and a deadline that came late opens nothing. Less than 20 ms; needs Linux 5.8.
    ///
    /// Uses a slot and two addresses of its own (240.0.0.1 and 100::1 at `lo`), and so does not disturb what is guarded.
    public mutating func selfTest() throws(SystemError) -> FenceSelfTest {
        try load()
        let start = BootClock.now()
        let deadlines = try FenceDeadlines(adopting: try self.deadlines.duplicate())
        let frames = SelfTestFrame.all
        let keys = SelfTestFrame.addresses.map { FenceGuard.key(interface: InterfaceIndex(1), address: $0) }
        if let frame = try first(of: frames, where: .drops) { return .failed(.dropsUnguarded(frame)) }
        deadlines.set(.selfTest, until: nil)
        for key in keys { try loaded?.maps.put(key, .selfTest) }
        let result = try testGuarded(frames, deadlines)
        deadlines.set(.selfTest, until: nil)
        for key in keys { try loaded?.maps.remove(key) }
        return result ?? .passed(BootClock.now() - start)
    }

    private func testGuarded(
        _ frames: [SelfTestFrame], _ deadlines: borrowing FenceDeadlines
    ) throws(SystemError) -> FenceSelfTest? {
        if let frame = try first(of: frames, where: .passes) { return .failed(.passesClosed(frame)) }
        // Far enough ahead that no pause falls into it.
        deadlines.set(.selfTest, until: BootClock.now() + .seconds(60))
        if let frame = try first(of: frames, where: .drops) { return .failed(.dropsOpen(frame)) }
        let end = BootClock.now() + .milliseconds(2)
        deadlines.set(.selfTest, until: end)
        // Each run ends after the time before it and before the time after it: only what is certain is a failure.
        while BootClock.now() < end {
            let dropped = try first(of: frames, where: .drops)
            if let dropped, BootClock.now() < end { return .failed(.dropsOpen(dropped)) }
        }
        if let frame = try first(of: frames, where: .passes) { return .failed(.passesLate(frame)) }
        deadlines.set(.selfTest, until: BootClock.now() - .nanoseconds(1))
        if let frame = try first(of: frames, where: .passes) { return .failed(.opensLate(frame)) }
        return nil
    }

    private enum Conduct { case drops, passes }

    /// The name of the first frame that is treated so.
    private func first(of frames: [SelfTestFrame], where conduct: Conduct) throws(SystemError) -> String? {
        for frame in frames {
            if try verdict(on: frame.bytes, frame.direction).isDropped == (conduct == .drops) { return frame.name }
        }
        return nil
    }

    /// What the programs do to a frame that no interface has (it comes from, or goes to, `lo`), and the mean time of a run. Loads them.
    package mutating func run(
        _ frame: [UInt8], _ direction: FenceDirection, repeating count: UInt32 = 1
    ) throws(SystemError) -> (isDropped: Bool, nanoseconds: UInt32) {
        try load()
        return try verdict(on: frame, direction, repeating: count)
    }

    private func verdict(
        on frame: [UInt8], _ direction: FenceDirection, repeating count: UInt32 = 1
    ) throws(SystemError) -> (isDropped: Bool, nanoseconds: UInt32) {
        let result =
            switch direction {
            case .ingress: try loaded?.programs.ethernetIngress.run(frame, repeating: count)
            case .egress: try loaded?.programs.ethernetEgress.run(frame, repeating: count)
            }
        return (result?.verdict == 2, result?.time ?? 0)
    }
}

/// A frame that a closed address must not get, or send.
struct SelfTestFrame: Sendable {
    var name: String
    var direction: FenceDirection
    var bytes: [UInt8]

    static let address = IPv4Address(240, 0, 0, 1)
    static let address6 = IPv6Address(high: 0x0100 << 48, low: 1)
    static var addresses: [IPAddress] { [.v4(address), .v6(address6)] }

    static let all: [SelfTestFrame] = {
        let own = IPAddress.v4(address)
        let own6 = IPAddress.v6(address6)
        let peer = IPAddress.v4(IPv4Address(240, 0, 0, 2))
        let peer6 = IPAddress.v6(IPv6Address(high: 0x0100 << 48, low: 2))
        return [
            SelfTestFrame(name: "an IPv4 packet to", direction: .ingress, bytes: ip(peer, own)),
            SelfTestFrame(name: "an IPv6 packet to", direction: .ingress, bytes: ip(peer6, own6)),
            SelfTestFrame(name: "an ARP request for", direction: .ingress, bytes: arp(peer, own)),
            SelfTestFrame(
                name: "a neighbour solicitation for", direction: .ingress, bytes: discovery(135, peer6, peer6, own6)),
            SelfTestFrame(name: "an IPv4 packet from", direction: .egress, bytes: ip(own, peer)),
            SelfTestFrame(name: "an IPv6 packet from", direction: .egress, bytes: ip(own6, peer6)),
            SelfTestFrame(name: "a gratuitous ARP of", direction: .egress, bytes: arp(own, own)),
            SelfTestFrame(
                name: "a neighbour advertisement of", direction: .egress, bytes: discovery(136, peer6, peer6, own6)),
        ]
    }()

    /// An Ethernet header, from 02::01 to 02::02.
    private static func ethernet(_ type: UInt16) -> [UInt8] {
        [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, UInt8(type >> 8), UInt8(type & 0xFF)]
    }

    /// An empty packet of UDP, checksums left out: nothing reads them.
    private static func ip(_ source: IPAddress, _ destination: IPAddress) -> [UInt8] {
        var bytes: [UInt8]
        switch source.family {
        case .ipv4: bytes = ethernet(0x0800) + [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0]
        case .ipv6: bytes = ethernet(0x86DD) + [0x60, 0, 0, 0, 0, 8, 17, 64]
        }
        source.append(to: &bytes)
        destination.append(to: &bytes)
        return bytes + [0, 9, 0, 9, 0, 8, 0, 0]
    }

    private static func arp(_ sender: IPAddress, _ target: IPAddress) -> [UInt8] {
        var bytes = ethernet(0x0806) + [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1]
        sender.append(to: &bytes)
        bytes += [0, 0, 0, 0, 0, 0]
        target.append(to: &bytes)
        return bytes
    }

    private static func discovery(
        _ type: UInt8, _ source: IPAddress, _ destination: IPAddress, _ target: IPAddress
    ) -> [UInt8] {
        var bytes = ethernet(0x86DD) + [0x60, 0, 0, 0, 0, 24, 58, 255]
        source.append(to: &bytes)
        destination.append(to: &bytes)
        bytes += [type, 0, 0, 0, 0, 0, 0, 0]
        target.append(to: &bytes)
        return bytes
    }
}
