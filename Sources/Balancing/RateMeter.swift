import Primitives

/// How fast counters grow, for a data plane that only counts. Two readings are kept: rates are those since the older one, so that they
/// are of the last ``window`` to twice that, whoever asks and however often.
public struct RateMeter: Sendable {
    public typealias Reading = [ServiceKey: [DestinationKey: ServerStatistics]]

    private struct Sample: Sendable {
        var at: Instant
        var reading: Reading
    }

    /// The least time between two readings that are kept.
    public static let window: Duration = .seconds(5)
    /// Rates of a shorter time say nothing.
    static let leastTime: Duration = .milliseconds(200)

    private var older: Sample?
    private var newer: Sample?

    public init() {}

    /// When the next reading is due; `distantPast` at first.
    public var nextReading: Instant { newer.map { $0.at + Self.window } ?? .zero }

    /// Keeps a reading, if the last one that was kept is old enough.
    public mutating func note(_ reading: Reading, at now: Instant) {
        guard now >= nextReading else { return }
        older = newer
        newer = Sample(at: now, reading: reading)
    }

    /// The reading with rates beside its counters: whole units per second since the older of the kept ones. Counters that fell begin anew.
    public func rated(_ reading: Reading, at now: Instant) -> Reading {
        let usable = [older, newer].compactMap { $0 }.first { now - $0.at >= Self.leastTime }
        guard let sample = usable else { return reading }
        let time = now - sample.at
        return reading.reduce(into: Reading()) { result, service in
            let before = sample.reading[service.key]
            result[service.key] = service.value.reduce(into: [:]) { servers, server in
                var statistics = server.value
                statistics.rates =
                    statistics.rates
                    ?? before?[server.key].map { ServerStatistics.Rates(from: $0, to: server.value, time) }
                servers[server.key] = statistics
            }
        }
    }
}

extension ServerStatistics {
    /// Per second.
    public struct Rates: Hashable, Sendable {
        public var connections: UInt64
        public var packetsIn: UInt64
        public var packetsOut: UInt64
        public var bytesIn: UInt64
        public var bytesOut: UInt64

        public init(connections: UInt64, packetsIn: UInt64, packetsOut: UInt64, bytesIn: UInt64, bytesOut: UInt64) {
            self.connections = connections
            self.packetsIn = packetsIn
            self.packetsOut = packetsOut
            self.bytesIn = bytesIn
            self.bytesOut = bytesOut
        }

        init(from old: ServerStatistics, to new: ServerStatistics, _ time: Duration) {
            func rate(_ counter: KeyPath<ServerStatistics, UInt64>) -> UInt64 {
                let (before, now) = (old[keyPath: counter], new[keyPath: counter])
                let growth = now >= before ? now - before : now
                let milliseconds = UInt64(max(time.nanoseconds / 1_000_000, 1))
                let product = growth.multipliedFullWidth(by: 1000)
                // A product that has no room in 64 bits is a rate that no network has.
                return product.high >= milliseconds ? .max : milliseconds.dividingFullWidth(product).quotient
            }
            connections = rate(\.connections)
            packetsIn = rate(\.packetsIn)
            packetsOut = rate(\.packetsOut)
            bytesIn = rate(\.bytesIn)
            bytesOut = rate(\.bytesOut)
        }

        mutating func add(_ other: Rates) {
            connections &+= other.connections
            packetsIn &+= other.packetsIn
            packetsOut &+= other.packetsOut
            bytesIn &+= other.bytesIn
            bytesOut &+= other.bytesOut
        }
    }
}
