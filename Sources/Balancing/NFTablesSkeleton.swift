import Configuration
import Netlink
import Primitives

/// How the packets of a service reach its servers: what distinguishes the tables of this plane.
public enum NFTablesPath: Hashable, Sendable {
    /// Destination NAT by connection tracking, in the families `ip` and `ip6`.
    case translated
    /// Frames to the server's MAC address, in the family `netdev`: direct routing.
    case direct
}

/// The maps, chains and rules of the table `aloft` of a family: what is the same however many services there are.
///
/// This is the table that translates; that of direct routing has the same way of choosing, and is told by `NFTablesSkeleton+Direct.swift`.
///
/// A new connection goes this way; established ones never come here, because the kernel keeps to what it did with the first packet.
///
///     prerouting, output → select: service by firewall mark, by address, protocol and port, by address and protocol
///       → enter: is it among the members of a persistence?
///         → keep-SECONDS-MASK: the server that this client had before, or draw one and remember it; forward
///         → serve: draw a server; forward
///         → refuse, where no server may get it: ICMP port unreachable, as ip_vs answers
///     draw: service → how it draws → a chain turn-…, source-…: slot → server
///     forward: server → address and port, or address only: destination NAT
///
/// Registers do not outlive a rule, so between rules the connection's mark carries the number of the service, how it draws, and last that of the
/// server; it stays, and says whose a connection is. Marks of balanced connections are this table's: whoever else sets them breaks accounting
/// and removal. No rule takes the value of a map as the key of another: that `nft` 1.0.6 cannot list (it aborts).
struct NFTablesSkeleton {
    struct Chain {
        var name: String
        var hook: NFTablesBatch.Hook?
        var rules: [[NFTablesExpression]]
    }

    let family: AddressFamily
    let path: NFTablesPath

    init(_ family: AddressFamily, _ path: NFTablesPath = .translated) {
        self.family = family
        self.path = path
    }

    var table: NFTablesTable {
        switch path {
        case .translated: NFTablesTable(NFTablesFamily(family), "aloft")
        case .direct: NFTablesTable(.netdev, family == .ipv4 ? "aloft" : "aloft6")
        }
    }
    var addressField: NFTablesSet.Field { family == .ipv4 ? .ipv4Address : .ipv6Address }
    var addressLength: UInt32 { family == .ipv4 ? 4 : 16 }
    var addressWords: UInt32 { family == .ipv4 ? 1 : 4 }
    var sourceOffset: UInt32 { family == .ipv4 ? 12 : 8 }
    var destinationOffset: UInt32 { family == .ipv4 ? 16 : 24 }

    var sets: [NFTablesSet] {
        let mark: [NFTablesSet.Field] = [.mark]
        if path == .direct { return directSets }
        return [
            NFTablesSet("services", key: [addressField, .transportProtocol, .port], value: .fields(mark)),
            NFTablesSet("firewall_marks", key: mark, value: .fields(mark)),
            NFTablesSet("draws", key: mark, value: .fields(mark)),
            NFTablesSet("choices", key: mark, value: .verdict),
            NFTablesSet("slots", key: [.mark, .mark], value: .fields(mark)),
            NFTablesSet("owners", key: mark, value: .fields(mark)),
            NFTablesSet("endpoints", key: mark, value: .fields([addressField, .port]), counts: true),
            NFTablesSet("hosts", key: mark, value: .fields([addressField]), counts: true),
            NFTablesSet("received", key: mark, counts: true),
            NFTablesSet("sent", key: mark, counts: true),
            NFTablesSet("numbers", key: mark, value: .fields(mark)),
            NFTablesSet("transports", key: [.transportProtocol]),
        ]
    }

    /// The set that is the same always. NAT: protocols that have ports; services by firewall mark take these.
    var constants: (set: String, elements: [NFTablesElement]) {
        if path == .direct { return directConstants }
        return ("transports", VirtualServer.TransportProtocol.allCases.map { NFTablesElement(key: [$0.rawValue]) })
    }

    /// What carries the number of a service, a draw or a server from rule to rule: the connection's mark, or without connections the packet's.
    func loadMark(into register: NFTablesRegister) -> NFTablesExpression {
        path == .direct ? .loadMeta(.mark, into: register) : .loadConnection(.mark, into: register)
    }

    func setMark(from register: NFTablesRegister) -> NFTablesExpression {
        path == .direct ? .setMark(from: register) : .setConnectionMark(from: register)
    }

    /// Where a new connection goes that has its server.
    private var forwarding: NFTablesExpression { .verdict(.goto(path == .direct ? "place" : "forward")) }

    /// The chain with one rule for each persistence: `entry(of:)`.
    static let persistences = "persistences"

    /// Whether a service is kept so.
    func entry(of keep: NFTablesKeep) -> [NFTablesExpression] {
        [
            loadMark(into: .word(0)), .lookup(.word(0), set: keep.members, into: nil),
            .verdict(.goto(keep.chain)),
        ]
    }

    /// In an order in which each chain stands before it is named in another.
    var chains: [Chain] {
        if path == .direct { return directChains }
        return [refuseChain, Chain(name: "forward", rules: forwardRules)] + choosingChains + [
            Chain(name: "select", rules: selectRules),
            // Before dstnat (-100): the first who translates a connection has it.
            Chain(
                name: "prerouting", hook: .init(.preRouting, priority: -110, type: "nat"),
                rules: [[.verdict(.goto("select"))]]),
            Chain(
                name: "output", hook: .init(.localOut, priority: -110, type: "nat"),
                rules: [[.verdict(.goto("select"))]]),
            Chain(
                name: "account", hook: .init(.forward, priority: 0, type: "filter"),
                rules: [accountRule(direction: 0, "received"), accountRule(direction: 1, "sent")]),
        ]
    }

    var refuseChain: Chain { Chain(name: "refuse", rules: [[.reject(code: family == .ipv4 ? 3 : 4)]]) }

    /// What chooses a server, from `enter` to `forward` or `refuse`.
    var choosingChains: [Chain] {
        [
            Chain(name: "drawn", rules: [drawRule, [forwarding]]),
            Chain(name: "serve", rules: [drawing(then: "drawn"), [.verdict(.goto("refuse"))]]),
            Chain(name: "enter", rules: [[.verdict(.jump(Self.persistences))], [.verdict(.goto("serve"))]]),
        ]
    }

    /// The chain of a draw: (service, slot) → server.
    func chain(for draw: NFTablesDraw) -> Chain {
        let slot = NFTablesRegister.word(1)
        let modulus = draw.modulus
        let choice: [NFTablesExpression] =
            switch draw.kind {
            case .turn: [.number(.incremental, modulus: modulus, into: slot)]
            case .source:
                [
                    .payload(.network, offset: sourceOffset, length: addressLength, into: .word(4)),
                    .hash(.word(4), length: addressLength, modulus: modulus, seed: 0, into: slot),
                ]
            case .sourcePort:
                [
                    .payload(.network, offset: sourceOffset, length: addressLength, into: .word(4)),
                    .payload(.transport, offset: 0, length: 2, into: .word(4 + addressWords)),
                    .hash(.word(4), length: addressLength + 4, modulus: modulus, seed: 0, into: slot),
                ]
            case .destination:
                [
                    .payload(.network, offset: destinationOffset, length: addressLength, into: .word(4)),
                    .hash(.word(4), length: addressLength, modulus: modulus, seed: 0, into: slot),
                ]
            }
        let rule: [NFTablesExpression] =
            [loadMark(into: .word(0))] + choice
            + [.lookup(.word(0), set: "slots", into: .word(0)), setMark(from: .word(0))]
        return Chain(name: draw.chain, rules: [rule])
    }

    /// The map of the clients that are kept for so long, each with its server. Full, it takes no more: those clients are not kept.
    func clients(of keep: NFTablesKeep) -> NFTablesSet {
        NFTablesSet(
            keep.clients, key: [.mark, addressField], value: .fields([.mark]), isDynamic: true, size: 1 << 20)
    }

    /// The services that are kept so.
    func members(of keep: NFTablesKeep) -> NFTablesSet { NFTablesSet(keep.members, key: [.mark]) }

    /// The chains of a persistence. A server that has gone is in no map of owners: its clients draw again.
    func chains(for keep: NFTablesKeep) -> [Chain] {
        let key = NFTablesRegister.word(0)
        let service = NFTablesMark.bytes(NFTablesNumbers.serviceMask)
        let client: [NFTablesExpression] = [
            .payload(.network, offset: sourceOffset, length: addressLength, into: .word(1)),
            .mask(.word(1), keep.maskBytes(family)),
        ]
        let remember: [NFTablesExpression] =
            [loadMark(into: key), .mask(key, service)] + client + [
                loadMark(into: .word(9)),
                .update(set: keep.clients, key: key, data: .word(9), timeout: UInt64(keep.seconds) * 1000),
            ]
        let known: [NFTablesExpression] =
            [loadMark(into: key)] + client + [
                .lookup(key, set: keep.clients, into: .word(8)), setMark(from: .word(8)),
                .verdict(.goto(keep.knownChain)),
            ]
        let owned: [NFTablesExpression] = [
            loadMark(into: .word(8)), .lookup(.word(8), set: "owners", into: .word(10)),
        ]
        // An update would keep the server that has gone.
        let forget: [NFTablesExpression] =
            [loadMark(into: key), .mask(key, service)] + client + [
                loadMark(into: .word(9)),
                .remove(set: keep.clients, key: key, data: .word(9)), setMark(from: key),
            ]
        let forward = [forwarding]
        let otherwise = [drawing(then: keep.newChain), [.verdict(.goto("refuse"))]]
        return [
            Chain(name: keep.newChain, rules: networkDraws(of: keep) + [drawRule, remember, forward]),
            Chain(name: keep.knownChain, rules: [owned + remember + forward, forget] + otherwise),
            Chain(name: keep.chain, rules: [known] + otherwise),
        ]
    }

    /// Service → how it draws; only if there is something to draw.
    private func drawing(then chain: String) -> [NFTablesExpression] {
        [
            loadMark(into: .word(0)), .lookup(.word(0), set: "draws", into: .word(0)),
            setMark(from: .word(0)), .verdict(.goto(chain)),
        ]
    }

    /// How it draws → the chain that does, which returns.
    private var drawRule: [NFTablesExpression] {
        [
            loadMark(into: .word(0)), .mask(.word(0), NFTablesMark.bytes(NFTablesDraw.mask)),
            .lookup(.word(0), set: "choices", into: .verdict),
        ]
    }

    private var forwardRules: [[NFTablesExpression]] {
        let protocols: [NFTablesExpression] = [
            .loadMeta(.layer4Protocol, into: .word(0)), .lookup(.word(0), set: "transports", into: nil),
        ]
        return [
            protocols + [
                .loadConnection(.mark, into: .word(0)), .lookup(.word(0), set: "endpoints", into: .word(8)),
                .destinationNAT(NFTablesFamily(family), address: .word(8), port: .word(8 + addressWords)),
            ],
            [
                .loadConnection(.mark, into: .word(0)), .lookup(.word(0), set: "hosts", into: .word(8)),
                .destinationNAT(NFTablesFamily(family), address: .word(8), port: nil),
            ],
            [.verdict(.accept)],
        ]
    }

    /// ip_vs looks in this order too.
    private var selectRules: [[NFTablesExpression]] {
        let number = NFTablesRegister.word(8)
        let enter: [NFTablesExpression] = [
            .setConnectionMark(from: number), .verdict(.goto("enter")),
        ]
        let addressed: [NFTablesExpression] = [
            .payload(.network, offset: destinationOffset, length: addressLength, into: .word(0)),
            .loadMeta(.layer4Protocol, into: .word(addressWords)),
        ]
        let port = NFTablesRegister.word(addressWords + 1)
        return [
            [
                .loadMeta(.layer4Protocol, into: .word(0)), .lookup(.word(0), set: "transports", into: nil),
                .loadMeta(.mark, into: .word(0)), .lookup(.word(0), set: "firewall_marks", into: number),
            ] + enter,
            addressed + [
                .payload(.transport, offset: 2, length: 2, into: port),
                .lookup(.word(0), set: "services", into: number),
            ] + enter,
            addressed + [
                .immediate([0, 0, 0, 0], into: port), .lookup(.word(0), set: "services", into: number),
            ] + enter,
        ]
    }

    private func accountRule(direction: UInt8, _ set: String) -> [NFTablesExpression] {
        [
            .loadConnection(.direction, into: .word(0)), .compare(.word(0), .equal, [direction]),
            .loadConnection(.mark, into: .word(0)), .lookup(.word(0), set: set, into: nil),
        ]
    }
}

/// For how long which clients stay with their server.
struct NFTablesKeep: Hashable, Sendable {
    /// At least 1.
    var seconds: UInt32
    /// IPv4: the mask; IPv6: the length of the prefix.
    var mask: UInt32

    init?(_ persistence: VirtualServer.Persistence?) {
        guard let persistence else { return nil }
        seconds = UInt32(clamping: max(persistence.timeout.components.seconds, 1))
        switch persistence.granularity {
        case .mask(let address): mask = address.bits
        case .prefixLength(let length): mask = UInt32(min(length, 128))
        }
    }

    /// Of the name of its chain.
    init?(chain: String) {
        let parts = chain.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "keep", let seconds = UInt32(parts[1]), seconds > 0,
            let mask = UInt32(parts[2], radix: 16)
        else { return nil }
        self.seconds = seconds
        self.mask = mask
        if self.chain != chain { return nil }
    }

    private var suffix: String { "\(seconds)-" + String(mask, radix: 16) }
    var chain: String { "keep-" + suffix }
    var knownChain: String { "known-" + suffix }
    var newChain: String { "new-" + suffix }
    var clients: String { "clients-" + suffix }
    var members: String { "members-" + suffix }

    func maskBytes(_ family: AddressFamily) -> [UInt8] {
        var bytes: [UInt8] = []
        switch family {
        case .ipv4: bytes.append(bigEndian: mask)
        case .ipv6:
            for index in 0..<UInt32(16) {
                let bits = min(max(Int(mask) - Int(index) * 8, 0), 8)
                bytes.append(UInt8(truncatingIfNeeded: 0xFF00 >> bits))
            }
        }
        return bytes
    }
}
