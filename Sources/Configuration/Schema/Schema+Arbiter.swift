import ConfigLanguage
import Primitives

// Who may hold: an extension of Aloft, which keepalived has not.
extension Schema {
    static let arbiterBlock = Keyword<RootDraft>(
        "arbiter", .block(named: true),
        "A third party that instances and groups have leases from, so that only one node holds."
    ) { root, reader in
        guard let name = reader.blockName() else { return }
        var draft = ArbiterDraft(name: name)
        draft.failed = reader.readBlock(arbiter, into: &draft)
        root.arbiters.append(Boxed(draft))
    }

    /// `arbiter`.
    static let arbiter = Block<ArbiterDraft>("arbiter", parts: [ofEveryArbiter, ofWitnesses, ofEtcd, ofCorosync])

    private static var ofEveryArbiter: [Keyword<ArbiterDraft>] {
        [
            .choice(
                "type", \.kind, ArbiterDraft.Kind.allCases.map { ($0.rawValue, $0) },
                default: "none: it must be written",
                rule: .arbiterType, "What the arbiter is."),
            .seconds(
                "lease", \.lease, 100_000...3_600_000_000, default: "1; 5 for etcd",
                "How long a lease is good for: an address is down at least so long when its holder dies."),
            .permille(
                "drift", \.drift, 1...300, default: "10",
                "How far, in percent, a clock may run wrong: holders stop, and takers wait, so much earlier and longer."
            ),
            .choice(
                "arbiter_down", \.whenDown, ArbiterDefinition.DownPolicy.allCases.map { ($0.rawValue, $0) },
                default: "peers",
                "Without an answer the holder goes on while all peers promise not to take, lets go, or goes on anyway."),
            .arbiterName(
                "cluster", \.cluster, default: ArbiterDefinition.defaultCluster, allowsSlash: false,
                "What the estate is called at the arbiter; on all nodes the same."),
            .arbiterName(
                "node", \.node, default: "router_id, else the host's name",
                "What this node is called at the arbiter; on each node another."),
        ]
    }

    private static var ofWitnesses: [Keyword<ArbiterDraft>] {
        [
            Keyword(
                "address", .other("ADDRESS [PORT]"),
                default: "port \(WitnessSettings.defaultPort)",
                "Where a witness is: a numeric address, never a virtual one."
            ) { arbiter, reader in
                guard let address = reader.address() else { return reader.skipRest() }
                var port = Int(WitnessSettings.defaultPort)
                if reader.hasMore {
                    guard let written = reader.integer(1...65_535) else { return }
                    port = written
                }
                reader.assign(
                    &arbiter.address, ArbiterDraft.Destination(address: address, port: UInt16(clamping: port)))
            },
            .address("source", \.source, default: "the kernel's choice", "The address to ask a witness from."),
            .secret(
                "key", \.key, .other("SECRET|hex:DIGITS"),
                "What requests to a witness are signed with: 16 to 256 characters; on all nodes and the witness the same."
            ) { reader in reader.arbiterKey() },
            .filePath("key_file", \.keyFile, "A file with the key."),
        ]
    }

    private static var ofEtcd: [Keyword<ArbiterDraft>] {
        [
            Keyword(
                "endpoint", .other("http://ADDRESS:PORT|https://ADDRESS:PORT"),
                "A member of an etcd cluster; there may be several lines."
            ) { arbiter, reader in
                guard let endpoint = reader.endpoint() else { return reader.skipRest() }
                arbiter.endpoints.append(endpoint)
            },
            .filePath(
                "tls_ca", \.authorities, default: "the system's",
                "The authorities that certificates are checked against."
            ),
            .filePath("tls_certificate", \.certificate, default: "none", "The certificate that this node shows."),
            .filePath("tls_key", \.certificateKey, default: "none", "Its key."),
            .word(
                "tls_name", \.serverName, "name", default: "the address", "The name that the certificate must have."),
            .word("user", \.user, "name", default: "none", "Who logs in."),
            .secret("password", \.password, .word("password"), "The user's password.") { reader in
                guard let (bytes, range) = reader.nextBytes() else {
                    _ = reader.required("password")
                    return nil
                }
                return Written(value: Secret(bytes), range: range)
            },
            .word("prefix", \.prefix, "text", default: EtcdSettings.defaultPrefix, "What keys begin with."),
            Keyword(
                "cluster_id", .other("HEX"), default: "the first that answers",
                "The id of the etcd cluster: answers of another are not believed."
            ) { arbiter, reader in
                guard let id = reader.clusterID() else { return }
                reader.assign(&arbiter.clusterID, id)
            },
        ]
    }

    private static var ofCorosync: [Keyword<ArbiterDraft>] {
        [
            .arbiterName(
                "group", \.group, longest: CorosyncSettings.longestGroup, default: "aloft- and the cluster",
                "The closed process group of Corosync that leases are in; on all nodes the same.")
        ]
    }

    /// `arbiter` and `lease_name` of an instance or a group.
    static func leaseKeywords<Draft>(
        _ whose: String, _ access: @escaping @Sendable (inout Draft, (inout LeaseDraft) -> Void) -> Void
    ) -> [Keyword<Draft>] {
        Keyword.lifted(
            [
                Keyword(
                    "arbiter", .word("name"), default: "none",
                    "The arbiter that \(whose) must have a lease from to hold its addresses."
                ) { lease, reader in
                    guard let word = reader.next(), !word.text.isEmpty else {
                        return reader.report(
                            .undefinedArbiter, at: reader.statementRange, "`arbiter` lacks the name of an arbiter",
                            reason: "without it nothing keeps two nodes from holding the addresses",
                            fix: "write the name of an `arbiter` block, or remove the line")
                    }
                    reader.assign(&lease.arbiter, word.text)
                },
                .arbiterName(
                    "lease_name", \.name, longest: LeaseDefinition.longestName - ArbiterDefinition.longestName - 1,
                    default: "the block's name", "What its lease is called at the arbiter; on all nodes the same."),
            ], access)
    }

    /// `hello` of instances.
    static var greeting: [Keyword<InstanceDraft>] {
        [
            .boolean(
                "hello", \.hello, default: "vrrp_hello, else on", "Greet the other nodes, so that they know each other."
            )
        ]
    }
}

extension Keyword {
    /// Percent with one decimal, kept in parts per thousand.
    fileprivate static func permille(
        _ name: String, _ slot: Slot<Target, Int>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .percent(range), default: text, documentation) { target, reader in
            if let value = reader.permille(range) { reader.assign(&target[keyPath: slot], value) }
        }
    }

    /// A name that others must read alike, byte for byte.
    fileprivate static func arbiterName(
        _ name: String, _ slot: Slot<Target, String>, longest: Int = ArbiterDefinition.longestName,
        default text: String, allowsSlash: Bool = true, _ documentation: String
    ) -> Keyword {
        Keyword(name, .word("name"), default: text, documentation) { target, reader in
            guard let value = reader.arbiterName(longest: longest, allowsSlash: allowsSlash) else { return }
            reader.assign(&target[keyPath: slot], value)
        }
    }

    fileprivate static func filePath(
        _ name: String, _ slot: Slot<Target, String>, default text: String = "", _ documentation: String
    ) -> Keyword {
        Keyword(name, .path, default: text, documentation) { target, reader in
            if let value = reader.path() { reader.assign(&target[keyPath: slot], value) }
        }
    }

    /// A keyword whose argument no message shows.
    fileprivate static func secret(
        _ name: String, _ slot: Slot<Target, Secret>, _ argument: ArgumentShape, _ documentation: String,
        _ read: @escaping @Sendable (inout StatementReader) -> Written<Secret>?
    ) -> Keyword {
        var keyword = Keyword(name, argument, documentation) { target, reader in
            guard let secret = read(&reader) else { return reader.skipRest() }
            reader.assignSecret(&target[keyPath: slot], secret.value, secret.range)
        }
        keyword.isSecret = true
        return keyword
    }
}
