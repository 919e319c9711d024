/// Something that a virtual server asks for and that the data plane `nftables` cannot do. A configuration with `data_plane nftables`
/// that asks for it is refused; with `auto` it depends on the host, and whoever chooses the plane there asks again.
public enum PlaneLimit: Hashable, Sendable, CaseIterable {
    /// `lvs_method TUN` of the virtual server, of a real one or of the sorry server.
    case tunnel
    /// A scheduler that the kernel's ip_vs alone has.
    case scheduler
    /// `uthreshold` or `lthreshold`.
    case thresholds
    /// `persistence_engine`.
    case persistenceEngine
    /// `ops`.
    case onePacket

    /// What is asked for, and why it cannot be had: two parts of a sentence.
    var texts: (what: String, reason: String) {
        switch self {
        case .tunnel: ("packets cannot be tunnelled", "nftables has no step that wraps a packet into another")
        case .scheduler:
            ("this scheduler is not there", "it needs what only ip_vs counts: connections at the moment of choice")
        case .thresholds: ("connections have no thresholds", "nftables does not count the connections of a real server")
        case .persistenceEngine: ("there are no persistence engines", "nftables does not look into what clients say")
        case .onePacket:
            ("packets are not scheduled one by one", "the kernel keeps what belongs to a connection together")
        }
    }
}

extension VirtualServer {
    /// What of it the data plane `nftables` cannot do; each once, in the order of declaration.
    public var limitsOnNFTables: [PlaneLimit] {
        PlaneLimit.allCases.filter { limit in
            switch limit {
            case .tunnel:
                (sorryServer.map { [$0.forwarding] } ?? []).contains(where: \.mixesFamilies)
                    || realServers.contains { $0.forwarding.mixesFamilies }
            case .scheduler: scheduler.needsIPVS
            case .thresholds: realServers.contains { $0.upperThreshold > 0 || $0.lowerThreshold > 0 }
            case .persistenceEngine: persistenceEngine != nil
            case .onePacket: onePacket
            }
        }
    }
}

extension VirtualServer.Scheduler {
    /// The data plane `nftables` can neither do it nor come near it by weights: `lblc` and `lblcr` send a client's destination where few
    /// connections are, and `ovf` fills one server before the next; all three count connections when a packet comes.
    public var needsIPVS: Bool {
        switch self {
        case .localityLeastConnections, .localityLeastConnectionsReplicated, .weightedOverflow: true
        default: false
        }
    }
}
