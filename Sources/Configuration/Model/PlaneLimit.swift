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
    /// `DR` for some real servers and `NAT` for others.
    case mixedForwarding
    /// `DR` of a service by firewall mark.
    case directMark

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
        case .mixedForwarding:
            ("NAT and DR do not go together in a virtual server", "DR takes packets before NAT could have them")
        case .directMark:
            ("there is no DR by firewall mark", "DR takes packets before the firewall could mark them")
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
            case .mixedForwarding: methods.contains(.nat) && methods.contains(.directRouting)
            case .directMark: methods.contains(.directRouting) && isByMark
            }
        }
    }

    private var methods: Set<ForwardingMethod> {
        Set(realServers.map(\.forwarding) + (sorryServer.map { [$0.forwarding] } ?? []))
    }

    /// All that clients address is firewall marks.
    private var isByMark: Bool {
        switch service {
        case .firewallMark: true
        case .group: transport == nil
        case .address: false
        }
    }

    /// Whether the data plane `nftables` spreads its connections by a hash although the scheduler asks for something else: with DR nothing
    /// but the packet says which server a connection has, on this director and on the next.
    public var isHashedByNFTables: Bool {
        guard methods.contains(.directRouting), limitsOnNFTables.isEmpty else { return false }
        switch scheduler {
        case .sourceHash, .maglevHash, .destinationHash, .weightedFailover: return false
        default: return true
        }
    }
}

extension VirtualServer {
    /// Whether the data plane `nftables` spreads its connections by turns although the scheduler counts connections.
    public var takesTurnsOnNFTables: Bool {
        guard limitsOnNFTables.isEmpty, !methods.contains(.directRouting) else { return false }
        switch scheduler {
        case .leastConnections, .weightedLeastConnections, .shortestExpectedDelay, .neverQueue, .powerOfTwo: return true
        default: return false
        }
    }

    /// The scheduler that says what is done.
    var turnsOnNFTables: String { scheduler == .leastConnections ? "rr" : "wrr" }
    static let turnsReason =
        "nftables does not count the connections of a real server when it chooses one; weights are respected, but by `lc`"
}

extension VirtualServer {
    /// What that hash is of, and what of the scheduler remains.
    var hashOnNFTables: String {
        let hash = persistence == nil ? "the client's address and port" : "the client's address"
        let isWeighted = scheduler != .roundRobin && scheduler != .leastConnections
        return
            "no packet comes back here that could be counted, so \(hash) \(persistence == nil ? "decide" : "decides")"
            + (isWeighted ? "; weights are respected" : "; every server counts alike")
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
