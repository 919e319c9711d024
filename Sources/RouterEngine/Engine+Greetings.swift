import Arbitration
import Configuration
import Greeting
import Primitives
import VRRP

/// Greetings: what the nodes of a virtual router tell each other beside VRRP. Nothing depends on an answer; where there is one,
/// hand-overs are faster, a higher priority can ask the holder of a lease to hand over, and faults of configuration are seen.
extension Engine {
    /// After the holder of a lease let go for a claim and had to come back, claims are not listened to for so long.
    static let claimPause = Duration.seconds(60)

    // MARK: - Beginning

    /// Makes the machines that should be there, and removes those that should not. A router whose source, peers, group or key
    /// changed greets as somebody new.
    mutating func settleGreetings(at now: Instant, into effects: inout [Effect]) {
        guard identity.greets, !dirtyGreetings.isEmpty else { return }
        let dirty = dirtyGreetings
        dirtyGreetings.removeAll(keepingCapacity: true)
        for index in dirty where index < slots.count {
            while greetings.count <= index { greetings.append(nil) }
            let key = greetingKey(of: RouterID(index))
            if greetings[index]?.key != key {
                greetings[index] = nil
                companyChanged(RouterID(index))
                deadlines.set(.init(.greeting, index), nil)
                if let key { beginGreeting(RouterID(index), key, at: now, into: &effects) }
            } else if key != nil, let facts = facts(of: RouterID(index)) {
                let tenure = lastTenure(of: RouterID(index))
                greet(RouterID(index), at: now, into: &effects) {
                    $0.note(masterFrom: tenure?.began, until: tenure?.ended)
                    $0.update(facts, at: now, into: &$1)
                }
            }
        }
    }

    mutating func greetingChanged(_ id: RouterID) {
        guard identity.greets, !dirtyGreetings.contains(id.index) else { return }
        dirtyGreetings.append(id.index)
    }

    /// What a greeting machine cannot change while it lives; nil for a router that does not greet.
    private func greetingKey(of id: RouterID) -> GreetingSlot.Key? {
        guard let slot = slots[id.index], slot.definition.hello, !retired.contains(id), phase == .running,
            slot.router.role != .initialize, let source = slot.router.environment.source
        else { return nil }
        let definition = slot.definition
        return GreetingSlot.Key(
            source: source, peers: definition.isUnicast ? definition.unicastPeers.map(\.address) : [],
            group: definition.multicastGroup, authentication: definition.authentication, name: greetingName(of: slot),
            lease: slot.lease.flatMap { leases[$0.index]?.name })
    }

    private mutating func beginGreeting(
        _ id: RouterID, _ key: GreetingSlot.Key, at now: Instant, into effects: inout [Effect]
    ) {
        guard let slot = slots[id.index], let facts = facts(of: id) else { return }
        greetingsBegun &+= 1
        var hash = StableHash()
        hash.add(word: identity.incarnation.rawValue)
        hash.add(word: identity.firstRequest)
        hash.add(word: greetingsBegun)
        let peers = key.peers.filter { $0.family == key.source.family && $0 != key.source }
        let settings = GreetingSettings(
            router: slot.router.settings.id, family: slot.definition.family,
            incarnation: Incarnation(max(1, hash.value)),
            address: key.source, way: slot.definition.isUnicast ? .unicast(peers) : .multicast(group: key.group),
            seal: seal(of: slot.definition))
        greetings[id.index] = GreetingSlot(
            key: key, machine: GreetingMachine(settings: settings, facts: facts, random: SplitMix64(seed: hash.value)))
        let tenure = lastTenure(of: id)
        greet(id, at: now, into: &effects) {
            $0.note(masterFrom: tenure?.began, until: tenure?.ended)
            $0.start(at: now, into: &$1)
        }
        if let wanted = slot.lease.flatMap({ leases[$0.index]?.asksFor }) {
            greet(id, at: now, into: &effects) { $0.ask(promiseFor: wanted, at: now, into: &$1) }
        }
    }

    private func lastTenure(of id: RouterID) -> Tenure? {
        slots[id.index].flatMap { $0.splits.tenure ?? $0.splits.previousTenure }
    }

    private func seal(of definition: InstanceDefinition) -> HelloSeal? {
        if case .pass(let secret) = definition.authentication { HelloSeal(key: secret) } else { nil }
    }

    // MARK: - What this node holds true

    private func greetingName(of slot: RouterSlot) -> HolderName {
        slot.lease.flatMap { leases[$0.index]?.machine.holder } ?? HolderName(fitting: nodeName)
    }

    private func facts(of id: RouterID) -> GreetingFacts? {
        guard let slot = slots[id.index] else { return nil }
        let lease = slot.lease.flatMap { leases[$0.index] }
        var obstacle = slot.router.environment.faults.first.map { HelloText($0.description) }
        if lease != nil, fence == .pending { obstacle = obstacle ?? HelloText("the fence does not stand yet") }
        var kind = GreetingFacts.Authentication(.none)
        if case .pass = slot.definition.authentication { kind = GreetingFacts.Authentication(.password) }
        return GreetingFacts(
            name: greetingName(of: slot), program: HelloText(identity.program),
            role: slot.router.role, priority: slot.router.priority, obstacle: obstacle, claims: claims(slot, lease),
            isDeparting: isDeparting, version: slot.router.settings.format.version,
            interval: slot.router.settings.interval, preempts: slot.router.settings.preempts,
            addresses: slot.addressDigest, authentication: kind,
            lease: lease.map {
                GreetingFacts.Lease(
                    digest: GreetingFacts.Lease.digest(of: $0.name.description), terms: $0.machine.terms)
            }, epoch: lease?.machine.sight?.record?.epoch ?? .none, holder: lease?.machine.sight?.record?.holder)
    }

    /// A backup that would be master but for the lease, which another holds, asks for it: where its own arbiter answers.
    private func claims(_ slot: RouterSlot, _ lease: LeaseSlot?) -> Bool {
        guard let lease, slot.router.wantsMaster, case .apart(.heldByAnother(_?)) = lease.machine.state,
            case .answering? = arbiterStandings[lease.arbiter.name]
        else { return false }
        return true
    }

    // MARK: - Inputs

    /// A datagram of the greeting port. It says itself which virtual router it is about; who that is not for looks at it and
    /// turns it away.
    mutating func receive(_ hello: HelloDatagram, at now: Instant, into effects: inout [Effect]) {
        guard phase == .running, hello.bytes.count > 8, let number = VirtualRouterID(hello.bytes[7]) else {
            return
        }
        let family = hello.source.family
        for interface in [hello.interface, .any] {
            var next = demux[DemuxKey(interface: interface, family: family, id: number)]
            // Several routers may share the key; a bound for our own mistakes.
            for _ in 0..<64 {
                guard let id = next else { break }
                let isFor =
                    slots[id.index]?.sameKey == nil
                    || greetings.indices.contains(id.index)
                        && greetings[id.index]?.key.peers.contains(hello.source) == true
                if isFor {
                    greet(id, at: now, into: &effects) {
                        $0.receive(hello.bytes, from: hello.source, hopLimit: hello.hopLimit, at: now, into: &$1)
                    }
                    return compareTenures(id, at: now, into: &effects)
                }
                next = slots[id.index]?.sameKey
            }
        }
    }

    /// Lets one machine handle something, and does what it asks for.
    mutating func greet(
        _ id: RouterID, at now: Instant, into effects: inout [Effect],
        _ body: (inout GreetingMachine, inout [GreetingEffect]) -> Void
    ) {
        guard greetings.indices.contains(id.index), greetings[id.index] != nil else { return }
        var said: [GreetingEffect] = []
        greetings[id.index]?.drive(&said, body)
        deadlines.set(.init(.greeting, id.index), greetings[id.index]?.machine.nextDeadline)
        for effect in said {
            switch effect {
            case .send(let bytes, let destination): effects.append(.greet(id, to: destination, bytes))
            case .note(let note): heed(note, id, at: now, into: &effects)
            }
        }
    }

    private mutating func heed(_ note: GreetingNote, _ id: RouterID, at now: Instant, into effects: inout [Effect]) {
        if isWorthTelling(note, id, at: now) { effects.append(.note(.greeting(id, note))) }
        switch note {
        case .joined, .restarted, .lost, .changed: companyChanged(id)
        case .nameTwice: if let lease = slots[id.index]?.lease { leases[lease.index]?.machine.meetNamesake() }
        case .promiseAsked(let peer, let sequence, let duration, let epoch):
            promise(duration, id, to: peer, sequence, epoch, at: now, into: &effects)
        case .promised(let peer, let since, let duration):
            hearPromise(id, of: peer, since: since, duration, at: now, into: &effects)
        case .departs(let peer, _): takeTurn(id, after: peer.address, at: now, into: &effects)
        case .claimed(let peer): handOver(id, to: peer, at: now, into: &effects)
        default: break
        }
    }

    // MARK: - Hand-over

    /// The master gave up: where those who take over are known, in their turn and not by the skew time.
    mutating func takeTurn(_ id: RouterID, after departed: IPAddress, at now: Instant, into effects: inout [Effect]) {
        guard greetings.indices.contains(id.index),
            let turn = greetings[id.index]?.machine.handOver(from: departed, at: now),
            turn.isNamed || turn.includesAll, let router = slots[id.index]?.router,
            router.lastHeard?.priority == .releasing, router.lastHeard?.address == departed
        else { return }
        run(id, at: now, into: &effects) {
            $0.takeOver(at: now + turn.delay)
            $0.advance(to: now, into: &$1)
        }
        settleGroups(at: now, into: &effects)
    }

    /// A backup that ranks higher asks for the lease: it is given up, so that the other can take it.
    private mutating func handOver(
        _ id: RouterID, to peer: GreetingName, at now: Instant, into effects: inout [Effect]
    ) {
        guard let lease = slots[id.index]?.lease, slots[id.index]?.router.role == .master,
            now >= leases[lease.index]?.claimsFrom ?? .distantFuture
        else { return }
        leases[lease.index]?.claimsFrom = now + Self.claimPause
        for member in leases[lease.index]?.members ?? [] {
            run(member, at: now, into: &effects) {
                $0.yieldMaster(Cause(.helloClaimed, peer: peer.address), at: now, into: &$1)
            }
        }
        markDirty(lease)
        settleGroups(at: now, into: &effects)
    }

    /// Before a stop: those who hear it know who follows, and need not wait.
    mutating func sayFarewell(at now: Instant, into effects: inout [Effect]) {
        isDeparting = true
        for id in routerIDs where slots[id.index]?.router.role == .master {
            guard let facts = facts(of: id) else { continue }
            greet(id, at: now, into: &effects) { $0.update(facts, at: now, into: &$1) }
        }
    }

    /// Whether somebody greets through the same interface and family as a socket.
    public func greets(on key: SocketKey) -> Bool {
        identity.greets
            && slots.contains { slot in
                slot.map { $0.definition.hello && $0.definition.family == key.family && $0.listensOn == key.interface }
                    ?? false
            }
    }

    /// `vrrp_hello_port`.
    public var helloPort: UInt16 { model.global.helloPort }

    public func greeted(named name: String) -> [GreetingPeer] { router(named: name).map { greeted($0) } ?? [] }

    /// What is known of the others by their greetings.
    public func greeted(_ id: RouterID) -> [GreetingPeer] {
        greetings.indices.contains(id.index) ? greetings[id.index]?.machine.peers ?? [] : []
    }
}

/// A router's greetings, and what they cannot change while they last.
struct GreetingSlot: Sendable {
    struct Key: Hashable, Sendable {
        var source: IPAddress
        var peers: [IPAddress]
        var group: IPAddress
        var authentication: InstanceDefinition.Authentication
        /// Others know this node by its name, and what they promised is about one lease.
        var name: HolderName
        var lease: LeaseName?
    }

    var key: Key
    var machine: GreetingMachine

    /// In place: reading a slot out of the table copies all of it.
    mutating func drive(
        _ said: inout [GreetingEffect], _ body: (inout GreetingMachine, inout [GreetingEffect]) -> Void
    ) {
        body(&machine, &said)
    }
}

/// What arrived on the greeting port.
public struct HelloDatagram: Hashable, Sendable {
    public var bytes: [UInt8]
    public var source: IPAddress
    public var interface: InterfaceIndex
    public var hopLimit: UInt8

    public init(bytes: [UInt8], source: IPAddress, interface: InterfaceIndex, hopLimit: UInt8) {
        self.bytes = bytes
        self.source = source
        self.interface = interface
        self.hopLimit = hopLimit
    }
}

extension StableHash {
    fileprivate mutating func add(word: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { add(UInt8(truncatingIfNeeded: word >> UInt64(shift))) }
    }
}
