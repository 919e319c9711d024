import Primitives

extension ConfigurationDump {
    /// An object with a member for each kind of block, in the configuration's words: what is not set has no member, passwords
    /// are `•••`, times are seconds.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.memberObject("global_defs") { Self.write(model.global.wordings, to: &$0) }
            Self.write("vrrp_script", model.scripts.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("vrrp_sync_group", model.syncGroups.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("vrrp_instance", model.instances.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("track_file", model.trackFiles.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("vrrp_track_process", model.trackProcesses.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("bfd_instance", model.bfdInstances.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("arbiter", model.arbiters.map { ($0.name, $0.wordings) }, to: &json)
            json.memberArray("lease") { json in
                for lease in model.leases { Self.write(lease, to: &json) }
            }
            json.memberObject("static") { Self.write(model.statics.wordings, to: &$0) }
            json.memberObject("interfaces") { Self.write(model.interfaces.wordings, to: &$0) }
            if let tls = model.tls { json.memberObject("SSL") { Self.write(tls.wordings, to: &$0) } }
            Self.write("virtual_server_group", model.virtualServerGroups.map { ($0.name, $0.wordings) }, to: &json)
            json.memberArray("virtual_server") { json in
                for server in model.virtualServers { Self.write(server, to: &json) }
            }
        }
    }

    private static func write(_ block: String, _ parts: [(String, [Wording])], to json: inout JSONWriter) {
        json.memberArray(block) { json in
            for (name, words) in parts {
                json.object { json in
                    json.member("name", name)
                    write(words, to: &json)
                }
            }
        }
    }

    private static func write(_ lease: LeaseDefinition, to json: inout JSONWriter) {
        json.object { json in
            json.member("name", lease.name)
            json.member("arbiter", lease.arbiter)
            if let group = lease.group { json.member("vrrp_sync_group", group) }
            json.memberArray("vrrp_instance") { json in for member in lease.members { json.value(member) } }
        }
    }

    private static func write(_ server: VirtualServer, to json: inout JSONWriter) {
        json.object { json in
            switch server.service {
            case .address(let address, let port):
                json.member("address", address.description)
                json.member("port", Int(port))
            case .firewallMark(let mark): json.member("fwmark", Int64(mark))
            case .group(let name): json.member("group", name)
            }
            write(server.wordings, to: &json)
            json.memberArray("real_server") { json in
                for real in server.realServers {
                    json.object { json in
                        json.member("address", real.address.description)
                        json.member("port", Int(real.port))
                        write(real.wordings, to: &json)
                        json.memberArray("checks") { json in
                            for check in real.checks {
                                json.object { json in
                                    json.member("kind", check.keyword)
                                    write(check.wordings, to: &json)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private static func write(_ words: [Wording], to json: inout JSONWriter) {
        for word in words {
            switch word.kind {
            case .list: json.memberArray(word.keyword) { json in for value in word.values { json.value(value) } }
            case .boolean: json.member(word.keyword, word.values.first == "on")
            case .number: if let value = word.values.first { json.member(word.keyword, raw: value.utf8) }
            case .text: if let value = word.values.first { json.member(word.keyword, value) }
            }
        }
    }
}
