import Balancing
import Primitives
import Testing

@Suite("Rates from counters") struct RateMeterTests {
    static let service = ServiceKey.address(.v4(IPv4Address(192, 0, 2, 1)), port: 80, .tcp)
    static let server = DestinationKey(.v4(IPv4Address(10, 0, 0, 1)), port: 80)

    static func reading(_ connections: UInt64, bytes: UInt64 = 0) -> RateMeter.Reading {
        var statistics = ServerStatistics()
        statistics.counters.connections = connections
        statistics.counters.bytesIn = bytes
        return [service: [server: statistics]]
    }
    static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    func rates(_ meter: RateMeter, _ reading: RateMeter.Reading, _ now: Instant) -> TrafficCounters? {
        meter.rated(reading, at: now)[Self.service]?[Self.server]?.rates
    }

    @Test("The mean since the older of two readings; none at first")
    func mean() {
        var meter = RateMeter()
        #expect(rates(meter, Self.reading(5), Self.at(10)) == nil)
        meter.note(Self.reading(100, bytes: 1000), at: Self.at(10))
        #expect(rates(meter, Self.reading(120, bytes: 3000), Self.at(12))?.connections == 10)
        #expect(rates(meter, Self.reading(120, bytes: 3000), Self.at(12))?.bytesIn == 1000)
        meter.note(Self.reading(999), at: Self.at(13))
        #expect(meter.nextReading == Self.at(15), "one that comes too soon is not kept")
        meter.note(Self.reading(150), at: Self.at(15))
        #expect(rates(meter, Self.reading(160), Self.at(16))?.connections == 10)
        meter.note(Self.reading(250), at: Self.at(20))
        #expect(rates(meter, Self.reading(250), Self.at(20))?.connections == 20)
    }

    @Test("Counters that begin anew, servers that are new, and counts without bound")
    func edges() {
        var meter = RateMeter()
        meter.note(Self.reading(1000), at: Self.at(1))
        #expect(rates(meter, Self.reading(30), Self.at(4))?.connections == 10)
        #expect(rates(meter, Self.reading(1000), Self.at(1)) == nil, "no time has passed")
        #expect(rates(meter, Self.reading(.max), Self.at(2))?.connections == UInt64.max - 1000)
        var other = RateMeter()
        other.note([:], at: Self.at(1))
        #expect(rates(other, Self.reading(5), Self.at(4)) == nil)
    }
}
