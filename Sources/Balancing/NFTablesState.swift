import Netlink
import Primitives

/// What a plane knows to stand in the kernel in the table `aloft` of one family, and how to make it what it should be.
///
/// A value: a plane that asked the kernel for a batch keeps the new value only if the kernel took it.
public struct NFTablesState: Sendable {
    let skeleton: NFTablesSkeleton
    /// What is forwarded.
    public private(set) var forwarding = ForwardingTable()
    private(set) var numbers: [ServiceKey: NFTablesNumbers] = [:]
    private var nextNumber: UInt32
    /// False where there is no table, or one that has not the chains that it should have: it is made anew.
    private var stands = false
    private var draws: Set<NFTablesDraw> = []
    /// Lanes share the chains of those draws that count nothing.
    private var drawChains: Set<String> = []
    private var keeps: Set<NFTablesKeep> = []
    /// With direct routing: the interfaces that have a chain, and what was known of the networks when the services were written.
    private var hooked: Set<NFTablesNetwork.Device> = []
    public private(set) var network = NFTablesNetwork()
    /// A table that does not stand, and is no use.
    private var isRuin = false
    /// Elements that belong to no service that is whole; gone with the next batch.
    private var strays: [NFTablesPlacement] = []

    /// Numbers are marks of connections. They start where nobody else counts from, and each family has its own, because the kernel
    /// forgets connections by their mark without asking for their family. A service has ``NFTablesNumbers/block`` of them.
    static func numbers(of family: AddressFamily) -> ClosedRange<UInt32> {
        family == .ipv4 ? 0x6000_0400...0x67FF_FC00 : 0x6800_0400...0x6FFF_FC00
    }
    /// Under this mask all numbers, of both families, are ``numberBits``.
    public static let numberMask: UInt32 = 0xF000_0000
    public static let numberBits: UInt32 = 0x6000_0000
    /// Nothing stands.
    public init(_ family: AddressFamily, _ path: NFTablesPath = .translated) {
        skeleton = NFTablesSkeleton(family, path)
        nextNumber = Self.numbers(of: family).lowerBound
    }

    public var family: AddressFamily { skeleton.family }
    public var path: NFTablesPath { skeleton.path }
    public var table: NFTablesTable { skeleton.table }

    /// The mark of connections to a server.
    public func mark(of destination: DestinationKey, in service: ServiceKey) -> UInt32? {
        numbers[service]?.servers[destination]
    }

    /// Takes over the numbers that services had before someone else emptied or damaged the table: connections that live on are marked with
    /// them.
    public mutating func remember(_ former: NFTablesState) {
        numbers.merge(former.numbers) { read, _ in read }
        if !stands { nextNumber = former.nextNumber }
    }

    /// Whether it was ever asked to forward anything: only then can there be connections of it.
    public var hasNumbers: Bool { nextNumber != Self.numbers(of: family).lowerBound }
}

// MARK: - Writing

extension NFTablesState {
    /// Appends what makes the services of `keys` those of `desired`, and nothing else. Returns the marks whose servers have gone.
    ///
    /// Where there is no table, all of `desired` is written. What `nftables` cannot do must have been taken out of `desired` before.
    /// - Parameters:
    ///   - takes: which services of `desired` are this table's, and not that of the other path.
    ///   - network: what direct routing goes by; services that it touches are written too.
    public mutating func write(
        _ keys: [ServiceKey], of desired: ForwardingTable, network: NFTablesNetwork = NFTablesNetwork(),
        where takes: (ForwardingService) -> Bool = { _ in true }, into batch: inout NFTablesBatch
    ) -> [UInt32] {
        var edit = NFTablesEdit()
        var keys = Set(keys).union(keysBehind(network))
        if !stands {
            // What was there before may have left connections.
            keys = Set(desired.services.map(\.key) + numbers.keys).filter { $0.family == family }
            if desired.services.contains(where: { $0.key.family == family && takes($0) }) { makeTable(&batch) }
        }
        edit.remove(strays)
        strays = []
        let before = nextNumber
        var gone: [UInt32] = []
        var taken: Set<UInt32>?
        for key in keys.sorted() where key.family == family {
            let old = forwarding[key]
            let new = desired[key].flatMap { takes($0) ? $0 : nil }
            if old == new, old != nil || numbers[key] == nil, !isBehind(old, network) { continue }
            let oldNumbers = numbers[key]
            if let new { number(new, &taken) } else { numbers[key] = nil }
            gone += (oldNumbers?.servers ?? [:]).filter { new?[$0.key] == nil }.map(\.value)
            let oldPlacements = old.flatMap { old in oldNumbers.map { old.placements($0, self.network) } }
            if let new { makeChains(for: new, network, &batch) }
            let newPlacements = new.flatMap { new in numbers[key].map { new.placements($0, network) } }
            edit.replace(oldPlacements ?? [], by: newPlacements ?? [])
            forwarding[key] = new
        }
        self.network = network
        if path == .direct, forwarding.services.isEmpty {
            deleteTable(&batch)
            return gone.sorted()
        }
        hook(network.devices, &batch)
        if before != nextNumber { setNextNumber(since: before, &edit) }
        edit.append(to: &batch, table)
        return gone.sorted()
    }

    // MARK: Direct routing

    /// Whether there is something to write although services are what they should be.
    public func lags(behind network: NFTablesNetwork) -> Bool {
        path == .direct && stands
            && (hooked != network.devices || forwarding.services.contains { isBehind($0, network) })
    }

    /// The interfaces at which packets should come in and that have no chain; someone took it, or they are new.
    public func unhooked(of network: NFTablesNetwork) -> [String] {
        path == .direct && stands ? network.devices.subtracting(hooked).map(\.name).sorted() : []
    }

    private func isBehind(_ service: ForwardingService?, _ network: NFTablesNetwork) -> Bool {
        guard path == .direct, let service else { return false }
        return service.destinations.contains {
            network.ways[$0.key.address] != self.network.ways[$0.key.address]
        }
    }

    private func keysBehind(_ network: NFTablesNetwork) -> [ServiceKey] {
        if path != .direct || network.ways == self.network.ways { return [] }
        return forwarding.services.filter { isBehind($0, network) }.map(\.key)
    }

    /// Chains for interfaces that came, none for those that went. Whoever adds a chain must know that the interface is there.
    private mutating func hook(_ devices: Set<NFTablesNetwork.Device>, _ batch: inout NFTablesBatch) {
        guard path == .direct, stands, hooked != devices else { return }
        for device in hooked.subtracting(devices).sorted() {
            batch.deleteChain(skeleton.chain(for: device).name, from: table)
        }
        for device in devices.subtracting(hooked).sorted() { make(skeleton.chain(for: device), &batch) }
        hooked = devices
    }

    /// Without a service there is nothing that packets should be stopped for.
    private mutating func deleteTable(_ batch: inout NFTablesBatch) {
        guard stands || isRuin else { return }
        batch.addTable(table)
        batch.deleteTable(table)
        (stands, isRuin) = (false, false)
        forget()
    }

    private mutating func forget() {
        (draws, drawChains, keeps, hooked, strays, forwarding) = ([], [], [], [], [], ForwardingTable())
    }

    /// Numbers for a service and its servers; those that have one keep it.
    private mutating func number(_ service: ForwardingService, _ taken: inout Set<UInt32>?) {
        var own: NFTablesNumbers
        if let former = numbers[service.key] {
            own = former
        } else {
            var all = taken ?? Set(numbers.values.map(\.service))
            taken = nil  // or `all` would be copied
            own = NFTablesNumbers(service: takeNumber(&all))
            taken = all
        }
        own.number(service.destinations.map(\.key))
        numbers[service.key] = own
    }

    /// After 131,071 services the first number is given again, if it is free; if none is, the kernel refuses what is there twice.
    private mutating func takeNumber(_ taken: inout Set<UInt32>) -> UInt32 {
        let all = Self.numbers(of: family)
        for _ in 0..<UInt32(all.count) / NFTablesNumbers.block {
            let number = nextNumber
            let following = nextNumber &+ NFTablesNumbers.block
            nextNumber = all.contains(following) ? following : all.lowerBound
            if taken.insert(number).inserted { return number }
        }
        return nextNumber
    }

    private func nextNumberElement(_ number: UInt32) -> NFTablesPlacement {
        NFTablesPlacement(
            map: "numbers",
            element: NFTablesElement(
                key: NFTablesMark.bytes(1), value: .data(NFTablesMark.bytes(number)), comment: "next"))
    }

    private func setNextNumber(since before: UInt32, _ edit: inout NFTablesEdit) {
        edit.replace([nextNumberElement(before)], by: [nextNumberElement(nextNumber)])
    }

    private mutating func makeTable(_ batch: inout NFTablesBatch) {
        // Deleting what is not there is an error, adding what is there is none.
        batch.addTable(table)
        batch.deleteTable(table)
        batch.addTable(table)
        for set in skeleton.sets { batch.addSet(set, to: table) }
        batch.addChain(NFTablesSkeleton.persistences, to: table)
        for chain in skeleton.chains { make(chain, &batch) }
        batch.addElements(skeleton.constants.elements, to: skeleton.constants.set, of: table)
        batch.addElements([nextNumberElement(nextNumber).element], to: "numbers", of: table)
        (stands, isRuin) = (true, false)
        forget()
    }

    /// Chains stay when the last that used them has gone: there are few, and connections never meet them.
    private mutating func makeChains(
        for service: ForwardingService, _ network: NFTablesNetwork, _ batch: inout NFTablesBatch
    ) {
        guard let numbers = numbers[service.key] else { return }
        if let keep = NFTablesKeep(service.persistence), keeps.insert(keep).inserted {
            batch.addSet(skeleton.clients(of: keep), to: table)
            batch.addSet(skeleton.members(of: keep), to: table)
            for chain in skeleton.chains(for: keep) { make(chain, &batch) }
            make(rule: skeleton.entry(of: keep), of: NFTablesSkeleton.persistences, &batch)
        }
        let slots = service.slots(network)
        if slots.servers.isEmpty { return }
        let draw = service.draw(slots, numbers)
        if draws.insert(draw).inserted {
            let chain = skeleton.chain(for: draw)
            if drawChains.insert(chain.name).inserted { make(chain, &batch) }
            batch.addElements(
                [NFTablesElement(key: NFTablesMark.bytes(draw.rawValue), value: .verdict(.jump(chain.name)))],
                to: "choices", of: table)
        }
    }

    private func make(_ chain: NFTablesSkeleton.Chain, _ batch: inout NFTablesBatch) {
        batch.addChain(chain.name, hook: chain.hook, to: table)
        for rule in chain.rules { make(rule: rule, of: chain.name, &batch) }
    }

    private func make(rule: [NFTablesExpression], of chain: String, _ batch: inout NFTablesBatch) {
        batch.addRule(rule, comment: NFTablesExpression.fingerprint(of: rule), to: chain, of: table)
    }
}

// MARK: - Reading

extension NFTablesState {
    /// What a listing says stands there. A service of which anything is missing, or is not what this program would write, is not
    /// forwarded: it is not in ``forwarding``, and what there is of it goes with the next batch.
    public init(_ listing: NFTablesListing, _ network: NFTablesNetwork = NFTablesNetwork()) {
        self.init(listing.skeleton.family, listing.skeleton.path)
        self.network = network
        guard readChains(listing) else {
            isRuin = !listing.chains.isEmpty
            return
        }
        var elements: [String: [[UInt8]: NFTablesElement]] = [:]
        let fixed = ["choices", "numbers", skeleton.constants.set]
        for map in listing.maps where !fixed.contains(map) {
            let listed = listing.elements[map] ?? []
            elements[map] = Dictionary(listed.map { ($0.element.key, $0.element) }) { _, last in last }
        }
        for (service, own) in Self.services(elements, family, path) {
            guard service.refusalByNFTables == nil, own.isWhole(in: Self.numbers(of: family)), knows(service, own)
            else { continue }
            let placements = service.placements(own, network)
            guard placements.allSatisfy({ elements[$0.map]?[$0.element.key] == $0.element }) else { continue }
            for placement in placements { elements[placement.map]?[placement.element.key] = nil }
            forwarding[service.key] = service
            numbers[service.key] = own
        }
        for map in elements.keys.sorted() {
            for key in (elements[map] ?? [:]).keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
                guard let element = elements[map]?[key] else { continue }
                strays.append(NFTablesPlacement(map: map, element: element))
            }
        }
        let next = listing.elements["numbers"]?.first.flatMap { listed -> UInt32? in
            if case .data(let data) = listed.element.value { NFTablesMark.number(data) } else { nil }
        }
        // Without it numbers could be given twice.
        guard let next, Self.numbers(of: family).contains(next) else {
            self = NFTablesState(family, path)
            isRuin = true
            return
        }
        nextNumber = next
    }

    /// Whether the chains are there, and are what they should be.
    private mutating func readChains(_ listing: NFTablesListing) -> Bool {
        let constants = skeleton.constants
        guard skeleton.chains.allSatisfy(listing.stands),
            Set((listing.elements[constants.set] ?? []).map(\.element.key)) == Set(constants.elements.map(\.key))
        else { return false }
        for name in listing.devices {
            let devices = [true, false].map { NFTablesNetwork.Device(name, isEthernet: $0) }
            guard let device = devices.first(where: { listing.stands(skeleton.chain(for: $0)) }) else { return false }
            hooked.insert(device)
        }
        for listed in listing.elements["choices"] ?? [] {
            guard let number = NFTablesMark.number(listed.element.key), let draw = NFTablesDraw(rawValue: number),
                listed.element.value == .verdict(.jump(draw.chain))
            else { return false }
            if drawChains.insert(draw.chain).inserted, !listing.stands(skeleton.chain(for: draw)) { return false }
            draws.insert(draw)
        }
        for keep in listing.keeps {
            guard skeleton.chains(for: keep).allSatisfy(listing.stands) else { return false }
            keeps.insert(keep)
        }
        let entries = keeps.map { NFTablesExpression.fingerprint(of: skeleton.entry(of: $0)) }
        stands =
            listing.chains.contains(NFTablesSkeleton.persistences)
            && (listing.rules[NFTablesSkeleton.persistences] ?? []).sorted() == entries.sorted()
        return stands
    }

    /// Whether the chains that a service needs are there.
    private func knows(_ service: ForwardingService, _ own: NFTablesNumbers) -> Bool {
        let slots = service.slots(network)
        if let keep = NFTablesKeep(service.persistence), !keeps.contains(keep) { return false }
        return slots.servers.isEmpty || draws.contains(service.draw(slots, own))
    }

    /// The services that the maps speak of, whole or not, in the order of their keys.
    private static func services(
        _ elements: [String: [[UInt8]: NFTablesElement]], _ family: AddressFamily, _ path: NFTablesPath
    ) -> [(ForwardingService, NFTablesNumbers)] {
        var byNumber: [UInt32: [(Destination, UInt32)]] = [:]
        for (key, element) in elements["owners"] ?? [:] {
            guard let mark = NFTablesMark.number(key), case .data(let data) = element.value,
                let service = NFTablesMark.number(data), element.comment.hasPrefix("weight "),
                let weight = UInt32(element.comment.dropFirst(7)),
                let server = destination(key, elements, family)
            else { continue }
            byNumber[service, default: []].append(
                (
                    Destination(
                        server.address, port: server.port, weight: weight,
                        forwarding: path == .direct ? .directRouting : .nat), mark
                ))
        }
        var found: [(ForwardingService, NFTablesNumbers)] = []
        for map in ["services", "firewall_marks"] {
            for (bytes, element) in elements[map] ?? [:] {
                guard let key = ServiceKey(nftablesKey: bytes, of: map, family), case .data(let data) = element.value,
                    let number = NFTablesMark.number(data),
                    let settings = ForwardingService.Settings(nftablesComment: element.comment)
                else { continue }
                let servers = byNumber[number] ?? []
                var service = ForwardingService(key, servers.map(\.0))
                service.apply(settings)
                let marks = Dictionary(servers.map { ($0.0.key, $0.1) }) { first, _ in first }
                found.append((service, NFTablesNumbers(service: number, servers: marks)))
            }
        }
        return found.sorted { $0.0.key < $1.0.key }
    }

    private static func destination(
        _ mark: [UInt8], _ elements: [String: [[UInt8]: NFTablesElement]], _ family: AddressFamily
    ) -> DestinationKey? {
        if case .data(let data)? = elements["hosts"]?[mark]?.value {
            return data.span.bytes.address(family, at: 0).map { DestinationKey($0, port: 0) }
        }
        guard case .data(let data)? = elements["endpoints"]?[mark]?.value,
            let address = data.span.bytes.address(family, at: 0),
            let port = data.span.bytes.uint16(at: family.addressLength)
        else { return nil }
        return DestinationKey(address, port: port)
    }
}
