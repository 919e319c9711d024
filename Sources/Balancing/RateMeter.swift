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

    /// When the next reading is due; at once at first.
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
                    statistics.rates ?? before?[server.key].map { statistics.counters.rate(since: $0.counters, time) }
                servers[server.key] = statistics
            }
        }
    }
}
