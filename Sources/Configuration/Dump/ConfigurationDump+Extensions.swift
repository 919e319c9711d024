import Primitives

/// What Aloft has beyond keepalived, in a block of its own behind the rest: a file that keepalived reads has none of it.
extension ConfigurationDump {
    mutating func addExtensions() {
        var block = ConfigurationDump(empty: model)
        let plane = model.global.forwarding.plane
        if plane != .automatic { block.line(0, "data_plane = \(plane.rawValue)") }
        block.addLeases()
        for server in model.virtualServers {
            block.add(
                title(of: server), server.wordings, of: ["drain_timeout", "slow_start", "rise"])
            for real in server.realServers {
                let name = "\(title(of: server)) -> \(endpoint(real.address, real.port, server))"
                block.add(name, real.wordings, of: ["drain_timeout", "slow_start", "rise"])
                for check in real.checks { block.add("\(name) \(check.keyword)", check.extensions) }
            }
        }
        guard !block.bytes.isEmpty else { return }
        heading("Beyond keepalived")
        raw(block)
    }

    /// Arbiters, who has leases from them, and greetings.
    private mutating func addLeases() {
        let global = model.global
        if !global.hello { line(0, "vrrp_hello = off") }
        if global.helloPort != GlobalDefinitions.defaultHelloPort { line(0, "vrrp_hello_port = \(global.helloPort)") }
        for arbiter in model.arbiters { add("Arbiter = \(arbiter.name)", arbiter.wordings) }
        for lease in model.leases {
            line(0, "Lease = \(lease.name)")
            line(1, "arbiter = \(lease.arbiter)")
            if let group = lease.group { line(1, "vrrp_sync_group = \(group)") }
            for member in lease.members { line(1, "vrrp_instance = \(member)") }
        }
        for instance in model.instances {
            let words = instance.wordings
            // What the global default says is said.
            add(
                "VRRP Instance = \(instance.name)", words,
                of: ["notify_split"] + (instance.hello == global.hello ? [] : ["hello"]))
        }
    }

    /// A line for each word that is set.
    mutating func add(_ words: [Wording]) {
        for word in words { for value in word.values { line(1, "\(word.keyword) = \(value)") } }
    }

    private mutating func add(_ title: String, _ words: [Wording], of keywords: [String]) {
        add(title, words.filter { keywords.contains($0.keyword) })
    }

    private mutating func add(_ title: String, _ words: [Wording]) {
        guard words.contains(where: { !$0.values.isEmpty }) else { return }
        line(0, title)
        add(words)
    }
}

extension HealthCheck {
    /// What keepalived's checkers have not, where it is not the default.
    fileprivate var extensions: [Wording] {
        var words: [Wording] = rise > 1 ? [Wording("rise", Int(rise))] : []
        guard let probe = httpProbe else { return words }
        let defaults = HTTPProbe(probe.connection, urls: []).ownWordings
        words += zip(probe.ownWordings, defaults).filter { $0 != $1 }.map(\.0)
        for url in probe.urls where !url.json.isEmpty {
            words.append(Wording("json of \(url.path)", url.json.map(\.text)))
        }
        return words
    }

    private var httpProbe: HTTPProbe? {
        switch probe {
        case .http(let probe), .https(let probe): probe
        default: nil
        }
    }
}
