import Configuration
import Netlink
import Primitives

/// What the kernel said of the table `aloft` of one family.
public struct NFTablesListing: Sendable {
    let skeleton: NFTablesSkeleton
    var rules: [String: [String]] = [:]
    public private(set) var chains: Set<String> = []
    private(set) var elements: [String: [NFTablesListedElement]] = [:]

    public init(_ family: AddressFamily, _ path: NFTablesPath = .translated) {
        skeleton = NFTablesSkeleton(family, path)
    }

    public var table: NFTablesTable { skeleton.table }
    public var isDirect: Bool { skeleton.path == .direct }
    /// The maps that hold the forwarding table: what must be dumped, once the chains are known. Those of clients are the kernel's alone.
    public var maps: [String] { skeleton.sets.filter { !$0.isDynamic }.map(\.name) + keeps.map(\.members) }
    /// The persistences that have a chain.
    var keeps: [NFTablesKeep] { chains.sorted().compactMap { NFTablesKeep(chain: $0) } }
    /// The interfaces that have a chain.
    var devices: [String] {
        guard skeleton.path == .direct else { return [] }
        return chains.filter { $0.hasPrefix(NFTablesSkeleton.ingress) }.sorted().map {
            String($0.dropFirst(NFTablesSkeleton.ingress.count))
        }
    }
    /// The maps of connections that are open, and of those that end; none where the kernel tracks them.
    public static let connectionMaps = (open: NFTablesSkeleton.flows, ending: NFTablesSkeleton.closing)
    /// The servers that the maps name.
    public var servers: Set<IPAddress> {
        var found: Set<IPAddress> = []
        for listed in ["endpoints", "hosts"].flatMap({ elements[$0] ?? [] }) {
            guard case .data(let data) = listed.element.value,
                let address = data.span.bytes.address(skeleton.family, at: 0)
            else { continue }
            found.insert(address)
        }
        return found
    }
    /// The maps that count.
    public var countingMaps: [String] { skeleton.sets.filter(\.counts).map(\.name) }

    public mutating func add(_ record: NFTablesRecord) {
        guard record.table == skeleton.table else { return }
        switch record {
        case .chain(_, let name): chains.insert(name)
        case .rule(_, let chain, let comment): rules[chain, default: []].append(comment)
        case .elements(_, let set, let list): elements[set, default: []] += list
        case .set, .generation, .other: break
        }
    }

    /// What the counters say, by mark.
    public func counters(of map: String) -> [UInt32: (packets: UInt64, bytes: UInt64)] {
        var counters: [UInt32: (packets: UInt64, bytes: UInt64)] = [:]
        for listed in elements[map] ?? [] {
            guard let mark = NFTablesMark.number(listed.element.key) else { continue }
            counters[mark] = (listed.packets, listed.bytes)
        }
        return counters
    }

    /// Whether a chain's rules are those that would be written now.
    func stands(_ chain: NFTablesSkeleton.Chain) -> Bool {
        chains.contains(chain.name)
            && rules[chain.name] ?? [] == chain.rules.map { NFTablesExpression.fingerprint(of: $0) }
    }
}

extension NFTablesElement {
    /// The mark that a map of connections has for one; nil of what has no such value.
    public var mark: UInt32? { if case .data(let data) = value { NFTablesMark.number(data) } else { nil } }
}
