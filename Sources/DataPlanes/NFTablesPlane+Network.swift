import Balancing
import LinuxWorld
import Netlink
import Primitives

/// What direct routing needs of the host: the interfaces at which packets come in, and at which of them each server is a neighbour.
extension NFTablesPlane {
    /// Whether there is a service by direct routing.
    var isDirectInUse: Bool { states.contains { $0.path == .direct && !$0.forwarding.services.isEmpty } }

    /// Which services the table of `index` takes. One without servers stays where it was.
    func takes(_ index: Int) -> (ForwardingService) -> Bool {
        let isDirect = states[index].path == .direct
        let direct = states.filter { $0.path == .direct }.map(\.forwarding)
        return { service in
            if service.destinations.isEmpty {
                isDirect == direct.contains { $0[service.key] != nil }
            } else {
                isDirect == service.isDirect
            }
        }
    }

    /// Why this plane cannot forward a service; nil if it can.
    func refusal(_ service: ForwardingService) -> String? {
        if let reason = service.refusalByNFTables { return reason }
        guard service.isDirect else { return nil }
        for destination in service.destinations where network.ways[destination.key.address] == .router {
            return
                "\(destination.key.address) is behind a router: DR reaches neighbours only, servers on a network of this host"
        }
        return nil
    }

    /// Finds out how the servers of these steps are reached, if DR is to reach them.
    mutating func prepare(for changes: [TableChange]) throws(SystemError) {
        var new: Set<IPAddress> = []
        for change in changes {
            let destinations: [Destination] =
                switch change {
                case .addService(let service): service.destinations
                case .addDestination(_, let destination), .editDestination(_, let destination): [destination]
                case .editService, .removeService, .removeDestination: []
                }
            for destination in destinations where destination.forwarding == .directRouting {
                let address = destination.key.address
                if [nil, NFTablesNetwork.Way.none].contains(network.ways[address]) { new.insert(address) }
            }
        }
        if new.isEmpty, !isDirectInUse { return }
        try drainRoutes()
        if !new.isEmpty || isNetworkStale { try lookAround(for: directServers.union(new)) }
    }

    /// Where interfaces or routes changed: the tables go with them.
    mutating func followNetwork() throws(SystemError) {
        try drainRoutes()
        guard isNetworkStale else { return }
        try lookAround(for: directServers)
        // An interface that has gone may have taken its chain along: what is to be removed must be there.
        for index in states.indices where states[index].lags(behind: network) {
            var next = NFTablesState(try list(states[index], maps: nil), states[index].network)
            next.remember(states[index])
            states[index] = next
        }
        try catchUp()
    }

    /// Writes what the networks ask for. What the kernel does not take is found by the next look.
    mutating func catchUp() throws(SystemError) {
        guard states.contains(where: { $0.lags(behind: network) }) else { return }
        if try commit([], of: forwarding).errno != 0 { (isSuspect, isNetworkStale) = (true, true) }
    }

    private var directServers: Set<IPAddress> {
        var servers: Set<IPAddress> = []
        for state in states where state.path == .direct {
            for service in state.forwarding.services { servers.formUnion(service.destinations.map(\.key.address)) }
        }
        return servers
    }

    private mutating func drainRoutes() throws(SystemError) {
        var isNews = false
        try routeEvents.drain { _ in isNews = true }
        if isNews { isNetworkStale = true }
    }

    /// Asks the kernel for its interfaces, and for the way to each server.
    mutating func lookAround(for servers: Set<IPAddress>) throws(SystemError) {
        try drainRoutes()
        var next = NFTablesNetwork()
        next.devices = try devices()
        for server in servers.sorted() {
            let way = try way(to: server)
            next.ways[server] = way
            if network.ways[server] != way { note(way, to: server, before: network.ways[server]) }
        }
        network = next
        isNetworkStale = false
    }

    /// All but loopback, and but those whose packets are met again at the bridge or bond that they belong to.
    private mutating func devices() throws(SystemError) -> Set<NFTablesNetwork.Device> {
        for _ in 0..<8 {
            var links: [InterfaceIndex: LinkRecord] = [:]
            let answer = try routes.exchange(.dumpLinks) { message in
                if case .link(let link) = message { links[link.index] = link }
            }
            guard answer.isSuccess, !answer.isInterrupted else { continue }
            let met = links.values.filter { link in
                guard !link.flags.contains(.loopback) else { return false }
                // A VRF takes packets over after they have been met.
                return link.master.map { links[$0]?.kind == "vrf" } ?? true
            }
            return Set(met.map { NFTablesNetwork.Device($0.name, isEthernet: $0.hardwareType == 1) })
        }
        throw SystemError(.netlink, .busy, "list interfaces: they change all the time")
    }

    private mutating func way(to server: IPAddress) throws(SystemError) -> NFTablesNetwork.Way {
        var found: RouteRecord?
        let answer = try routes.exchange(.route(to: server)) { message in
            if case .route(let route) = message { found = route }
        }
        guard answer.isSuccess, let found else { return .none }
        switch found.kind {
        case .local: return .local
        case .unicast:
            if found.hasGateway { return .router }
            return found.interface.map { .neighbour($0) } ?? .none
        default: return .none
        }
    }

    /// What people should know; the first time a server is met only what is wrong, unless it is refused for it.
    private mutating func note(
        _ way: NFTablesNetwork.Way, to server: IPAddress, before: NFTablesNetwork.Way?
    ) {
        switch way {
        case .none: notices.append("there is no way to \(server): it gets no connections by DR until there is one")
        case .router where before != nil || !isKnown:
            notices.append("\(server) is behind a router now: DR reaches neighbours only, it gets no connections")
        case .neighbour where before != nil: notices.append("\(server) is a neighbour again: DR reaches it")
        default: break
        }
    }
}
