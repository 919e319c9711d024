import Primitives

extension ArbiterDefinition {
    /// Every keyword that has a say in it, whatever its type is; those of other types have no value.
    public var wordings: [Wording] {
        let common = [
            Wording("type", kind.name),
            Wording("lease", leaseDuration),
            Wording("drift", StatementReader.percent(Int(drift))),
            Wording("arbiter_down", whenDown.rawValue),
            Wording("cluster", cluster),
            Wording("node", node),
        ]
        var witness: WitnessSettings?
        var etcd: EtcdSettings?
        var group: String?
        switch kind {
        case .witness(let settings): witness = settings
        case .etcd(let settings): etcd = settings
        case .corosync(let settings): group = settings.group
        }
        return common + WitnessSettings.wordings(witness) + EtcdSettings.wordings(etcd) + [Wording("group", group)]
    }
}

extension WitnessSettings {
    fileprivate static func wordings(_ settings: WitnessSettings?) -> [Wording] {
        var secret: Secret?
        var file: String?
        switch settings?.key {
        case .bytes(let bytes): secret = bytes
        case .file(let path): file = path
        case nil: break
        }
        return [
            Wording("address", settings.map { "\($0.address) \($0.port)" }),
            Wording("source", settings?.source),
            Wording("key", secret: secret),
            Wording("key_file", file),
        ]
    }
}

extension EtcdSettings {
    fileprivate static func wordings(_ settings: EtcdSettings?) -> [Wording] {
        [
            Wording("endpoint", settings?.endpoints.map(\.description) ?? []),
            Wording("tls_ca", settings?.authorities),
            Wording("tls_certificate", settings?.certificate),
            Wording("tls_key", settings?.key),
            Wording("tls_name", settings?.serverName),
            Wording("user", settings?.user),
            Wording("password", secret: settings?.password),
            Wording("prefix", settings?.prefix),
            Wording("cluster_id", settings?.clusterID.map { String($0, radix: 16) }),
        ]
    }
}
