import ConfigLanguage
import Primitives

// What `data_plane nftables` cannot do: refused where it is written.
extension Resolver {
    /// What stands in `global_defs`.
    mutating func checkPlane() {
        guard global.forwarding.plane == .nftables else { return }
        let settings: [(String, Rule, String)] = [
            ("lvs_sync_daemon", .planeSyncDaemon, "connections that it would tell of are those of ip_vs"),
            ("lvs_timeouts", .planeTimeouts, "connection tracking has timeouts of its own, for all that the host does"),
        ]
        for (keyword, rule, reason) in settings {
            guard let place = globalDraft.places[keyword] else { continue }
            report(
                rule, at: place, "`\(keyword)` has no effect on nftables", reason: reason,
                fix: "remove it, or write `data_plane ipvs`", related: planeRelated)
        }
    }

    /// What stands in a virtual server and its real servers.
    mutating func checkPlane(_ draft: VirtualServerDraft, _ server: VirtualServer) {
        guard global.forwarding.plane == .nftables else { return }
        for limit in server.limitsOnNFTables {
            for place in places(of: limit, draft) { report(limit, at: place) }
        }
        if server.takesTurnsOnNFTables, !saysTurns {
            saysTurns = true
            report(
                .planeTurns, at: draft.scheduler?.range ?? draft.range,
                "connections are spread by turns, and not by `\(server.scheduler.rawValue)`; so with other virtual servers",
                reason: VirtualServer.turnsReason,
                fix: "write `lvs_sched \(server.turnsOnNFTables)` to say the same, or `data_plane ipvs`",
                related: planeRelated)
        }
        guard server.isHashedByNFTables else { return }
        report(
            .planeDirectHash, at: draft.scheduler?.range ?? draft.forwarding?.range ?? draft.range,
            "DR on nftables picks servers by a hash, and not by `\(server.scheduler.rawValue)`",
            reason: server.hashOnNFTables,
            fix: "write `lvs_sched mh` and `mh-port` to say the same, or `data_plane ipvs`", related: planeRelated)
    }

    private var planeRelated: [Diagnostic.Related] {
        globalDraft.places["data_plane"].map { [Diagnostic.Related($0, "the data plane")] } ?? []
    }

    private mutating func report(_ limit: PlaneLimit, at place: SourceRange) {
        let rule: Rule
        let fix: String
        switch limit {
        case .tunnel: (rule, fix) = (.planeTunnel, "write NAT or DR")
        case .scheduler: (rule, fix) = (.planeScheduler, "write another one, such as wlc or wrr")
        case .thresholds: (rule, fix) = (.planeThresholds, "remove it")
        case .persistenceEngine:
            (rule, fix) = (.planeEngine, "remove it: clients are told apart by their addresses then")
        case .onePacket: (rule, fix) = (.planeOnePacket, "remove it")
        case .mixedForwarding: (rule, fix) = (.planeMixedForwarding, "write the same `lvs_method` for all")
        case .directMark: (rule, fix) = (.planeDirectMark, "write NAT, or an address and a port")
        }
        let (what, reason) = limit.texts
        report(
            rule, at: place, "\(what) on nftables", reason: reason, fix: "\(fix), or write `data_plane ipvs`",
            related: planeRelated)
    }

    private func places(of limit: PlaneLimit, _ draft: VirtualServerDraft) -> [SourceRange] {
        switch limit {
        case .tunnel:
            let all = [draft.forwarding, draft.sorryForwarding] + draft.realServers.map(\.value.forwarding)
            return all.compactMap { $0?.value.mixesFamilies == true ? $0?.range : nil }
        case .scheduler: return [draft.scheduler?.range ?? draft.range]
        case .thresholds:
            return draft.realServers.compactMap { box in
                [box.value.upperThreshold, box.value.lowerThreshold].compactMap { $0 }.first { $0.value > 0 }?.range
            }
        case .persistenceEngine: return [draft.persistenceEngine?.range ?? draft.range]
        case .onePacket: return [draft.onePacket?.range ?? draft.range]
        case .mixedForwarding:
            // Where one says something else than the virtual server.
            let own = draft.forwarding?.value ?? .nat
            let others = draft.realServers.map(\.value.forwarding) + [draft.sorryForwarding]
            let ranges = others.compactMap { $0.flatMap { $0.value == own ? nil : $0.range } }
            return ranges.isEmpty ? [draft.range] : ranges
        case .directMark: return [draft.forwarding?.range ?? draft.range]
        }
    }
}
