import ConfigLanguage
import Primitives

extension Resolver {
    /// The real servers, each once. True when one was dropped for a fault.
    mutating func resolveRealServers(
        _ draft: VirtualServerDraft, _ group: ServerScope.Group?, _ server: inout VirtualServer
    ) -> Bool {
        var dropped = false
        // Few are compared with each other; many are looked up.
        var seen: Set<Destination> = []
        let isMany = draft.realServers.count > 16
        server.realServers.reserveCapacity(draft.realServers.count)
        for box in draft.realServers {
            guard var real = resolve(box.value, draft, group, server) else {
                dropped = true
                continue
            }
            let isTwice =
                isMany
                ? !seen.insert(Destination(address: real.address, port: real.port)).inserted
                : server.realServers.contains { $0.port == real.port && $0.address == real.address }
            guard !isTwice else {
                dropped = true
                report(
                    .duplicateRealServer, at: box.value.destination.range,
                    "the real server \(real.address) is written twice", reason: "the first counts",
                    fix: "remove one of them, or write another port")
                continue
            }
            resolveChecks(box.value, draft, group, &real)
            server.realServers.append(real)
        }
        return dropped
    }

    private struct Destination: Hashable {
        var address: IPAddress
        var port: UInt16
    }

    /// All but its checks; nil when it is dropped.
    private mutating func resolve(
        _ draft: RealServerDraft, _ virtual: VirtualServerDraft, _ group: ServerScope.Group?, _ server: VirtualServer
    ) -> RealServer? {
        let forwarding = draft.forwarding?.value ?? server.forwarding
        guard fits(draft.destination, forwarding, server, group, "real server") else { return nil }
        var real = RealServer(
            draft.destination.address, port: port(of: draft.destination, forwarding, virtual.service, group))
        real.forwarding = forwarding
        real.weight = draft.weight?.value ?? virtual.weight?.value ?? 1
        real.upperThreshold = UInt32(clamping: draft.upperThreshold?.value ?? 0)
        real.lowerThreshold = UInt32(clamping: draft.lowerThreshold?.value ?? 0)
        real.inhibitOnFailure = draft.inhibitOnFailure?.value ?? server.inhibitOnFailure
        real.drainTimeout = draft.drainTimeout.map(\.value.unlessZero) ?? server.drainTimeout
        real.slowStart = draft.slowStart.map(\.value.unlessZero) ?? server.slowStart
        real.smtpAlert = draft.smtpAlert?.value ?? servers.alertsOfRealServers
        real.notifyUp = resolve(draft.notifyUp)
        real.notifyDown = resolve(draft.notifyDown)
        real.virtualHost = draft.virtualHost?.value ?? server.virtualHost
        real.snmpName = draft.snmpName?.value
        real.timing = timing(draft.timing, over: server.timing)
        let isTimeoutWritten = draft.timing.connectTimeout != nil || virtual.timing.connectTimeout != nil
        checkPatience(draft.timing, real.timing, isTimeoutWritten: isTimeoutWritten)
        if let lower = draft.lowerThreshold, real.upperThreshold > 0, real.lowerThreshold > real.upperThreshold {
            report(
                .thresholds, at: lower.range, "`lthreshold` is above `uthreshold`",
                reason: "the kernel refuses such a server", fix: "write at most \(real.upperThreshold)")
        }
        return real
    }

    /// The sorry server; nil when it is dropped.
    mutating func resolve(
        _ written: Written<DestinationDraft>, _ draft: VirtualServerDraft, _ group: ServerScope.Group?,
        _ server: VirtualServer
    ) -> SorryServer? {
        let forwarding = draft.sorryForwarding?.value ?? server.forwarding
        guard fits(written.value, forwarding, server, group, "sorry server") else { return nil }
        return SorryServer(
            written.value.address, port: port(of: written.value, forwarding, draft.service, group),
            forwarding: forwarding, inhibit: draft.sorryInhibit?.value ?? false)
    }

    /// Only a tunnel leads from one family to the other.
    private mutating func fits(
        _ destination: DestinationDraft, _ forwarding: ForwardingMethod, _ server: VirtualServer,
        _ group: ServerScope.Group?, _ what: String
    ) -> Bool {
        let family = destination.address.family
        // A group of both families has been reported.
        guard family != server.family, !forwarding.mixesFamilies, (group?.families.count ?? 1) < 2 else { return true }
        report(
            .serverFamilies, at: destination.range,
            "the \(what) is IPv\(family.rawValue), and the virtual server IPv\(server.family.rawValue)",
            reason: "only a tunnel leads from one family to the other; the \(what) is dropped",
            fix: "write an address of the same family, or `lvs_method TUN`")
        return false
    }

    /// The port that packets are sent to. Without NAT it is the one that they have.
    private mutating func port(
        of destination: DestinationDraft, _ forwarding: ForwardingMethod, _ service: VirtualServer.Service,
        _ group: ServerScope.Group?
    ) -> UInt16 {
        guard forwarding.keepsPort else { return destination.port }
        let expected: UInt16
        var isKnown = true
        switch service {
        case .address(_, let port): expected = port
        case .firewallMark:
            (expected, isKnown) = (0, false)
        case .group: (expected, isKnown) = (group?.port ?? 0, group?.port != nil)
        }
        guard destination.port != 0, destination.port != expected else { return expected }
        report(
            .portMismatch, at: destination.portRange,
            isKnown && expected != 0
                ? "port \(destination.port) is not the virtual server's, \(expected)"
                : "the virtual server is not of port \(destination.port) alone",
            reason: "with DR and TUN the packet arrives as the client sent it, with its port",
            fix: isKnown && expected != 0
                ? "write \(expected), or `lvs_method NAT`" : "remove the port, or write `lvs_method NAT`",
            fixIt: isKnown && expected != 0 ? Diagnostic.FixIt(destination.portRange, String(expected)) : nil)
        return expected
    }

    // MARK: Timing

    /// What a block says, over what the block around it says.
    func timing(_ draft: TimingDraft, over base: CheckTiming) -> CheckTiming {
        var timing = base
        if let value = draft.delayLoop?.value { timing.delayLoop = value }
        if let value = draft.connectTimeout?.value { timing.connectTimeout = value }
        if let value = draft.delayBeforeRetry?.value { timing.delayBeforeRetry = value }
        if let value = draft.warmup?.value { timing.warmup = value }
        if let value = draft.retry?.value { timing.retry = UInt32(clamping: value) }
        if let value = draft.rise?.value { timing.rise = UInt32(clamping: value) }
        if let value = draft.alpha?.value { timing.alpha = value }
        return timing
    }

    /// A check should have ended when the next is due. What nobody wrote is nobody's mistake.
    mutating func checkPatience(_ draft: TimingDraft, _ timing: CheckTiming, isTimeoutWritten: Bool) {
        guard let place = draft.connectTimeout?.range ?? draft.delayLoop?.range else { return }
        guard isTimeoutWritten, timing.connectTimeout > timing.delayLoop else { return }
        reportSlow(place, timing.connectTimeout, timing.delayLoop)
    }

    mutating func reportSlow(_ place: SourceRange, _ timeout: Duration, _ loop: Duration) {
        report(
            .slowCheck, at: place,
            "a check may take \(timeout.formattedSeconds(digits: 6)) s, and the next is due after"
                + " \(loop.formattedSeconds(digits: 6)) s",
            reason: "a server that does not answer is checked less often than `delay_loop` says",
            fix: "write a shorter timeout, or a longer `delay_loop`")
    }
}

extension Duration {
    /// 0 is how one says that there is none.
    var unlessZero: Duration? { self > .zero ? self : nil }
}
