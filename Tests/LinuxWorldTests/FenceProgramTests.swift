import CLinux
import Foundation
import Primitives
import Testing

@testable import LinuxWorld

/// Frames as bytes, by the test's own hand.
enum TestFrame {
    static func ethernet(_ type: UInt16, tags: [UInt16] = []) -> [UInt8] {
        var bytes: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
        for tag in tags { bytes += [UInt8(tag >> 8), UInt8(tag & 255), 0, 7] }
        return bytes + [UInt8(type >> 8), UInt8(type & 255)]
    }

    static func bytes(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = []
        IPAddress(text)?.append(to: &bytes)
        return bytes
    }

    static func ipv4(_ source: String, _ destination: String, options: Int = 0, fragment: UInt16 = 0) -> [UInt8] {
        let words = UInt8(5 + options)
        let head: [UInt8] = [0x40 | words, 0, 0, words * 4 + 8, 0, 0, UInt8(fragment >> 8), UInt8(fragment & 255)]
        return head + [64, 17, 0, 0] + bytes(source) + bytes(destination) + [UInt8](repeating: 1, count: options * 4)
            + [0, 9, 0, 9, 0, 8, 0, 0]
    }

    static func arp(_ sender: String, _ target: String, operation: UInt8 = 1) -> [UInt8] {
        [0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 1] + bytes(sender) + [0, 0, 0, 0, 0, 0] + bytes(target)
    }

    /// `headers`: type and length in bytes (a multiple of 8) of each extension header.
    static func ipv6(
        _ source: String, _ destination: String, headers: [(UInt8, Int)] = [], _ type: UInt8, _ payload: [UInt8]
    ) -> [UInt8] {
        let types = headers.map(\.0) + [type]
        let length = headers.reduce(payload.count) { $0 + $1.1 }
        var bytes: [UInt8] = [0x60, 0, 0, 0, 0, UInt8(length), types[0], 255] + bytes(source) + bytes(destination)
        for (index, header) in headers.enumerated() {
            // Authentication counts words less 2, others 8 bytes less 1, the fragment header nothing.
            let units = header.0 == 51 ? header.1 / 4 - 2 : header.0 == 44 ? 0 : header.1 / 8 - 1
            bytes += [types[index + 1], UInt8(units)] + [UInt8](repeating: 0, count: header.1 - 2)
        }
        return bytes + payload
    }

    static func neighbour(_ type: UInt8, target: String) -> [UInt8] { [type, 0, 0, 0, 0, 0, 0, 0] + bytes(target) }
}

@Suite(.enabled(if: isRoot, rootNeeded)) struct FenceProgramTests {
    struct Case {
        var name: String
        var way: FenceDirection
        var frame: [UInt8]
        var isDropped: Bool

        init(_ way: FenceDirection, _ name: String, _ frame: [UInt8], drops: Bool) {
            self.way = way
            self.name = name
            self.frame = frame
            isDropped = drops
        }
    }

    static let vip = "192.0.2.10"
    static let peer = "192.0.2.1"
    static let vip6 = "2001:db8::10"
    static let peer6 = "2001:db8::1"

    static func ip(_ a: String, _ b: String, tags: [UInt16] = [], options: Int = 0, fragment: UInt16 = 0) -> [UInt8] {
        TestFrame.ethernet(0x0800, tags: tags) + TestFrame.ipv4(a, b, options: options, fragment: fragment)
    }

    static func arp(_ a: String, _ b: String, operation: UInt8 = 1, tags: [UInt16] = []) -> [UInt8] {
        TestFrame.ethernet(0x0806, tags: tags) + TestFrame.arp(a, b, operation: operation)
    }

    static func ip6(_ a: String, _ b: String, tags: [UInt16] = [], headers: [(UInt8, Int)] = []) -> [UInt8] {
        TestFrame.ethernet(0x86DD, tags: tags)
            + TestFrame.ipv6(a, b, headers: headers, 17, [0, 9, 0, 9, 0, 8, 0, 0])
    }

    static func nd(
        _ type: UInt8, _ a: String, _ b: String, target: String, tags: [UInt16] = [], headers: [(UInt8, Int)] = []
    ) -> [UInt8] {
        TestFrame.ethernet(0x86DD, tags: tags)
            + TestFrame.ipv6(a, b, headers: headers, 58, TestFrame.neighbour(type, target: target))
    }

    static let multicast = "ff02::1:ff00:10"

    static let ingress: [Case] = [
        Case(.ingress, "IPv4 to it", ip(peer, vip), drops: true),
        Case(.ingress, "IPv4 from it", ip(vip, peer), drops: false),
        Case(.ingress, "IPv4 of others", ip(peer, "192.0.2.11"), drops: false),
        Case(.ingress, "IPv4 with options", ip(peer, vip, options: 10), drops: true),
        Case(.ingress, "a later IPv4 fragment", ip(peer, vip, fragment: 0x2010), drops: true),
        Case(.ingress, "one tag", ip(peer, vip, tags: [0x8100]), drops: true),
        Case(.ingress, "two tags", ip(peer, vip, tags: [0x88A8, 0x8100]), drops: true),
        Case(.ingress, "four tags", ip(peer, vip, tags: [0x88A8, 0x9100, 0x8100, 0x8100]), drops: true),
        Case(.ingress, "a tag and another address", ip(peer, "192.0.2.11", tags: [0x8100]), drops: false),
        Case(.ingress, "who has it", arp(peer, vip), drops: true),
        Case(.ingress, "who has it, asked by nobody", arp("0.0.0.0", vip), drops: true),
        Case(.ingress, "who has it, in a tag", arp(peer, vip, tags: [0x8100]), drops: true),
        Case(.ingress, "an ARP answer to it", arp(peer, vip, operation: 2), drops: true),
        Case(.ingress, "an ARP answer from it", arp(vip, peer, operation: 2), drops: false),
        Case(.ingress, "it announces itself", arp(vip, vip), drops: false),
        Case(.ingress, "it asks for another", arp(vip, peer), drops: false),
        Case(.ingress, "IPv6 to it", ip6(peer6, vip6), drops: true),
        Case(.ingress, "IPv6 from it", ip6(vip6, peer6), drops: false),
        Case(.ingress, "IPv6 of others", ip6(peer6, "2001:db8::11"), drops: false),
        Case(.ingress, "IPv6 in two tags", ip6(peer6, vip6, tags: [0x88A8, 0x8100]), drops: true),
        Case(.ingress, "IPv6 fragment", ip6(peer6, vip6, headers: [(44, 8)]), drops: true),
        Case(.ingress, "solicitation", nd(135, peer6, multicast, target: vip6), drops: true),
        Case(.ingress, "solicitation of others", nd(135, peer6, multicast, target: "2001:db8::11"), drops: false),
        Case(.ingress, "solicitation in a tag", nd(135, peer6, multicast, target: vip6, tags: [0x8100]), drops: true),
        Case(.ingress, "advertisement of it", nd(136, peer6, "ff02::1", target: vip6), drops: false),
        Case(
            .ingress, "solicitation behind six headers",
            nd(
                135, peer6, multicast, target: vip6,
                headers: [(0, 8), (60, 16), (43, 24), (44, 8), (51, 24), (60, 8)]), drops: true),
        Case(.ingress, "echo request to others", nd(128, peer6, multicast, target: vip6), drops: false),
        Case(.ingress, "ARP cut off", Array(arp(peer, vip).prefix(40)), drops: false),
        Case(.ingress, "solicitation cut off", Array(nd(135, peer6, multicast, target: vip6).prefix(70)), drops: false),
        Case(
            .ingress, "another protocol", TestFrame.ethernet(0x88CC) + [UInt8](repeating: 192, count: 60), drops: false),
    ]

    static let egress: [Case] = [
        Case(.egress, "IPv4 from it", ip(vip, peer), drops: true),
        Case(.egress, "IPv4 to it", ip(peer, vip), drops: false),
        Case(.egress, "IPv4 with options", ip(vip, peer, options: 1), drops: true),
        Case(.egress, "a later IPv4 fragment", ip(vip, peer, fragment: 0x00B9), drops: true),
        Case(.egress, "one tag", ip(vip, peer, tags: [0x8100]), drops: true),
        Case(.egress, "two tags", ip(vip, peer, tags: [0x88A8, 0x8100]), drops: true),
        Case(.egress, "gratuitous ARP", arp(vip, vip), drops: true),
        Case(.egress, "gratuitous ARP as an answer", arp(vip, vip, operation: 2), drops: true),
        Case(.egress, "an ARP answer from it", arp(vip, peer, operation: 2), drops: true),
        Case(.egress, "it asks for another", arp(vip, peer), drops: true),
        Case(.egress, "an ARP probe for it", arp("0.0.0.0", vip), drops: true),
        Case(.egress, "an ARP probe for another", arp("0.0.0.0", peer), drops: false),
        Case(.egress, "who has it", arp(peer, vip), drops: false),
        Case(.egress, "gratuitous ARP in two tags", arp(vip, vip, tags: [0x88A8, 0x8100]), drops: true),
        Case(.egress, "IPv6 from it", ip6(vip6, peer6), drops: true),
        Case(.egress, "IPv6 to it", ip6(peer6, vip6), drops: false),
        Case(.egress, "advertisement of it", nd(136, peer6, "ff02::1", target: vip6), drops: true),
        Case(.egress, "advertisement from it", nd(136, vip6, "ff02::1", target: vip6), drops: true),
        Case(.egress, "advertisement of another", nd(136, peer6, "ff02::1", target: peer6), drops: false),
        Case(
            .egress, "advertisement behind headers",
            nd(136, peer6, "ff02::1", target: vip6, headers: [(0, 8), (60, 8)]), drops: true),
        Case(.egress, "solicitation from it", nd(135, vip6, multicast, target: peer6), drops: true),
        Case(.egress, "solicitation for it", nd(135, peer6, multicast, target: vip6), drops: false),
        Case(.egress, "duplicate address detection", nd(135, "::", multicast, target: vip6), drops: true),
    ]

    @Test(
        "each kind of frame of a closed address is dropped or passed as docs/fence.md says, and all pass while it is open"
    )
    func frames() throws {
        var fence = try LeaseFence(instance: 0x7E57_0001)
        try fence.load()
        let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
        let slot = try #require(FenceSlot(7))
        let programs = fence.loaded
        let loaded = try #require(programs)
        for text in [Self.vip, Self.vip6] {
            // TEST_RUN's frames come from `lo`.
            try loaded.maps.put(
                FenceGuard(interface: InterfaceIndex(1), address: try #require(IPAddress(text)), slot: slot).key, slot)
        }
        for isClosed in [true, false] {
            deadlines.set(slot, until: isClosed ? nil : BootClock.now() + .seconds(60))
            for one in Self.ingress + Self.egress {
                let verdict: Int32
                switch one.way {
                case .ingress: verdict = try loaded.programs.ethernetIngress.run(one.frame).verdict
                case .egress: verdict = try loaded.programs.ethernetEgress.run(one.frame).verdict
                }
                let expected: Int32 = one.isDropped && isClosed ? 2 : -1
                #expect(verdict == expected, "\(one.way) \(one.name), \(isClosed ? "closed" : "open")")
            }
        }
        let drops = try fence.drops()
        let dropped = (Self.ingress + Self.egress).filter(\.isDropped).count
        let all = [drops.incomingPackets, drops.incomingQuestions, drops.outgoingPackets, drops.outgoingClaims]
        #expect(all.reduce(0, +) == UInt64(dropped))
        #expect(all.allSatisfy { $0 > 3 })
    }

    @Test("the fence shows by itself that it works, in less than 20 ms")
    func selfTest() throws {
        var fence = try LeaseFence(instance: 0x7E57_0002)
        let start = BootClock.now()
        try fence.load()
        print("the fence's programs are loaded in \((BootClock.now() - start).formattedSeconds(digits: 6)) s")
        let result = try fence.selfTest()
        #expect(result.isPassed, "\(result)")
        if case .passed(let time) = result { #expect(time < .milliseconds(20)) }
    }

    @Test("the test of itself notices programs that do not work")
    func selfTestFails() throws {
        var fence = try LeaseFence(instance: 0x7E57_0003)
        // A map of its own, which nobody stores into, is a fence that is always closed; to no program the address is guarded.
        let other = try LeaseFence(instance: 0x7E57_0003)
        fence.loaded = try LeaseFence.Loaded(try FenceMaps(deadlines: other.deadlines), named: fence.name)
        #expect(try fence.selfTest() == .failed(.dropsOpen("an IPv4 packet to")))
    }

    @Test("slots are words of the map, whichever process stores them; outside there is none")
    func deadlines() throws {
        let fence = try LeaseFence(instance: 0x7E57_0004)
        let worker = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
        let owner = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
        let last = try #require(FenceSlot(FenceDeadlines.count - 1))
        #expect(FenceSlot(FenceDeadlines.count) == nil && FenceSlot(-1) == nil)
        #expect(owner.read(last) == nil)
        worker.set(last, until: Instant(nanoseconds: 12345))
        #expect(owner.read(last) == Instant(nanoseconds: 12345))
        worker.set(last, until: Instant(nanoseconds: -5))
        #expect(owner.read(last) == nil)
        worker.set(last, until: .distantFuture)
        owner.closeAll()
        #expect(worker.read(last) == nil)
        // Something else is refused.
        let ends = try FileDescriptor.pipe().ends()
        #expect(throws: SystemError.self) { _ = try FenceDeadlines(adopting: FileDescriptor(owning: ends.reading)) }
        _ = aloft_close(ends.writing)
    }

    @Test("the committed instructions are what the compiler makes of fence.bpf.c")
    func recompiled() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let script = root.appending(path: "scripts/fence-bytes").path()
        func output(_ argument: String) throws -> (status: Int32, text: String) {
            let process = Process()
            process.executableURL = URL(filePath: script)
            process.arguments = [argument]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            return (process.terminationStatus, String(decoding: data, as: UTF8.self))
        }
        let compiler = try output("--compiler")
        guard compiler.status == 0 else {
            print(
                "skipped: the fence is not compiled again, the compiler is not the one it was written by: \(compiler.text)"
            )
            return
        }
        let written = try String(
            contentsOf: root.appending(path: "Sources/LinuxWorld/FenceInstructions.swift"), encoding: .utf8)
        #expect(try output("--print").text == written, "run scripts/fence-bytes")
    }
}
