import ConfigLanguage
import Primitives

extension Resolver {
    /// Addresses in a row, or a firewall mark, that one virtual server serves.
    private struct Span {
        /// Family, kind, protocol and port: what must be equal for two to be in each other's way.
        var key: UInt32
        /// Of `Model.virtualServers`.
        var server: Int32
        var first: Number
        var last: Number
        /// Of the entry in a group; nil for a virtual server of its own.
        var entry: SourceRange?
    }

    /// An address or a mark.
    private struct Number: Comparable {
        var high: UInt64
        var low: UInt64

        static func < (a: Number, b: Number) -> Bool { a.high != b.high ? a.high < b.high : a.low < b.low }

        init(_ address: IPAddress) {
            switch address {
            case .v4(let v4): (high, low) = (0, UInt64(v4.bits))
            case .v6(let v6): (high, low) = (v6.high, v6.low)
            }
        }

        init(_ mark: UInt32) { (high, low) = (0, UInt64(mark)) }
    }

    /// The kernel has each service once. Of equal ones the first is kept; ranges that overlap are reported.
    mutating func dropDuplicates(_ virtual: inout [VirtualServer], _ ranges: inout [SourceRange]) {
        var dropped: Set<Int> = []
        var spans = self.spans(of: virtual, ranges, &dropped)
        spans.sort { a, b in
            if a.key != b.key { return a.key < b.key }
            return a.first != b.first ? a.first < b.first : a.server < b.server
        }
        // The span that reaches furthest among those that began before.
        var reach = 0
        for index in spans.indices.dropFirst() {
            let span = spans[index]
            let before = spans[reach]
            if span.key != before.key || span.first > before.last {
                reach = index
                continue
            }
            reportOverlap(before, span, ranges, &dropped)
            if span.last > before.last { reach = index }
        }
        guard !dropped.isEmpty else { return }
        virtual = virtual.indices.filter { !dropped.contains($0) }.map { virtual[$0] }
        ranges = ranges.indices.filter { !dropped.contains($0) }.map { ranges[$0] }
    }

    private mutating func spans(of virtual: [VirtualServer], _ ranges: [SourceRange], _ dropped: inout Set<Int>)
        -> [Span]
    {
        var spans: [Span] = []
        spans.reserveCapacity(virtual.count)
        /// The first virtual server of a group, for each protocol: going through its entries once is enough.
        var users: [GroupUse: Int] = [:]
        for index in virtual.indices {
            let transport = UInt32(virtual[index].transport?.rawValue ?? 0)
            switch virtual[index].service {
            case .address(let address, let port):
                let number = Number(address)
                spans.append(
                    Span(
                        key: key(address.family, transport, port), server: Int32(index), first: number, last: number))
            case .firewallMark(let mark):
                let key = key(virtual[index].family, 255, 0)
                spans.append(Span(key: key, server: Int32(index), first: Number(mark), last: Number(mark)))
            case .group(let name):
                let use = GroupUse(group: name, transport: transport, family: virtual[index].family)
                if let other = users[use] {
                    reportDuplicate(index, other, ranges, &dropped)
                    continue
                }
                users[use] = index
                for entry in servers.groups[name]?.entries ?? [] {
                    switch entry.value {
                    case .addresses(let first, let last, let port):
                        spans.append(
                            Span(
                                key: key(first.family, transport, port), server: Int32(index), first: Number(first),
                                last: Number(last), entry: entry.range))
                    case .firewallMark(let mark, let family):
                        spans.append(
                            Span(
                                key: key(family ?? virtual[index].family, 255, 0), server: Int32(index),
                                first: Number(mark), last: Number(mark), entry: entry.range))
                    }
                }
            }
        }
        return spans
    }

    private struct GroupUse: Hashable {
        var group: String
        var transport: UInt32
        var family: AddressFamily
    }

    private func key(_ family: AddressFamily, _ transport: UInt32, _ port: UInt16) -> UInt32 {
        (family == .ipv6 ? 1 << 24 : 0) | transport << 16 | UInt32(port)
    }

    private mutating func reportOverlap(_ a: Span, _ b: Span, _ ranges: [SourceRange], _ dropped: inout Set<Int>) {
        let later = Int(max(a.server, b.server))
        let earlier = Int(min(a.server, b.server))
        if later == earlier {
            guard let one = a.entry, let other = b.entry else { return }
            let (first, second) = one.start < other.start ? (one, other) : (other, one)
            return report(
                .serverOverlap, at: second, "this is in the group already", reason: "the kernel has each service once",
                fix: "remove it, or make the ranges meet without overlapping",
                related: [Diagnostic.Related(first, "the other entry")])
        }
        if a.entry == nil, b.entry == nil { return reportDuplicate(later, earlier, ranges, &dropped) }
        report(
            .serverOverlap, at: ranges[later], "this shares an address and port with another virtual server",
            reason: "the kernel has each service once: the real servers of both would mix",
            fix: "leave it in one of them", related: [Diagnostic.Related(ranges[earlier], "the other virtual server")])
    }

    private mutating func reportDuplicate(
        _ later: Int, _ earlier: Int, _ ranges: [SourceRange], _ dropped: inout Set<Int>
    ) {
        dropped.insert(later)
        report(
            .duplicateServer, at: ranges[later], "this virtual server is written twice",
            reason: "the kernel has each service once: the real servers of both would mix",
            fix: "put their real servers into one block",
            related: [Diagnostic.Related(ranges[earlier], "written here before")])
    }
}
