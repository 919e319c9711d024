import Primitives

extension Plan {
    /// `disturbs`, and for each kind of block what differs and what follows.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("disturbs", disturbs)
            json.memberArray("vrrp_instance") { json in for instance in instances { instance.write(to: &json) } }
            for (keyword, parts) in parts {
                json.memberArray(keyword) { json in for part in parts { part.write(to: &json) } }
            }
            for (keyword, changes) in blocks {
                json.memberArray(keyword) { json in for change in changes { json.object { change.write(to: &$0) } } }
            }
            json.memberArray("global_defs") { json in
                for global in globals {
                    json.object { json in
                        global.change.write(to: &json)
                        json.member("waits_for_start", global.waitsForStart)
                    }
                }
            }
        }
    }
}

extension Change {
    fileprivate func write(to json: inout JSONWriter) {
        json.member("keyword", keyword)
        json.memberArray("removed") { json in for value in removed { json.value(value) } }
        json.memberArray("added") { json in for value in added { json.value(value) } }
    }
}

extension PartPlan {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", name)
            json.member("fate", fate.rawValue)
            json.member("disturbs", disturbs)
            json.memberArray("changes") { json in for change in changes { json.object { change.write(to: &$0) } } }
            if !remark.isEmpty { json.member("remark", remark) }
        }
    }
}

extension InstancePlan {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("name", name)
            if let formerName { json.member("former_name", formerName) }
            json.member("fate", fate.rawValue)
            json.member("disturbs", disturbs)
            json.memberArray("changes") { json in for change in changes { json.object { change.write(to: &$0) } } }
            json.memberArray("consequences") { json in for consequence in consequences { consequence.write(to: &json) }
            }
        }
    }
}

extension Consequence {
    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("kind", name)
            json.member("disturbs", disturbs)
            switch self {
            case .installs(let address), .rewrites(let address), .withdraws(let address, _):
                json.member("address", address.prefix.description)
                json.member("device", address.device)
            case .priority(let from, let to):
                json.member("from", Int(from))
                json.member("to", Int(to))
            case .peersMustFollow(let names), .mayFault(let names), .mayRecover(let names),
                .mayChangePriority(let names):
                json.memberArray("names") { json in for name in names { json.value(name) } }
            case .groupGains(let group, _), .groupLoses(let group): json.member("group", group)
            case .needsLease(let lease), .needsNoLease(let lease), .changesLease(_, let lease):
                json.member("lease", lease)
            default: break
            }
            if case .withdraws(_, let keeper?) = self { json.member("kept_by", keeper) }
            json.member("text", description)
        }
    }
}
