import Netlink
import Primitives

/// The table, its chains and rules: the same few for ten services and for ten thousand.
///
/// ```
/// prerouting, output (nat)   → marks: ip4-mark  → ports: ip4-port  → the rest: ip4-any     (and ip6-…)
/// local (filter, input)      a service none of whose servers may get connections answers as a closed port does
/// passed (filter, postrouting)  counts what belongs to a server, in both directions
/// ```
extension NFTablesLayout {
    public static let tableName = "aloft"

    /// A batch that changes elements. With `rules` all chains and rules are written as well, those that stand replaced by the same.
    public func batch(_ difference: Difference, rules: Bool, sequence: UInt32) -> NFTablesBatch {
        var batch = NFTablesBatch(.inet, table: Self.tableName, sequence: sequence)
        if rules {
            writeStructure(&batch)
        } else {
            for type in difference.classes.sorted() { writeClass(type, &batch) }
        }
        for (set, elements) in difference.removed.sorted(by: { $0.key < $1.key }) {
            batch.deleteElements(set, elements)
        }
        for (set, elements) in difference.added.sorted(by: { $0.key < $1.key }) { batch.addElements(set, elements) }
        return batch
    }

    private static let families = ["ip4", "ip6"]
    private static let matches = ["mark", "port", "any"]

    private func writeStructure(_ batch: inout NFTablesBatch) {
        batch.addTable()
        for set in NFTablesClass.sharedSets() { batch.addSet(set) }
        for family in Self.families { for match in Self.matches { batch.addChain("\(family)-\(match)") } }
        // Destination NAT at its usual place (NF_IP_PRI_NAT_DST).
        batch.addChain("prerouting", .init(0, priority: -100, type: "nat"))
        batch.addChain("output", .init(3, priority: -100, type: "nat"))
        batch.addChain("local", .init(1, priority: -1, type: "filter"))
        batch.addChain("passed", .init(4, priority: 0, type: "filter"))
        let chains = Self.families.flatMap { family in Self.matches.map { "\(family)-\($0)" } }
        for chain in chains + ["prerouting", "output", "local", "passed"] { batch.flushChain(chain) }
        for chain in ["prerouting", "output"] {
            // NFPROTO_IPV4, NFPROTO_IPV6.
            for (family, number) in zip(Self.families, [UInt8(2), 10]) {
                for match in Self.matches {
                    batch.addRule(
                        chain, [.meta(.familyOfPacket, to: 0), .isEqual(0, [number]), .jump("\(family)-\(match)")])
                }
            }
        }
        for (family, number, offset, words) in [
            (AddressFamily.ipv4, UInt8(2), UInt32(16), UInt32(1)), (.ipv6, 10, 24, 4),
        ] {
            batch.addRule(
                "local",
                [
                    .meta(.familyOfPacket, to: 0), .isEqual(0, [number]),
                    .payload(.network, offset: offset, length: words * 4, to: 0), .meta(.transportProtocol, to: words),
                    .payload(.transport, offset: 2, length: 2, to: words + 1),
                    .lookup(NFTablesClass.deadName(family), key: 0), .rejectPort,
                ], comment: "no server")
        }
        batch.addRule(
            "passed",
            [.conntrack(.mark, to: 0), .conntrack(.direction, to: 1), .lookup("passed", key: 0)], comment: "counted")
        for type in allClasses.sorted() { writeClass(type, &batch) }
    }

    private func writeClass(_ type: NFTablesClass, _ batch: inout NFTablesBatch) {
        for set in type.sets { batch.addSet(set) }
        for rule in type.rules { batch.addRule(type.chain, rule) }
    }

    /// The maps of services: those of all classes that a kernel's sets show.
    public static func isServiceMap(_ name: String) -> Bool { name.hasPrefix("vs4-") || name.hasPrefix("vs6-") }
    /// Where servers are.
    public static let serverMaps = [NFTablesClass.endsName(.ipv4), NFTablesClass.endsName(.ipv6)]
}
