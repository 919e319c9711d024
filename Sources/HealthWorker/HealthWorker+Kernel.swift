import Configuration
import LinuxWorld
import Netlink
import Primitives

/// What the configuration says of ip_vs as a whole: timeouts, an empty table at the beginning and at the end, the sync daemon.
extension HealthWorker {
    /// Before the first look at the table. What a predecessor left is not emptied.
    func prepareKernel(adopting: Bool) {
        let settings = balancer.model.global.forwarding
        if settings.flushesAtStart, !adopting {
            attempt("empty the table at the start") { () throws(SystemError) in try plane.flush() }
        }
        followSettings(since: nil)
    }

    /// After each configuration.
    func followSettings(since old: ForwardingSettings?) {
        let settings = balancer.model.global.forwarding
        if settings.timeouts != old?.timeouts ?? ForwardingSettings.Timeouts() {
            let timeouts = IPVSTimeouts(settings.timeouts)
            attempt("set lvs_timeouts") { () throws(SystemError) in try plane.setTimeouts(timeouts) }
        }
        // One that was never asked for may be someone else's.
        if settings.syncDaemon != nil || old?.syncDaemon != nil { updateDaemons() }
    }

    /// The instance that the sync daemon follows has another role.
    func follow(instance: String, state: String) {
        guard instance == balancer.model.global.forwarding.syncDaemon?.instance else { return }
        followedState = state
        updateDaemons()
    }

    func updateDaemons() {
        let daemons = hasStopped ? [] : balancer.model.syncDaemons(followedState)
        do throws(SystemError) {
            try plane.setDaemons(daemons)
            daemonFailure = ""
        } catch {
            let text = "\(error)"
            guard text != daemonFailure else { return }
            daemonFailure = text
            log(.error, "lvs_sync_daemon: \(text); it is tried again every second")
        }
    }

    /// At the end: the services go, at once where everything is to go with them, and then the sync daemon.
    func leaveKernel() {
        let settings = balancer.model.global.forwarding
        if settings.flushOnStop == .all, plane.canFlush {
            pending = []
            attempt("empty the table at the end") { () throws(SystemError) in try plane.flush() }
        } else {
            applyPending()
        }
        if settings.syncDaemon != nil { updateDaemons() }
    }

    private func attempt(_ action: String, _ body: () throws(SystemError) -> Void) {
        do throws(SystemError) { try body() } catch { log(.error, "cannot \(action): \(error)") }
    }
}

extension IPVSTimeouts {
    init(_ timeouts: ForwardingSettings.Timeouts) {
        func seconds(_ duration: Duration?) -> UInt32? { duration.map { UInt32(clamping: $0.components.seconds) } }
        self.init(tcp: seconds(timeouts.tcp), tcpFin: seconds(timeouts.tcpFin), udp: seconds(timeouts.udp))
    }
}

extension Model {
    /// The sync daemons that `lvs_sync_daemon` means while its instance is in a state: the master tells, all others listen.
    func syncDaemons(_ state: String) -> [IPVSDaemon] {
        guard let settings = global.forwarding.syncDaemon else { return [] }
        let instance = settings.instance.flatMap { name in instances.first { $0.name == name } }
        func daemon(_ state: IPVSDaemon.State) -> IPVSDaemon {
            IPVSDaemon(
                state, interface: settings.interface,
                syncID: UInt32(clamping: settings.id ?? instance.map { Int($0.virtualRouterID) } ?? 0),
                maximumLength: settings.maximumLength.map { UInt16(clamping: $0) }, group: settings.group,
                // 8848 is the kernel's own.
                port: settings.port == 8848 ? nil : UInt16(clamping: settings.port),
                ttl: settings.ttl.map { UInt8(clamping: $0) })
        }
        if settings.instance == nil { return [daemon(.master), daemon(.backup)] }
        return [daemon(state == "MASTER" ? .master : .backup)]
    }
}
