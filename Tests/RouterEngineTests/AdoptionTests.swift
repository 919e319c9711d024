import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

@Suite("A worker's successor goes on where it stopped")
struct AdoptionTests {
    static let held = KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!, isMarked: true)

    static func successor(silence: Duration) -> Bench {
        var bench = Bench([Bench.instance()])
        bench.now = .zero + .seconds(100)
        let key = Engine.baseKey(Bench.instance())
        bench.start(
            adopting: [RouterRecord(key: key, role: .master, since: .zero, lastAdvert: bench.now - silence)],
            extra: [Self.held])
        return bench
    }

    @Test("vrrp.initialize.adopted: within three intervals nothing is seen of it but the next advert")
    func adopts() {
        var bench = Self.successor(silence: .milliseconds(400))
        #expect(bench.role() == .master)
        #expect(bench.withdrawals == 0)
        let hooks = bench.effects.count { if case .hook = $0 { true } else { false } }
        let announcements = bench.effects.count { if case .announce = $0 { true } else { false } }
        let adverts = bench.effects.count { if case .advertise = $0 { true } else { false } }
        #expect([hooks, announcements, adverts] == [0, 0, 0])
        bench.pass(.milliseconds(600))
        #expect(bench.effects.contains { if case .advertise = $0 { true } else { false } })
    }

    @Test("engine.adopt.too-late: after three intervals it starts as backup, with the addresses off")
    func tooLate() {
        let bench = Self.successor(silence: .milliseconds(3001))
        #expect(bench.role() == .backup)
        #expect(bench.withdrawals == 1)
    }

    @Test("A release gives up what was held a moment ago, and removes what was left longer ago")
    func releases() {
        for (silence, adverts) in [(Duration.milliseconds(100), 1), (.seconds(60), 0)] {
            var bench = Bench([Bench.instance()])
            bench.now = .zero + .seconds(100)
            bench.handle(.kernelDump(Bench.links, Bench.hosts + [Self.held]))
            let record = RouterRecord(
                key: Engine.baseKey(Bench.instance()), role: .master, since: .zero, lastAdvert: bench.now - silence)
            bench.handle(.release([record]))
            #expect(bench.effects.count { if case .advertise(_, .releasing) = $0 { true } else { false } } == adverts)
            #expect(bench.withdrawals == 1)
            #expect(bench.effects.last == .stopped)
        }
    }

    @Test("A record that was not written whole is none")
    func torn() {
        let record = RouterRecord(key: 7, role: .master, since: Instant(nanoseconds: 5), lastAdvert: .zero)
        let bytes = record.encode(sequence: 3)
        #expect(RouterRecord.decode(bytes.span.bytes, lastAdvert: .zero)?.record == record)
        for index in bytes.indices {
            var torn = bytes
            torn[index] ^= 0x40
            #expect(RouterRecord.decode(torn.span.bytes, lastAdvert: .zero) == nil)
            #expect(RouterRecord.decode(Array(bytes[..<index]).span.bytes, lastAdvert: .zero) == nil)
        }
        let script = ScriptRecord(key: 9, result: -2)
        #expect(ScriptRecord.decode(script.encode().span.bytes) == script)
    }
}
