import Arbitration
import Primitives
import VRRP

@testable import Greeting

/// Three nodes of one virtual router, and somebody on the link who records all and says it again, on a seeded event queue.
///
/// While faults are on, hellos are lost, late, doubled and overtake each other; nodes are cut off; processes die and come back as others; what nodes
/// hold true changes; and recordings, of the living and the dead, arrive at any time, as they were or changed. After that only the
/// recordings go on.
struct GreetingSimulation {
    enum Event {
        case wake(Int)
        case arrive(Datagram)
        case disturb
        case replay
    }

    struct Datagram {
        /// Of all that was ever said.
        var number: Int
        var to: Int
        var from: IPAddress
        var bytes: [UInt8]
        var isReplay = false
    }

    struct Recording {
        var datagram: Datagram
        var incarnation: Incarnation
        var at: Int64
        /// Whether it got there.
        var isDelivered = false
    }

    /// Milliseconds.
    static let calm: Int64 = 40_000
    /// Two intervals, as long as they can be, and some ways there and back.
    static let converged: Int64 = calm + 2 * 3300 + 500
    /// A minute more, a tenth longer: two that never heard each other greet no more often than that, where hellos go to each alone.
    static let end: Int64 = converged + 66_000

    var random: SplitMix64
    let isMulticast: Bool
    let bug: GreetingBug?
    var machines: [GreetingMachine] = []
    var queue: [(time: Int64, order: Int, event: Event)] = []
    var scheduled = 0
    var lives: UInt64 = 0
    var recordings: [Recording] = []
    var deaths: [Incarnation: Int64] = [:]

    var strangers: Set<Set<Incarnation>> = []

    var cutUntil: [Int64] = [0, 0, 0]
    var violation: String?
    var rules: Set<RuleID> = []
    var replays = 0

    init(seed: UInt64, bug: GreetingBug?) {
        random = SplitMix64(seed: seed)
        isMulticast = seed % 2 == 0
        self.bug = bug
        for index in 0..<3 { machines.append(makeMachine(index)) }
    }

    private mutating func makeMachine(_ index: Int) -> GreetingMachine {
        lives += 1
        guard let router = VirtualRouterID(51), let name = HolderName(["a", "b", "c"][index]) else {
            preconditionFailure("51 is a router, and a letter a name")
        }
        let others = (0..<3).filter { $0 != index }.map { host(UInt8($0 + 1)) }
        var facts = GreetingFacts(name: name)
        facts.priority = Priority(UInt8.random(in: 1...254, using: &random))
        let settings = GreetingSettings(
            router: router, family: .ipv4, incarnation: Incarnation(lives), address: host(UInt8(index + 1)),
            way: isMulticast ? .multicast(group: .v4(IPv4Address(224, 0, 0, 18))) : .unicast(others),
            seal: HelloSeal(key: Secret([1, 2, 3])))
        var machine = GreetingMachine(settings: settings, facts: facts, random: random.fork())
        machine.bug = bug
        return machine
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func schedule(_ event: Event, at time: Int64) {
        scheduled += 1
        queue.append((time, scheduled, event))
    }

    /// Runs to the end; what was broken, if anything.
    mutating func run() -> String? {
        for index in machines.indices { input(index, at: 0) { $0.start(at: $1, into: &$2) } }
        schedule(.disturb, at: 3000)
        schedule(.replay, at: 3000)
        var isChecked = false
        while violation == nil,
            let next = queue.indices.min(by: { (queue[$0].time, queue[$0].order) < (queue[$1].time, queue[$1].order) })
        {
            let (time, _, event) = queue.remove(at: next)
            if time > Self.converged, !isChecked {
                isChecked = true
                checkConverged(at: time, isFinal: false)
            }
            guard time <= Self.end else { break }
            switch event {
            case .wake(let index):
                guard let due = machines[index].nextDeadline, due <= at(time) else { continue }
                input(index, at: time) { $0.advance(to: $1, into: &$2) }
            case .arrive(let datagram): arrive(datagram, at: time)
            case .disturb: disturb(at: time)
            case .replay: replay(at: time)
            }
        }
        if violation == nil { checkConverged(at: Self.end, isFinal: true) }
        return violation
    }

    /// - Parameter isFinal: whether those, too, must know each other of whom neither had heard the other when faults ended.
    private mutating func checkConverged(at time: Int64, isFinal: Bool) {
        for machine in machines {
            for other in machines where other.settings.incarnation != machine.settings.incarnation {
                let pair: Set = [machine.settings.incarnation, other.settings.incarnation]
                guard isFinal || !strangers.contains(pair) else { continue }
                let peer = machine.peers.first { $0.incarnation == other.settings.incarnation }
                if peer?.facts != other.facts {
                    violation = "\(machine.facts.name) does not know the truth about \(other.facts.name) at \(time)"
                }
            }
            if isFinal, machine.peers.count != 2 {
                violation = "\(machine.facts.name) has \(machine.peers.count) peers at \(time)"
            }
        }
    }

    private mutating func input(
        _ index: Int, at time: Int64, _ body: (inout GreetingMachine, Instant, inout [GreetingEffect]) -> Void
    ) {
        var effects: [GreetingEffect] = []
        body(&machines[index], at(time), &effects)
        for effect in effects {
            switch effect {
            case .note(let note): rules.insert(note.rule)
            case .send(let bytes, let destination): carry(bytes, index, destination, at: time)
            }
        }
        guard let due = machines[index].nextDeadline else { return }
        schedule(.wake(index), at: max(time, (due.nanoseconds + 999_999) / 1_000_000))
    }

    private mutating func carry(_ bytes: [UInt8], _ index: Int, _ destination: IPAddress, at time: Int64) {
        if bytes.count > Hello.longest { violation = "a hello of \(bytes.count) bytes" }
        for other in machines.indices
        where other != index && reaches(destination, other) {
            let datagram = Datagram(number: recordings.count, to: other, from: host(UInt8(index + 1)), bytes: bytes)
            recordings.append(
                Recording(datagram: datagram, incarnation: machines[index].settings.incarnation, at: time))
            let isFaulty = time < Self.calm
            if isFaulty, chance(30) || time < max(cutUntil[index], cutUntil[other]) { continue }
            for _ in 0..<(isFaulty && chance(10) ? 2 : 1) {
                let delay = isFaulty && chance(20) ? Int64.random(in: 1...3000, using: &random) : 1
                schedule(.arrive(datagram), at: time + delay)
            }
        }
    }

    private mutating func arrive(_ datagram: Datagram, at time: Int64) {
        let index = datagram.to
        // Timers first, so that what changes then is the datagram's doing.
        input(index, at: time) { $0.advance(to: $1, into: &$2) }
        let before = machines[index].peers
        input(index, at: time) {
            $0.receive(datagram.bytes, from: datagram.from, hopLimit: 255, at: $1, into: &$2)
        }
        let after = machines[index].peers
        let recording = recordings[datagram.number]
        if recording.datagram.bytes != datagram.bytes {
            if before != after { violation = "a forged hello changes what \(machines[index].facts.name) holds true" }
        } else if recording.isDelivered, before != after {
            violation = "a hello that \(machines[index].facts.name) heard before changes something at \(time)"
        } else if let death = deaths[recording.incarnation], time - death > 20_000, before != after {
            violation = "a hello of the dead changes something at \(time)"
        }
        // A process that took the place of the one it was said to has not heard it.
        if recording.datagram.bytes == datagram.bytes { recordings[datagram.number].isDelivered = true }
    }

    private mutating func disturb(at time: Int64) {
        guard time < Self.calm else { return noteStrangers() }
        schedule(.disturb, at: min(Self.calm, time + Int64.random(in: 1...4000, using: &random)))
        let index = Int.random(in: 0..<3, using: &random)
        if chance(25) {
            deaths[machines[index].settings.incarnation] = time
            machines[index] = makeMachine(index)
            for number in recordings.indices where recordings[number].datagram.to == index {
                recordings[number].isDelivered = false
            }
            input(index, at: time) { $0.start(at: $1, into: &$2) }
        } else if chance(20) {
            cutUntil[index] = time + Int64.random(in: 1...20_000, using: &random)
        } else {
            var facts = machines[index].facts
            facts.priority = Priority(UInt8.random(in: 1...254, using: &random))
            facts.obstacle = chance(30) ? HelloText("link down") : nil
            facts.isDeparting = chance(20)
            facts.role = chance(50) ? .master : .backup
            facts.interval = Centiseconds(chance(80) ? 100 : 200)
            input(index, at: time) { $0.update(facts, at: $1, into: &$2) }
        }
    }

    /// Who, when faults end, has not heard of each other.
    private mutating func noteStrangers() {
        for (index, machine) in machines.enumerated() {
            for (other, its) in machines.enumerated() where other != index {
                let isSilent = machine.destinations.contains { reaches($0.address, other) && !$0.answers }
                let isUnheard = its.destinations.contains { reaches($0.address, index) && !$0.answers }
                if isSilent, isUnheard { strangers.insert([machine.settings.incarnation, its.settings.incarnation]) }
            }
        }
    }

    private func reaches(_ address: IPAddress, _ index: Int) -> Bool {
        address.isMulticast || address == host(UInt8(index + 1))
    }

    private mutating func replay(at time: Int64) {
        guard time < Self.converged + 5000 else { return }
        schedule(.replay, at: time + Int64.random(in: 1...200, using: &random))
        guard !recordings.isEmpty else { return }
        replays += 1
        var datagram = recordings[Int.random(in: 0..<recordings.count, using: &random)].datagram
        datagram.isReplay = true
        if chance(20) {
            let index = Int.random(in: 0..<datagram.bytes.count, using: &random)
            datagram.bytes[index] ^= UInt8.random(in: 1...255, using: &random)
        }
        arrive(datagram, at: time)
    }
}
