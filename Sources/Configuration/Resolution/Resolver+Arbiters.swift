import ConfigLanguage
import Primitives

/// The arbiters of a file, by name.
struct ArbiterScope {
    /// The first definition of each.
    var places: [String: SourceRange] = [:]
    /// Those that stand, in the order of the text, and their drafts.
    var definitions: [ArbiterDefinition] = []
    var drafts: [Boxed<ArbiterDraft>] = []
    var index: [String: Int] = [:]
    var used: Set<String> = []
}

// What an arbiter is made of. Who uses it is another file's.
extension Resolver {
    mutating func resolveArbiters(_ drafts: [Boxed<ArbiterDraft>], _ definitions: inout Definitions) {
        for box in drafts {
            let draft = box.value
            if let before = arbiters.places[draft.name.value] {
                report(
                    .duplicateArbiter, at: draft.name.range, "there are two arbiters `\(draft.name.value)`",
                    reason: "which of them an instance means cannot be told", fix: "give it a name of its own",
                    related: [Diagnostic.Related(before, "defined here before")])
                continue
            }
            arbiters.places[draft.name.value] = draft.name.range
            guard let arbiter = resolve(draft) else { continue }
            arbiters.index[arbiter.name] = arbiters.definitions.count
            arbiters.definitions.append(arbiter)
            arbiters.drafts.append(box)
            definitions.arbiters.append(draft.name.range)
            definitions.arbiterPlaces.append(ArbiterPlaces(box))
        }
    }

    /// Nil when it lacks what it cannot be without, which is reported.
    private mutating func resolve(_ draft: ArbiterDraft) -> ArbiterDefinition? {
        guard let kind = draft.kind else {
            guard !draft.failed.contains("type") else { return nil }
            report(
                .arbiterType, at: draft.name.range, "the arbiter `\(draft.name.value)` has no type",
                reason: "nobody would know whom to ask", fix: "add `type witness`, `type etcd` or `type corosync`")
            return nil
        }
        reportForeign(draft, kind)
        let cluster = draft.cluster?.value ?? ArbiterDefinition.defaultCluster
        guard let settings = settings(of: draft, kind.value, cluster) else { return nil }
        var arbiter = ArbiterDefinition(name: draft.name.value, kind: settings, leaseDuration: draft.lease?.value)
        arbiter.drift = draft.drift.map { UInt16(clamping: $0.value) } ?? ArbiterDefinition.defaultDrift
        arbiter.whenDown = draft.whenDown?.value ?? .peers
        arbiter.cluster = cluster
        arbiter.node = draft.node?.value ?? global.routerID
        reportRouterID(draft)
        return arbiter
    }

    /// `router_id` is free text in keepalived, and a name at an arbiter is not.
    private mutating func reportRouterID(_ draft: ArbiterDraft) {
        guard draft.node == nil, !draft.failed.contains("node"), let written = globalDraft.routerID else { return }
        let longest = ArbiterDefinition.longestName
        guard let fault = StatementReader.fault(ofName: written.value, longest: longest, allowsSlash: true) else {
            return
        }
        report(
            .arbiterName, at: written.range, "`\(written.value)` cannot be a node's name at an arbiter: \(fault)",
            reason: StatementReader.nameReason(longest: longest, allowsSlash: true),
            fix: "add `node NAME` to the arbiter `\(draft.name.value)`",
            related: [Diagnostic.Related(draft.name.range, "the arbiter, which has no `node`")])
    }

    /// Keywords of the other types.
    private mutating func reportForeign(_ draft: ArbiterDraft, _ kind: Written<ArbiterDraft.Kind>) {
        for other in ArbiterDraft.Kind.allCases where other != kind.value {
            for (keyword, range) in draft.written(of: other) {
                report(
                    .arbiterOtherType, at: range, "`\(keyword)` is a keyword of \(other.rawValue) arbiters",
                    reason: "`\(draft.name.value)` is of the type \(kind.value.rawValue), and would do without it",
                    fix: "remove it, or write `type \(other.rawValue)`",
                    related: [Diagnostic.Related(kind.range, "the type")])
            }
        }
    }

    private mutating func settings(
        of draft: ArbiterDraft, _ kind: ArbiterDraft.Kind, _ cluster: String
    ) -> ArbiterDefinition.Kind? {
        switch kind {
        case .witness: witness(draft).map { .witness($0) }
        case .etcd: etcd(draft).map { .etcd($0) }
        case .corosync: .corosync(CorosyncSettings(group: draft.group?.value ?? "aloft-\(cluster)"))
        }
    }

    /// What a type cannot be without.
    private mutating func lacks(_ draft: ArbiterDraft, _ keywords: [String], _ reason: String, _ fix: String) {
        guard draft.failed.isDisjoint(with: keywords) else { return }
        report(
            .arbiterIncomplete, at: draft.kind?.range ?? draft.name.range,
            "the arbiter `\(draft.name.value)` has no `\(keywords[0])`", reason: reason, fix: fix)
    }

    private mutating func witness(_ draft: ArbiterDraft) -> WitnessSettings? {
        var key: WitnessSettings.Key?
        if let secret = draft.key { key = .bytes(secret.value) }
        if let file = draft.keyFile {
            if let secret = draft.key {
                report(
                    .arbiterKey, at: file.range, "there is a `key` beside `key_file`",
                    reason: "a witness knows its nodes by one key", fix: "remove one of them",
                    related: [Diagnostic.Related(secret.range, "the other one")])
            }
            key = key ?? .file(file.value)
        }
        if draft.address == nil {
            lacks(draft, ["address"], "nobody would know where to ask", "add `address ADDRESS`")
        }
        if key == nil {
            lacks(
                draft, ["key", "key_file"], "whoever can send to a witness could take the addresses",
                "add `key hex:…`, from `openssl rand -hex 32`, or `key_file PATH`")
        }
        guard let address = draft.address, let key else { return nil }
        guard isUsable(address.value.address, address.range, "a witness") else { return nil }
        var witness = WitnessSettings(address: address.value.address, key: key)
        witness.port = address.value.port
        if let source = draft.source {
            guard source.value.family == witness.address.family, !source.value.isUnusable || source.value.isLoopback
            else {
                report(
                    .arbiterEndpoint, at: source.range, "\(source.value) cannot ask \(witness.address)",
                    reason: source.value.family == witness.address.family
                        ? "it is no address of a single host" : "they are of different families",
                    fix: "write an address of this node",
                    related: [Diagnostic.Related(address.range, "the witness")])
                return nil
            }
            witness.source = source.value
        }
        return witness
    }

    /// Loopback is: for a witness beside a test, and for an etcd member on the node itself.
    private mutating func isUsable(_ address: IPAddress, _ range: SourceRange, _ what: String) -> Bool {
        guard address.isUnusable, !address.isLoopback else { return true }
        report(
            .arbiterEndpoint, at: range, "\(address) cannot be the address of \(what)",
            reason: "it is no address of a single host", fix: "write the address that it listens on")
        return false
    }

    private mutating func etcd(_ draft: ArbiterDraft) -> EtcdSettings? {
        var endpoints: [EtcdSettings.Endpoint] = []
        for endpoint in draft.endpoints {
            guard isUsable(endpoint.value.address, endpoint.range, "an endpoint") else { continue }
            if endpoints.contains(endpoint.value) {
                report(
                    .repeatedKeyword, at: endpoint.range, "\(endpoint.value) is written twice",
                    reason: "it would be asked twice", fix: "remove one of them")
            } else {
                endpoints.append(endpoint.value)
            }
        }
        guard !endpoints.isEmpty else {
            if draft.endpoints.isEmpty {
                lacks(draft, ["endpoint"], "nobody would know where to ask", "add `endpoint https://ADDRESS:2379`")
            }
            return nil
        }
        if (draft.certificate == nil) != (draft.certificateKey == nil) {
            let lacking = draft.certificate == nil ? "tls_certificate" : "tls_key"
            lacks(
                draft, [lacking], "a certificate and its key are of use together only",
                "add `\(lacking) PATH`, or remove the other one")
        }
        if (draft.user == nil) != (draft.password == nil) {
            let lacking = draft.user == nil ? "user" : "password"
            lacks(draft, [lacking], "nobody can log in with one of them", "add `\(lacking)`, or remove the other one")
        }
        suspect(draft, endpoints)
        var settings = EtcdSettings(endpoints: endpoints)
        settings.authorities = draft.authorities?.value
        settings.certificate = draft.certificate?.value
        settings.key = draft.certificateKey?.value
        settings.serverName = draft.serverName?.value
        settings.user = draft.user?.value
        settings.password = draft.password?.value
        settings.prefix = draft.prefix?.value ?? EtcdSettings.defaultPrefix
        settings.clusterID = draft.clusterID?.value
        return settings
    }

    private mutating func suspect(_ draft: ArbiterDraft, _ endpoints: [EtcdSettings.Endpoint]) {
        if let password = draft.password, endpoints.contains(where: { !$0.usesTLS && !$0.address.isLoopback }) {
            report(
                .arbiterClear, at: password.range, "the password goes over the network as it is",
                reason: "an endpoint begins with http://", fix: "write https:// for every endpoint")
        }
        guard !endpoints.contains(where: \.usesTLS) else { return }
        let settings = [
            draft.authorities?.range, draft.certificate?.range, draft.certificateKey?.range, draft.serverName?.range,
        ]
        if let place = settings.lazy.compactMap(\.self).first {
            report(
                .arbiterTLS, at: place, "this has no effect: no endpoint is asked over TLS",
                reason: "every endpoint begins with http://", fix: "write https:// for every endpoint, or remove it")
        }
    }
}
