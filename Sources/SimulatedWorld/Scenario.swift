import Configuration
import Primitives

/// What a seed draws: nodes, links, configuration, and which classes of faults there will be.
public struct Scenario: Sendable {
    /// Each class is off with p = ½, so that rare combinations of few faults appear as well.
    enum FaultClass: Int, CaseIterable {
        case loss, duplication, reordering, corruption, partition, cut
        case workerCrash, daemonKill, powerLoss, stop, stall, pause
        case carrier, removal, renaming, disabling
        case deletion, netlink, scripts, reload, injection
    }

    /// A virtual router as the judge knows it: from the configuration, not from any engine.
    struct RouterPlan: Sendable {
        let link: Int
        let id: UInt8
        let family: AddressFamily
        /// Always held by the master.
        let addresses: [IPPrefix]
        /// What a reload adds and removes.
        let spare: IPPrefix
        let name: String
        let isGrouped: Bool
    }

    struct HostPlan: Sendable {
        var model: Model
        var driftPPM: Int64
        var clockStart: Int64
        var startsAt: Int64
    }

    public let seed: UInt64
    let linkCount: Int
    let routers: [RouterPlan]
    let hosts: [HostPlan]
    let delay: ClosedRange<Int64>
    let faults: [Bool]
    /// How many calm checks stand between two stretches of chaos.
    let checksPerCalm: Int
    let duration: Int64
    /// Nil: nobody asks anybody.
    let arbiter: ArbiterPlan?

    public var hasArbiter: Bool { arbiter != nil }

    func has(_ fault: FaultClass) -> Bool { faults[fault.rawValue] }

    /// - Parameter duration: of the simulated stretch, in seconds.
    public init(seed: UInt64, duration: Int = 3600, arbiters: Arbiters = .drawn) {
        self.seed = seed
        var root = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x5151)
        var shape = root.fork()
        var faultDraw = root.fork()
        var arbiterDraw = root.fork()
        self.duration = Int64(duration) * second
        let count = shape.pick(weighted: [(2, 5), (3, 4), (4, 2), (5, 1)])
        let isGrouped = shape.chance(250)
        let second = isGrouped || shape.chance(300)
        let secondLink = isGrouped || shape.flip() ? 1 : 0
        let linkCount = second && secondLink == 1 || shape.chance(200) ? 2 : 1
        self.linkCount = linkCount
        var routers: [RouterPlan] = []
        for number in 0..<(second ? 2 : 1) {
            let link = number == 0 ? 0 : secondLink
            let family: AddressFamily = shape.chance(300) ? .ipv6 : .ipv4
            var addresses: [IPPrefix] = []
            for position in 0..<shape.pick(weighted: [(1, 6), (2, 2), (3, 1)]) {
                addresses.append(Self.virtualAddress(family, link, number, position))
            }
            routers.append(
                RouterPlan(
                    link: link, id: UInt8(10 + number), family: family, addresses: addresses,
                    spare: Self.virtualAddress(family, link, number, 9), name: "VI_\(number + 1)", isGrouped: isGrouped)
            )
        }
        self.routers = routers
        var models = Self.models(count, routers, linkCount, &shape)
        let has = arbiterDraw.below(12) == 0 || arbiters != .drawn
        var drifts = [Int64](repeating: 0, count: count)
        arbiter =
            has
            ? Self.addArbiter(&models, &drifts, routers, arbiters, &arbiterDraw) : nil
        var hosts: [HostPlan] = []
        for host in 0..<count {
            let drift = shape.within(Int64(-500)...500)
            hosts.append(
                HostPlan(
                    model: models[host], driftPPM: has ? drifts[host] : drift,
                    clockStart: shape.within(Int64(1)...900_000) * 1_000_000_000,
                    startsAt: shape.flip() ? shape.within(0...3_000_000_000) : shape.within(0...20_000_000)))
        }
        self.hosts = hosts
        let base = shape.pick([50_000, 300_000, 1_000_000, 3_000_000] as [Int64])
        delay = base...(base + shape.pick([10_000, 500_000, 2_000_000] as [Int64]))
        faults = FaultClass.allCases.map { _ in faultDraw.flip() }
        checksPerCalm = faultDraw.within(3...8)
    }

    static func hostAddress(_ family: AddressFamily, link: Int, octet: Int) -> IPAddress {
        family == .ipv4
            ? .v4(IPv4Address(10, 0, UInt8(link), UInt8(octet)))
            : .v6(IPv6Address(high: 0xFE80 << 48, low: UInt64(link) << 16 | UInt64(octet)))
    }

    private static func virtualAddress(_ family: AddressFamily, _ link: Int, _ number: Int, _ position: Int) -> IPPrefix
    {
        let octet = 100 + number * 20 + position
        switch family {
        case .ipv4: return IPPrefix(host: .v4(IPv4Address(10, 0, UInt8(link), UInt8(octet))))
        case .ipv6: return IPPrefix(host: .v6(IPv6Address(high: 0xFD00 << 48, low: UInt64(link) << 16 | UInt64(octet))))
        }
    }

    /// A node's own octet on every link: not in the order of the nodes, so that ties have something to decide.
    static func octet(of host: Int) -> Int { 1 + (host * 3 + 2) % 7 }

    // MARK: - Configuration

    private static func models(
        _ count: Int, _ routers: [RouterPlan], _ linkCount: Int, _ draw: inout SplitMix64
    ) -> [Model] {
        var models = [Model](repeating: Model(), count: count)
        let delayed = draw.chance(80)
        let script = draw.chance(400) ? script(&draw) : nil
        let priorities = priorities(count, &draw)
        let isUnicast = draw.chance(350)
        let group = routers.contains { $0.isGrouped }
        let tracksOther = linkCount == 2 && draw.chance(300)
        let trackedWeight = draw.flip() ? 0 : draw.pick([-30, 20, 60])
        for router in routers {
            let version: InstanceDefinition.Version = router.family == .ipv6 || draw.flip() ? .v3 : .v2
            var common = InstanceDefinition(
                name: router.name, interface: "eth\(router.link)", virtualRouterID: router.id, family: router.family)
            common.version = version
            common.advertInterval = interval(version, &draw)
            let isUnequal = version == .v3 && draw.chance(250)
            common.preempt = !draw.chance(250)
            let mixedPreempt = draw.chance(100)
            common.preemptDelay = common.preempt && draw.chance(150) ? .seconds(draw.within(1...30)) : .zero
            common.downTimerAdverts = draw.chance(100) ? draw.within(2...5) : 3
            common.addressLifetime = draw.chance(150) ? .zero : .seconds(draw.pick([2, 5, 10, 10, 10, 10, 10, 60]))
            common.virtualAddresses = router.addresses.map { VirtualAddress($0) }
            if router.addresses.count > 2, draw.flip(), let last = common.virtualAddresses.popLast() {
                common.excludedAddresses = [last]
            }
            common.checkUnicastSource = draw.flip()
            common.checksumAsV2 = version == .v3 && draw.chance(100)
            common.lowerPriorityNoAdvert = draw.chance(100)
            common.higherPrioritySendAdvert = draw.chance(100)
            if version == .v2, draw.chance(200) { common.authentication = .pass(Secret(Array("s3cret".utf8))) }
            announcements(&common.announcements, &draw)
            if let script { common.trackScripts = [TrackedScript(name: script.name)] }
            if tracksOther {
                common.trackInterfaces = [TrackedInterface(name: "eth\(1 - router.link)", weight: trackedWeight)]
            }
            // Two routers that are not one group share the load: the order of the nodes is reversed for one.
            let isReversed = !group && router.id == 11 && draw.flip()
            for host in 0..<count {
                var own = common
                own.basePriority = priorities[isReversed ? count - 1 - host : host]
                if isUnequal { own.advertInterval = interval(version, &draw) }
                if mixedPreempt { own.preempt = draw.flip() }
                if !own.preempt { own.preemptDelay = .zero }
                if own.isOwner { (own.preempt, own.preemptDelay) = (true, .zero) }
                if isUnicast {
                    own.unicastSource = hostAddress(router.family, link: router.link, octet: octet(of: host))
                    own.unicastPeers = (0..<count).filter { $0 != host }.map {
                        UnicastPeer(address: hostAddress(router.family, link: router.link, octet: octet(of: $0)))
                    }
                }
                models[host].instances.append(own)
            }
        }
        for host in 0..<count {
            if let script { models[host].scripts = [script] }
            if delayed { models[host].global.startupDelay = .seconds(2) }
            if group {
                models[host].syncGroups = [SyncGroupDefinition(name: "VG", members: routers.map(\.name))]
                models[host].syncGroups[0].trackingWeight = trackedWeight == 20
            }
        }
        return models
    }

    private static func priorities(_ count: Int, _ draw: inout SplitMix64) -> [UInt8] {
        switch draw.below(10) {
        case 0, 1: return Array(repeating: 100, count: count)
        case 2: return (0..<count).map { $0 == 0 ? 255 : UInt8(100 - $0) }
        case 3, 4: return (0..<count).map { UInt8(150 - $0) }
        case 5: return (0..<count).map { $0 < 2 ? 200 : 90 }
        default: return (0..<count).map { UInt8(max(1, 250 - $0 * draw.within(5...55))) }
        }
    }

    static func interval(_ version: InstanceDefinition.Version, _ draw: inout SplitMix64) -> Duration {
        version == .v2
            ? .seconds(draw.pick(weighted: [(1, 6), (2, 2), (5, 1)]))
            : .milliseconds(draw.pick(weighted: [(100, 1), (250, 1), (500, 2), (1000, 8), (2500, 4), (5000, 3)]))
    }

    private static func script(_ draw: inout SplitMix64) -> TrackScript {
        var script = TrackScript(name: "chk", command: .run(["/usr/bin/check"]))
        script.interval = .seconds(draw.pick([1, 2, 5, 5, 10, 10]))
        script.timeout = draw.flip() ? .zero : .milliseconds(draw.within(300...1000))
        script.rise = draw.within(1...3)
        script.fall = draw.within(1...3)
        script.weight = draw.flip() ? 0 : draw.pick([-60, -20, 30, 100])
        script.initFail = draw.chance(200)
        return script
    }

    private static func announcements(_ settings: inout AnnouncementSettings, _ draw: inout SplitMix64) {
        settings.masterDelay = .seconds(draw.pick([0, 1, 5, 5]))
        settings.masterRepeat = draw.within(1...5)
        settings.masterRefresh = draw.chance(200) ? .seconds(draw.within(5...60)) : .zero
        settings.lowerPriorityRepeat = draw.pick([0, 1, 5])
        settings.lowerPriorityDelay = .seconds(draw.pick([0, 5]))
        if draw.chance(100) { settings.garpInterval = .milliseconds(draw.pick([1, 20, 100])) }
        if draw.chance(100) { settings.gnaInterval = .milliseconds(draw.pick([1, 20, 100])) }
    }
}
