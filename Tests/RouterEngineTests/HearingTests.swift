import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

@Suite("Who is heard, and who cannot hear")
struct HearingTests {
    static let backup = [Bench.instance(priority: 100), Bench.instance("VI_2", id: 52, priority: 100, interface: "e1")]

    /// An advertisement of a router of id 51 on `e0`.
    static func packet(from source: IPAddress, priority: UInt8) -> [UInt8] {
        let format = PacketFormat(
            version: .v2, family: .ipv4, isUnicast: false, interval: Centiseconds(rounding: .seconds(1), for: .v2))
        var packet = AdvertisementPacket(
            format: format, id: VirtualRouterID(51)!, priority: Priority(priority), source: source,
            destinations: [IPAddress("224.0.0.18")!], addresses: [IPAddress("10.0.0.9")!], timeToLive: 255)
        packet.prepare(priority: Priority(priority))
        return Array(packet.copies[0].bytes.dropFirst(20))  // behind the IP header
    }

    static func receive(_ packet: [UInt8], from source: IPAddress, timeToLive: UInt8 = 255, _ bench: inout Bench) {
        bench.effects = []
        let origin = PacketOrigin(
            interface: Bench.e0, source: source, destination: IPAddress("224.0.0.18")!, timeToLive: timeToLive)
        bench.engine.receive(packet.span.bytes, from: origin, at: bench.now, into: &bench.effects)
    }

    @Test("A master whose socket cannot be opened gives up: it would never hear who is better")
    func deafMaster() {
        var bench = Bench(Self.backup)
        bench.start()
        bench.pass(.seconds(10))
        #expect(bench.role() == .master && bench.role("VI_2") == .master)
        let key = bench.engine.sockets.filter { $0.interface == Bench.e0 }
        bench.handle(.socketsMissing(key))
        #expect(bench.role() == .fault && bench.role("VI_2") == .master)
        #expect(bench.withdrawals == 1)
        #expect(bench.engine.status(of: RouterID(0))?.faults == [.cannotHear("e0")])
        // It stays wanted, or the world would not try again.
        #expect(bench.engine.sockets.filter { $0.interface == Bench.e0 } == key)
        bench.handle(.socketsMissing(key))
        #expect(bench.effects.isEmpty)
        bench.handle(.socketsMissing([]))
        #expect(bench.role() == .backup)
        bench.pass(.seconds(4))
        #expect(bench.role() == .master)
    }

    @Test("Everybody who speaks is remembered, with what was turned away and why; sixteen at most")
    func neighbours() throws {
        var bench = Bench([Bench.instance(priority: 100)])
        bench.start()
        let peer = IPAddress("10.0.0.2")!
        Self.receive(Self.packet(from: peer, priority: 200), from: peer, &bench)
        let stranger = IPAddress("10.0.0.3")!
        Self.receive(Self.packet(from: stranger, priority: 200), from: stranger, timeToLive: 3, &bench)
        var heard = try #require(bench.engine.status(of: RouterID(0))?.neighbours)
        try #require(heard.map(\.address) == [peer, stranger])
        #expect(heard[0].advert?.priority == Priority(200) && heard[0].accepted == 1 && heard[0].rejected == 0)
        #expect(heard[1].advert == nil && heard[1].lastRejection == .timeToLive && heard[1].rejected == 1)

        // A flood of forged sources does not hide the one that was believed.
        for number in 0..<300 {
            let source = IPAddress("10.0.\(1 + number / 250).\(1 + number % 250)")!
            bench.now = bench.now + .milliseconds(1)
            Self.receive(Self.packet(from: source, priority: 200), from: source, timeToLive: 3, &bench)
        }
        heard = try #require(bench.engine.status(of: RouterID(0))?.neighbours)
        #expect(heard.count == 16)
        #expect(heard[0].address == peer && heard[0].accepted == 1)
    }

    @Test("garp_extra_if all: addresses on other interfaces are announced every so often, the others are not")
    func elsewhere() {
        var instance = Bench.instance(priority: 255, addresses: ["10.0.0.9/24", "10.1.0.9/24"])
        instance.virtualAddresses[1].device = "e1"
        instance.announcements.elsewhere = .seconds(7)
        instance.announcements.masterDelay = .zero
        var bench = Bench([instance])
        bench.start()
        bench.pass(.seconds(30))
        let announced = bench.effects.compactMap { effect in
            if case .announce(let id, let count) = effect {
                "\(bench.engine.address(id)!.key.prefix) x \(count)"
            } else {
                nil
            }
        }
        #expect(announced == Array(repeating: "10.1.0.9/24 x 1", count: 4))
    }
}
