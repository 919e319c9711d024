import Configuration
import Netlink

/// The table of direct routing: `aloft` (IPv4) or `aloft6` of the family `netdev`, which sees packets as they come in at an interface, before
/// the host does anything with them. Nothing is tracked there, so the table remembers connections itself.
///
/// A packet goes this way:
///
///     ingress-INTERFACE → select: service by address, protocol and port, by address and protocol; what routers say of a connection
///       → arrive: by client's address and port
///         → known: a connection, and its server is still there → renew
///         → ending: one that the client has ended or aborted → finish
///         → begin: TCP that begins is no connection that has ended with the same port
///         → enter, serve, drawn: draw a server, as in the table that translates → place: count → renew
///     renew: remember the connection with its server, for as long as its state says; finish: for a short time
///     forward: server → its address, and the interface where it is a neighbour: out
///
/// What `fwd` to a neighbour does is what the kernel does with a packet that it routes: the MAC address comes from its own table of neighbours,
/// which asks by ARP or NDP, follows a server that changes its card, and holds the packet meanwhile.
extension NFTablesSkeleton {
    /// How long a connection is remembered after its client's last packet: those of ip_vs.
    enum Lease {
        static let opening: UInt64 = 60
        static let open: UInt64 = 900
        static let closing: UInt64 = 120
        static let datagrams: UInt64 = 300
    }

    /// The prefix of the chain of an interface.
    static let ingress = "ingress-"
    /// The maps of connections: the kernel's alone.
    static let flows = "flows"
    static let closing = "closing"
    /// So many connections are remembered, and as many that end; what is beyond is forwarded by the hash alone.
    private static let mostFlows: UInt32 = 1 << 20

    var directSets: [NFTablesSet] {
        let mark: [NFTablesSet.Field] = [.mark]
        let client: [NFTablesSet.Field] = [.mark, addressField, .port]
        return [
            NFTablesSet("services", key: [addressField, .transportProtocol, .port], value: .fields(mark)),
            NFTablesSet("draws", key: mark, value: .fields(mark)),
            NFTablesSet("choices", key: mark, value: .verdict),
            NFTablesSet("slots", key: [.mark, .mark], value: .fields(mark)),
            NFTablesSet("owners", key: mark, value: .fields(mark)),
            NFTablesSet("endpoints", key: mark, value: .fields([addressField, .port])),
            NFTablesSet("hosts", key: mark, value: .fields([addressField])),
            NFTablesSet("links", key: mark, value: .fields([.interface])),
            NFTablesSet("locals", key: mark),
            NFTablesSet("chosen", key: mark, counts: true),
            NFTablesSet("received", key: mark, counts: true),
            NFTablesSet("numbers", key: mark, value: .fields(mark)),
            NFTablesSet("errors", key: [family == .ipv4 ? .icmpType : .icmpv6Type]),
            NFTablesSet(Self.flows, key: client, value: .fields(mark), isDynamic: true, size: Self.mostFlows),
            NFTablesSet(Self.closing, key: client, value: .fields(mark), isDynamic: true, size: Self.mostFlows),
        ]
    }

    /// What routers say of packets that did not arrive (RFC 792, RFC 4443): unreachable, too big, time exceeded.
    var directConstants: (set: String, elements: [NFTablesElement]) {
        let types: [UInt8] = family == .ipv4 ? [3, 11] : [1, 2, 3]
        return ("errors", types.map { NFTablesElement(key: [$0]) })
    }

    /// In an order in which each chain stands before it is named in another.
    var directChains: [Chain] {
        [refuseChain, Chain(name: "forward", rules: directForwardRules)] + memoryChains + choosingChains + [
            Chain(name: "known", rules: knownRules), Chain(name: "ending", rules: endingRules),
            Chain(name: "begin", rules: beginRules), Chain(name: "arrive", rules: arriveRules),
            Chain(
                name: "related",
                rules: [relatedRule, [.immediate([0, 0, 0, 0], into: .word(0)), setMark(from: .word(0))]]),
            Chain(name: "select", rules: directSelectRules),
        ]
    }

    /// Where packets come in. Frames for others, which a host sees that listens to all, are not its business.
    func chain(for device: NFTablesNetwork.Device) -> Chain {
        let ethernetType: [UInt8] = family == .ipv4 ? [0x08, 0x00] : [0x86, 0xDD]
        // Of a frame with a VLAN tag the type reads 0x8100 here: it is met again without, at the VLAN's own interface.
        let load: NFTablesExpression =
            device.isEthernet
            ? .payload(.link, offset: 12, length: 2, into: .word(0)) : .loadMeta(.networkProtocol, into: .word(0))
        return Chain(
            name: Self.ingress + device.name,
            hook: .init(.ingress, priority: 0, type: "filter", device: device.name),
            rules: [
                [
                    load, .compare(.word(0), .equal, ethernetType), .loadMeta(.packetType, into: .word(0)),
                    .compare(.word(0), .equal, [0]), .verdict(.goto("select")),
                ]
            ])
    }

    /// Where clients of one network are one client, the hash is of the network: on another director, which remembers none of them, each must come
    /// to the server that the first of them came to. Who has drawn here meets `drawRule` with a mark that is no draw.
    func networkDraws(of keep: NFTablesKeep) -> [[NFTablesExpression]] {
        let mask = keep.maskBytes(family)
        if path != .direct || mask.allSatisfy({ $0 == 0xFF }) { return [] }
        let kindAndModulus = ~(UInt32(1) << 17 - 1)
        return [NFTablesSlots.directSize, MaglevTable.largest].map { count in
            let draw = NFTablesDraw(.source, service: 0, slots: count)
            return [
                loadMark(into: .word(0)), .mask(.word(0), NFTablesMark.bytes(kindAndModulus)),
                .compare(.word(0), .equal, NFTablesMark.bytes(draw.rawValue & kindAndModulus)),
                loadMark(into: .word(0)),
                .payload(.network, offset: sourceOffset, length: addressLength, into: .word(4)),
                .mask(.word(4), mask),
                .hash(.word(4), length: addressLength, modulus: draw.modulus, seed: 0, into: .word(1)),
                .lookup(.word(0), set: "slots", into: .word(0)), setMark(from: .word(0)),
            ]
        }
    }

    // MARK: - Rules

    /// Service or server in the mark, client's address and port, as the key of a connection in word 0 and on.
    private var flowKey: [NFTablesExpression] {
        [
            loadMark(into: .word(0)), .mask(.word(0), NFTablesMark.bytes(NFTablesNumbers.serviceMask)),
            .payload(.network, offset: sourceOffset, length: addressLength, into: .word(1)),
            .payload(.transport, offset: 0, length: 2, into: .word(1 + addressWords)),
        ]
    }

    private func transport(_ number: VirtualServer.TransportProtocol) -> [NFTablesExpression] {
        [.loadMeta(.layer4Protocol, into: .word(8)), .compare(.word(8), .equal, [number.rawValue])]
    }

    /// TCP whose flags under `mask` compare so with `value`.
    private func flags(
        _ mask: UInt8, _ comparison: NFTablesExpression.Comparison, _ value: UInt8
    ) -> [NFTablesExpression] {
        transport(.tcp) + [
            .payload(.transport, offset: 13, length: 1, into: .word(8)), .mask(.word(8), [mask]),
            .compare(.word(8), comparison, [value]),
        ]
    }
    private static let fin: UInt8 = 1
    private static let syn: UInt8 = 2
    private static let reset: UInt8 = 4
    private static let acknowledgement: UInt8 = 16

    /// Only of SYN without ACK.
    private var isFirst: [NFTablesExpression] {
        flags(Self.fin | Self.syn | Self.reset | Self.acknowledgement, .equal, Self.syn)
    }

    private func remember(_ map: String, for seconds: UInt64) -> [NFTablesExpression] {
        flowKey + [loadMark(into: .word(9)), .update(set: map, key: .word(0), data: .word(9), timeout: seconds * 1000)]
    }

    private func forget(_ map: String) -> [NFTablesExpression] {
        flowKey + [loadMark(into: .word(9)), .remove(set: map, key: .word(0), data: .word(9))]
    }

    /// The server's mark back to its service's.
    private var unmark: [NFTablesExpression] {
        [
            loadMark(into: .word(0)), .mask(.word(0), NFTablesMark.bytes(NFTablesNumbers.serviceMask)),
            setMark(from: .word(0)),
        ]
    }

    private func goto(_ chain: String) -> [NFTablesExpression] { [.verdict(.goto(chain))] }

    private var directForwardRules: [[NFTablesExpression]] {
        let mark = loadMark(into: .word(0))
        let out = NFTablesExpression.forward(
            NFTablesFamily(family), neighbour: .word(8), interface: .word(14))
        let link: [NFTablesExpression] = [mark, .lookup(.word(0), set: "links", into: .word(14)), out]
        return [
            [mark, .lookup(.word(0), set: "received", into: nil)],
            [
                mark, .lookup(.word(0), set: "locals", into: nil), .immediate([0, 0, 0, 0], into: .word(8)),
                setMark(from: .word(8)), .verdict(.accept),
            ],
            // Two directors that took each other for servers would pass packets to and fro for ever: the kernel takes one off without a look.
            [
                .payload(.network, offset: family == .ipv4 ? 8 : 7, length: 1, into: .word(0)),
                .compare(.word(0), .less, [2]), .verdict(.drop),
            ],
            [mark, .lookup(.word(0), set: "endpoints", into: .word(8))] + link,
            [mark, .lookup(.word(0), set: "hosts", into: .word(8))] + link,
            // A server that is nobody's neighbour at the moment.
            [.verdict(.drop)],
        ]
    }

    /// A map that is full ends a rule: the packet goes on all the same.
    private var memoryChains: [Chain] {
        let forward = goto("forward")
        return [
            Chain(
                name: "finish",
                rules: [forget(Self.flows), remember(Self.closing, for: Lease.closing) + forward, forward]),
            Chain(
                name: "renew",
                rules: [
                    flags(Self.fin | Self.reset, .notEqual, 0) + goto("finish"),
                    isFirst + remember(Self.flows, for: Lease.opening) + forward,
                    transport(.udp) + remember(Self.flows, for: Lease.datagrams) + forward,
                    remember(Self.flows, for: Lease.open) + forward, forward,
                ]),
            Chain(
                name: "place",
                rules: [[loadMark(into: .word(0)), .lookup(.word(0), set: "chosen", into: nil)], goto("renew")]),
        ]
    }

    /// Whether the server in the mark is still one.
    private var isOwned: [NFTablesExpression] {
        [loadMark(into: .word(8)), .lookup(.word(8), set: "owners", into: .word(10))]
    }

    private var knownRules: [[NFTablesExpression]] {
        // An update would keep the server that has gone.
        [isOwned + goto("renew"), forget(Self.flows), unmark, goto("enter")]
    }

    private var endingRules: [[NFTablesExpression]] {
        [isOwned + goto("finish"), forget(Self.closing), unmark, goto("enter")]
    }

    private func find(_ map: String, then chain: String) -> [NFTablesExpression] {
        flowKey + [.lookup(.word(0), set: map, into: .word(9)), setMark(from: .word(9))] + goto(chain)
    }

    private var beginRules: [[NFTablesExpression]] {
        [find(Self.flows, then: "known"), forget(Self.closing), goto("enter")]
    }

    private var arriveRules: [[NFTablesExpression]] {
        [
            isFirst + goto("begin"), find(Self.flows, then: "known"), find(Self.closing, then: "ending"),
            goto("enter"),
        ]
    }

    private var directSelectRules: [[NFTablesExpression]] {
        let port = NFTablesRegister.word(addressWords + 1)
        let addressed: [NFTablesExpression] = [
            .payload(.network, offset: destinationOffset, length: addressLength, into: .word(0)),
            .loadMeta(.layer4Protocol, into: .word(addressWords)),
        ]
        let found: [NFTablesExpression] = [.lookup(.word(0), set: "services", into: .word(8)), setMark(from: .word(8))]
        let own: [NFTablesExpression] = [.payload(.transport, offset: 2, length: 2, into: port)]
        let every: [NFTablesExpression] = [.immediate([0, 0, 0, 0], into: port)]
        // The packet that an error is about begins at the error's 8th byte; it went from the service to the client.
        let said: [NFTablesExpression] = [.payload(.transport, offset: inner(.port), length: 2, into: port)]
        return [
            addressed + own + found + goto("arrive"), addressed + every + found + goto("arrive"),
            isError + said + found + goto("related"), isError + every + found + goto("related"),
        ]
    }

    private enum InnerField { case transport, source, destination, port, otherPort }

    /// Where a field of that packet is, from the error's first byte. IPv4 without options, IPv6 without extensions.
    private func inner(_ field: InnerField) -> UInt32 {
        let header: UInt32 = family == .ipv4 ? 20 : 40
        switch field {
        case .transport: return 8 + (family == .ipv4 ? 9 : 6)
        case .source: return 8 + sourceOffset
        case .destination: return 8 + destinationOffset
        case .port: return 8 + header
        case .otherPort: return 8 + header + 2
        }
    }

    private var isError: [NFTablesExpression] {
        let number: UInt8 = family == .ipv4 ? 1 : 58
        let plain: [NFTablesExpression] =
            family == .ipv4
            ? [.payload(.transport, offset: 8, length: 1, into: .word(0)), .compare(.word(0), .equal, [0x45])] : []
        return [.loadMeta(.layer4Protocol, into: .word(0)), .compare(.word(0), .equal, [number])]
            + [
                .payload(.transport, offset: 0, length: 1, into: .word(0)),
                .lookup(.word(0), set: "errors", into: nil),
            ] + plain + [
                .payload(.transport, offset: inner(.source), length: addressLength, into: .word(0)),
                .payload(.transport, offset: inner(.transport), length: 1, into: .word(addressWords)),
            ]
    }

    /// What routers say goes to the server that has the connection.
    private var relatedRule: [NFTablesExpression] {
        [
            loadMark(into: .word(0)),
            .payload(.transport, offset: inner(.destination), length: addressLength, into: .word(1)),
            .payload(.transport, offset: inner(.otherPort), length: 2, into: .word(1 + addressWords)),
            .lookup(.word(0), set: Self.flows, into: .word(9)), setMark(from: .word(9)),
        ] + goto("forward")
    }
}
