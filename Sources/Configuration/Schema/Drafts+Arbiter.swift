import ConfigLanguage
import Primitives

/// `arbiter` at the top. Whatever its type is, all keywords are read: those of another are told of by the resolver.
struct ArbiterDraft: Sendable {
    enum Kind: String, Sendable, CaseIterable {
        case witness, etcd, corosync
    }

    struct Destination: Sendable {
        var address: IPAddress
        var port: UInt16
    }

    var name: Written<String>
    var kind: Written<Kind>?
    var lease: Written<Duration>?
    /// In parts per thousand.
    var drift: Written<Int>?
    var whenDown: Written<ArbiterDefinition.DownPolicy>?
    var cluster: Written<String>?
    var node: Written<String>?
    // witness
    var address: Written<Destination>?
    var source: Written<IPAddress>?
    var key: Written<Secret>?
    var keyFile: Written<String>?
    // etcd
    var endpoints: [Written<EtcdSettings.Endpoint>] = []
    var authorities: Written<String>?
    var certificate: Written<String>?
    var certificateKey: Written<String>?
    var serverName: Written<String>?
    var user: Written<String>?
    var password: Written<Secret>?
    var prefix: Written<String>?
    var clusterID: Written<UInt64>?
    // corosync
    var group: Written<String>?
    var failed: Set<String> = []

    /// The keywords of one type that are written, and where.
    func written(of kind: Kind) -> [(keyword: String, range: SourceRange)] {
        let all: [(String, SourceRange?)]
        switch kind {
        case .witness:
            all = [
                ("address", address?.range), ("source", source?.range), ("key", key?.range),
                ("key_file", keyFile?.range),
            ]
        case .etcd:
            all = [
                ("endpoint", endpoints.first?.range), ("tls_ca", authorities?.range),
                ("tls_certificate", certificate?.range), ("tls_key", certificateKey?.range),
                ("tls_name", serverName?.range), ("user", user?.range), ("password", password?.range),
                ("prefix", prefix?.range), ("cluster_id", clusterID?.range),
            ]
        case .corosync: all = [("group", group?.range)]
        }
        return all.compactMap { keyword, range in range.map { (keyword, $0) } }
    }
}

/// `arbiter` and `lease_name` of an instance or a group.
struct LeaseDraft: Sendable {
    var arbiter: Written<String>?
    var name: Written<String>?
}
