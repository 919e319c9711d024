import Balancing
import Configuration
import Health
import Primitives

/// The services of a seed.
struct ServicePlan {
    struct Patience: Equatable {
        var interval: Int
        var retries: UInt32
        var retryDelay: Int
        var rise: UInt32
        var alpha: Bool
    }

    private(set) var model = Model()
    /// Of all servers, whichever service they are behind.
    private(set) var addresses: [IPAddress] = []
    private(set) var patience: Patience
    let drainSeconds: Int64?
    let slowStart: Int?
    let inhibits: Bool
    let hasSorry: Bool

    var serverCount: Int { model.virtualServers.reduce(0) { $0 + $1.realServers.count } }

    /// One failing check more than these forgives, in nanoseconds, with everything that may come between.
    var longestFailure: Int64 {
        let interval = Int64(patience.interval) * second + 400 * millisecond
        let retry = Int64(patience.retryDelay) * second + 400 * millisecond
        return interval + Int64(patience.retries) * retry + 400 * millisecond + 100 * millisecond
    }
    /// Successes in a row, each an interval apart.
    var longestRecovery: Int64 {
        Int64(patience.rise + 1) * (Int64(patience.interval) * second + 400 * millisecond) + 500 * millisecond
    }

    init(drawing random: inout SplitMix64) {
        patience = Patience(
            interval: random.within(1...10), retries: UInt32(random.below(4)), retryDelay: random.within(1...3),
            rise: UInt32(random.within(1...3)), alpha: random.chance(200))
        drainSeconds = random.flip() ? random.within(5...60) : nil
        slowStart = random.chance(300) ? random.within(2...30) : nil
        inhibits = random.chance(300)
        hasSorry = random.flip()
        let count = random.within(1...4)
        addresses = (1...random.within(2...8)).map { .v4(IPv4Address(10, 0, 0, UInt8($0))) }
        for number in 0..<count {
            var service = VirtualServer(
                .address(.v4(IPv4Address(192, 0, 2, UInt8(number + 1))), port: 80), family: .ipv4, transport: .tcp)
            service.quorum = UInt32(random.within(1...3))
            service.hysteresis = UInt32(random.below(Int(service.quorum)))
            if hasSorry { service.sorryServer = SorryServer(.v4(IPv4Address(10, 9, 9, 9)), port: 80) }
            service.quorumUp = HookCommand(argv: ["/up"])
            service.quorumDown = HookCommand(argv: ["/down"])
            for address in addresses where random.chance(750) { service.realServers.append(server(address, weight: 1)) }
            if service.realServers.isEmpty { service.realServers.append(server(addresses[0], weight: 1)) }
            model.virtualServers.append(service)
        }
    }

    private func server(_ address: IPAddress, weight: Int) -> RealServer {
        var server = RealServer(address, port: 80)
        server.weight = weight
        server.inhibitOnFailure = inhibits
        server.drainTimeout = drainSeconds.map { .seconds($0) }
        server.slowStart = slowStart.map { .seconds($0) }
        server.notifyUp = HookCommand(argv: ["/up"])
        server.notifyDown = HookCommand(argv: ["/down"])
        var check = HealthCheck(.tcp(.init(address, port: 80)))
        check.delayLoop = .seconds(patience.interval)
        check.retry = patience.retries
        check.delayBeforeRetry = .seconds(patience.retryDelay)
        check.rise = patience.rise
        check.alpha = patience.alpha
        check.warmup = .seconds(patience.interval)
        server.checks = [check]
        return server
    }

    /// Draws another configuration: a server comes, goes, or weighs something else; sometimes nothing changes. Returns the service that did.
    mutating func change(drawing random: inout SplitMix64) -> ServiceKey? {
        guard !random.chance(250) else { return nil }
        let index = random.below(model.virtualServers.count)
        var service = model.virtualServers[index]
        let address = random.pick(addresses)
        if let place = service.realServers.firstIndex(where: { $0.address == address }) {
            if random.flip(), service.realServers.count > 1 {
                service.realServers.remove(at: place)
            } else {
                service.realServers[place].weight = random.within(1...5)
            }
        } else {
            service.realServers.append(server(address, weight: random.within(1...5)))
        }
        model.virtualServers[index] = service
        guard case .address(let vip, let port) = service.service else { return nil }
        return .address(vip, port: port, .tcp)
    }
}
