import Configuration
import Netlink
import Primitives

/// Services that one rule of nf_tables serves: how packets are matched, and how a server is picked.
///
/// Every class has a map from what clients address to the number of a service, and one rule (two with persistence); so there are as many rules
/// as there are ways, and not as many as there are services. All in registers of four bytes:
///
/// | | IPv4 | IPv6 |
/// | --- | --- | --- |
/// | what clients address | 0…2 | 0…5 |
/// | number of the service, slot | 3, 4 | 6, 7 |
/// | mark of the server | 5 | 8 |
/// | its address and port | 6, 7 | 9…13 |
/// | the client (hash, persistence) and the number again | 8, 9 | 9…13, before the server's address is there |
struct NFTablesClass: Hashable, Sendable, Comparable {
    enum Match: UInt8, Hashable, Sendable {
        /// A firewall mark.
        case mark
        /// Address, protocol and port.
        case port
        /// Address and protocol.
        case any
    }

    enum Pick: UInt8, Hashable, Sendable {
        /// One after the other. The counter is shared by the services of a class.
        case counting
        /// By the client's address.
        case source
        /// By the client's address and port.
        case sourceAndPort
        /// By the address that the client asked.
        case destination
    }

    var family: AddressFamily
    var match: Match
    var pick: Pick
    /// Slots of each service.
    var slots: UInt32
    /// The port that the client asked stays.
    var keepsPort: Bool
    /// Milliseconds for which a client stays with a server; 0 is none.
    var persistence: UInt64
    /// Bits of the client's address that make it the same client.
    var granularity: UInt8

    static func < (a: Self, b: Self) -> Bool { a.name < b.name }

    private var suffix: String {
        let picks = ["c", "s", "p", "d"]
        let matches = ["mark", "port", "any"]
        var text = "\(matches[Int(match.rawValue)])-\(picks[Int(pick.rawValue)])\(slots)"
        if keepsPort { text += "-k" }
        if persistence > 0 { text += "-\(persistence)-\(granularity)" }
        return text
    }

    private var prefix: String { family == .ipv4 ? "4" : "6" }

    /// The map of services of this class.
    var name: String { "vs\(prefix)-\(suffix)" }
    /// The map of clients that stay.
    var keepName: String { "keep\(prefix)-\(persistence)-\(granularity)" }
    /// The chain of its rules: marks come before ports, ports before the rest.
    var chain: String { "ip\(prefix)-\(["mark", "port", "any"][Int(match.rawValue)])" }

    // MARK: - Sets

    /// nft(8)'s numbers of types, for its listings.
    private enum TypeNumber {
        static let ipv4: UInt32 = 7
        static let ipv6: UInt32 = 8
        static let transport: UInt32 = 12
        static let port: UInt32 = 13
        static let mark: UInt32 = 19
    }

    private static func concatenated(_ types: UInt32...) -> UInt32 { types.reduce(0) { $0 << 6 | $1 } }

    private static func addressType(_ family: AddressFamily) -> UInt32 {
        family == .ipv4 ? TypeNumber.ipv4 : TypeNumber.ipv6
    }

    /// What all classes share.
    static func sharedSets() -> [NFTablesBatch.SetDefinition] {
        var sets = [
            NFTablesBatch.SetDefinition(
                "slots", key: concatenated(TypeNumber.mark, TypeNumber.mark), keyLength: 8, data: TypeNumber.mark,
                dataLength: 4),
            NFTablesBatch.SetDefinition(
                "passed", key: concatenated(TypeNumber.mark, TypeNumber.mark), keyLength: 8, counts: true),
        ]
        for family in [AddressFamily.ipv4, .ipv6] {
            let length = UInt32(family.addressLength)
            sets.append(
                .init(
                    endsName(family), key: TypeNumber.mark, keyLength: 4,
                    data: concatenated(addressType(family), TypeNumber.port), dataLength: length + 4, counts: true))
            sets.append(
                .init(
                    deadName(family), key: concatenated(addressType(family), TypeNumber.transport, TypeNumber.port),
                    keyLength: length + 8))
        }
        return sets
    }

    static func endsName(_ family: AddressFamily) -> String { family == .ipv4 ? "rs4" : "rs6" }
    static func deadName(_ family: AddressFamily) -> String { family == .ipv4 ? "down4" : "down6" }

    var sets: [NFTablesBatch.SetDefinition] {
        let address = Self.addressType(family)
        let length = UInt32(family.addressLength)
        var sets: [NFTablesBatch.SetDefinition] = []
        switch match {
        case .mark: sets.append(.init(name, key: TypeNumber.mark, keyLength: 4, data: TypeNumber.mark, dataLength: 4))
        case .port:
            let key = Self.concatenated(address, TypeNumber.transport, TypeNumber.port)
            sets.append(.init(name, key: key, keyLength: length + 8, data: TypeNumber.mark, dataLength: 4))
        case .any:
            let key = Self.concatenated(address, TypeNumber.transport)
            sets.append(.init(name, key: key, keyLength: length + 4, data: TypeNumber.mark, dataLength: 4))
        }
        if persistence > 0 {
            sets.append(
                .init(
                    keepName, key: Self.concatenated(address, TypeNumber.mark), keyLength: length + 4,
                    data: TypeNumber.mark,
                    dataLength: 4, isDynamic: true))
        }
        return sets
    }

    // MARK: - Rules

    private var words: UInt32 { UInt32(family.addressLength / 4) }
    private var number: UInt32 { words + 2 }
    private var slot: UInt32 { words + 3 }
    private var mark: UInt32 { words + 4 }
    private var server: UInt32 { words + 5 }
    private var client: UInt32 { family == .ipv4 ? 8 : 9 }
    private var sourceOffset: UInt32 { family == .ipv4 ? 12 : 8 }
    private var destinationOffset: UInt32 { family == .ipv4 ? 16 : 24 }

    var rules: [[NFTExpression]] {
        let chosen = matching + picking + [.lookup("slots", key: number, to: mark)]
        guard persistence > 0 else { return [chosen + leaving] }
        let stay: [NFTExpression] = [.update(keepName, key: client, data: mark, milliseconds: persistence)]
        let known = matching + identifying + [.lookup(keepName, key: client, to: mark)] + stay + leaving
        // Who stays with a server that is gone gets another, for good.
        return [known, chosen + identifying + [.forget(keepName, key: client, data: mark)] + stay + leaving]
    }

    /// Which service it is; the rule ends for packets of none.
    private var matching: [NFTExpression] {
        var expressions: [NFTExpression] = []
        switch match {
        case .mark: expressions.append(.meta(.mark, to: 0))
        case .port, .any:
            // NFPROTO_IPV4, NFPROTO_IPV6: known already, but nft(8) then lists fields by their names.
            expressions += [.meta(.familyOfPacket, to: 0), .isEqual(0, [family == .ipv4 ? 2 : 10])]
            expressions.append(.payload(.network, offset: destinationOffset, length: words * 4, to: 0))
            expressions.append(.meta(.transportProtocol, to: words))
            if match == .port { expressions.append(.payload(.transport, offset: 2, length: 2, to: words + 1)) }
        }
        // By way of the connection's mark, which is the server's in the end: nft(8) cannot list a key that is concatenated of a map's result.
        return expressions + [
            .lookup(name, key: 0, to: number), .setConntrackMark(from: number), .conntrack(.mark, to: number),
        ]
    }

    private var picking: [NFTExpression] {
        let seed: UInt32 = 0x61_6C_6F_66
        switch pick {
        case .counting: return [.numberGenerator(isRandom: false, modulus: slots, to: slot)]
        case .source:
            return [
                .payload(.network, offset: sourceOffset, length: words * 4, to: client),
                .hash(client, length: words * 4, modulus: slots, seed: seed, to: slot),
            ]
        case .sourceAndPort:
            return [
                .payload(.network, offset: sourceOffset, length: words * 4, to: client),
                .payload(.transport, offset: 0, length: 2, to: client + words),
                .hash(client, length: words * 4 + 4, modulus: slots, seed: seed, to: slot),
            ]
        case .destination:
            return [
                .payload(.network, offset: destinationOffset, length: words * 4, to: client),
                .hash(client, length: words * 4, modulus: slots, seed: seed, to: slot),
            ]
        }
    }

    /// The client and the service, one behind the other.
    private var identifying: [NFTExpression] {
        var expressions: [NFTExpression] = [.payload(.network, offset: sourceOffset, length: words * 4, to: client)]
        if granularity < family.addressBits {
            expressions.append(.mask(client, to: client, Self.mask(bits: granularity, of: family)))
        }
        return expressions + [.conntrack(.mark, to: client + words)]
    }

    private var leaving: [NFTExpression] {
        [
            .setConntrackMark(from: mark), .conntrack(.mark, to: mark),
            .lookup(Self.endsName(family), key: mark, to: server),
            .destinationNAT(family, address: server, port: keepsPort ? nil : server + words),
        ]
    }

    static func mask(bits: UInt8, of family: AddressFamily) -> [UInt8] {
        (0..<family.addressLength).map { index in
            let left = Int(bits) - index * 8
            return left >= 8 ? 0xFF : left <= 0 ? 0 : UInt8(truncatingIfNeeded: 0xFF00 >> left)
        }
    }
}
