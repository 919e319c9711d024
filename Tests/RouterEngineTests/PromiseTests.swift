import Arbitration
import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

/// Two nodes of one virtual router, `left` (10.0.0.1) and `right` (10.0.0.2), that greet each other and have one arbiter, each with its own
/// way to it. The way of adverts and greetings takes a millisecond.
struct PromisePair {
    var nodes: [LeaseBench] = []
    /// What lies at the arbiter.
    var record: LeaseRecord?
    /// Whom the arbiter answers, and who hears the other's greetings and adverts.
    var isAnswered = [true, true]
    var isHeard = true
    var now = Instant.zero + .seconds(100)
    private var wire: [(due: Instant, to: Int, input: Input)] = []
    /// Of each node, since the last look.
    var notes: [[Note]] = [[], []]

    static let addresses = [IPAddress("10.0.0.1")!, IPAddress("10.0.0.2")!]

    init(_ policy: ArbiterDefinition.DownPolicy = .peers, hello: Bool = true) throws {
        for (index, name) in ["left", "right"].enumerated() {
            var instance = LeaseBench.instance()
            instance.basePriority = index == 0 ? 150 : 100
            instance.hello = hello
            instance.unicastPeers = [UnicastPeer(address: Self.addresses[1 - index])]
            var model = LeaseBench.model([instance])
            model.arbiters[0].whenDown = policy
            var node = LeaseBench(model)
            node.bench.engine = Engine(
                model,
                as: NodeIdentity(
                    incarnation: Incarnation(UInt64(70 + index)), hostName: name, firstRequest: 1000, greets: true))
            nodes.append(node)
        }
        for index in nodes.indices {
            let host = KernelAddress(
                interface: Bench.e0, prefix: IPPrefix(index == 0 ? "10.0.0.1/24" : "10.0.0.2/24")!)
            act(index, .kernelDump(Bench.links, [host]))
            act(index, .start(adopting: [], scripts: [], leases: []))
            act(index, .fence(.kernel))
        }
    }

    private mutating func act(_ index: Int, _ input: Input) {
        nodes[index].bench.now = now
        nodes[index].bench.handle(input)
        for effect in nodes[index].bench.effects {
            switch effect {
            case .greet(_, let destination, let bytes):
                guard isHeard, destination == Self.addresses[1 - index] else { continue }
                let hello = HelloDatagram(
                    bytes: bytes, source: Self.addresses[index], interface: Bench.e0, hopLimit: 64)
                wire.append((now + .milliseconds(1), 1 - index, .hello(hello)))
            case .ask(let arbiter, let question): answer(question, of: index, at: arbiter)
            case .note(let note): notes[index].append(note)
            default: break
            }
        }
    }

    private mutating func answer(_ question: LeaseQuestion, of index: Int, at arbiter: String) {
        guard isAnswered[index] else { return }
        let answer: LeaseAnswer
        switch question.kind {
        case .read: answer = .found(record)
        case .write(let next, let replacing) where replacing == record:
            record = next
            answer = .granted
        case .write: answer = .refused(standing: record)
        }
        let report = LeaseReport(lease: question.lease, kind: .answer(request: question.request, answer))
        wire.append((now + .milliseconds(10), index, .leases(arbiter: arbiter, [report])))
    }

    /// Lets time pass. Two nodes never hold at once.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        while true {
            let deadlines = nodes.map { $0.bench.engine.nextDeadline ?? .distantFuture }
            let arrival = wire.map(\.due).min() ?? .distantFuture
            let next = min(arrival, deadlines.min() ?? .distantFuture)
            guard next <= end else { break }
            now = max(now, next)
            if arrival <= now, let place = wire.firstIndex(where: { $0.due == arrival }) {
                let one = wire.remove(at: place)
                act(one.to, one.input)
            } else if let index = deadlines.firstIndex(where: { $0 <= now }) {
                act(index, .timer)
            }
            let holders = nodes.indices.filter { index in nodes[index].until().map { now < $0 } ?? false }
            #expect(holders.count < 2, "two holders at \(now)")
        }
        now = end
    }

    func role(_ index: Int) -> Role? { nodes[index].role() }
    func lease(_ index: Int) throws -> LeaseStatus { try #require(nodes[index].bench.engine.lease(LeaseID(0))) }
}

@Suite struct PromiseTests {
    @Test("Each node that greets is made a member by the holder's renewals") func members() throws {
        var pair = try PromisePair()
        pair.pass(.seconds(8))
        #expect(pair.role(0) == .master)
        #expect(try pair.lease(0).members.sorted() == ["left", "right"])
        #expect(try !pair.lease(1).isExcluded)
    }

    @Test(
        "peers: cut off from the arbiter, the holder goes on by the other's promise; the other, which reaches it, does not take"
    )
    func goesOn() throws {
        var pair = try PromisePair()
        pair.pass(.seconds(8))
        pair.isAnswered[0] = false
        pair.notes = [[], []]
        pair.pass(.seconds(20))
        #expect(pair.role(0) == .master)
        let lease = try pair.lease(0)
        #expect(lease.keeping?.rule == .leaseKeptByPromise)
        #expect(try #require(Narration.keeping(lease)).contains("kept by promise of right"))
        #expect(try pair.lease(1).promisedUntil != nil)
        #expect(pair.notes[0].contains { if case .leaseKept = $0 { true } else { false } })
        // Promises come four times a second; they are told once.
        #expect(pair.notes.allSatisfy { $0.count < 12 }, "\(pair.notes.map(\.count))")
        pair.isAnswered[0] = true
        pair.notes = [[], []]
        pair.pass(.seconds(3))
        #expect(pair.role(0) == .master)
        #expect(try pair.lease(0).keeping == nil)
        #expect(pair.notes[0].contains { $0.rule == .leaseKeptNoMore })
    }

    @Test("peers: the arbiter is down for both, and nothing is noticed by those served") func downForBoth() throws {
        var pair = try PromisePair()
        pair.pass(.seconds(8))
        pair.isAnswered = [false, false]
        pair.pass(.seconds(30))
        #expect(pair.role(0) == .master)
        pair.isAnswered = [true, true]
        pair.pass(.seconds(5))
        #expect(pair.role(0) == .master)
    }

    @Test("peers: cut off from the arbiter and from the other, it lets go, and the other takes over") func cutOff()
        throws
    {
        var pair = try PromisePair()
        pair.pass(.seconds(8))
        pair.isAnswered[0] = false
        pair.pass(.seconds(5))
        #expect(pair.role(0) == .master)
        pair.isHeard = false
        pair.pass(.seconds(12))
        #expect(pair.role(0) != .master)
        #expect(pair.role(1) == .master)
        pair.isHeard = true
        pair.isAnswered[0] = true
        pair.pass(.seconds(20))
        #expect([pair.role(0), pair.role(1)].count { $0 == .master } == 1)
    }

    @Test("peers where nobody greets is drop", arguments: [true, false]) func withoutGreetings(_ hello: Bool) throws {
        var pair = try PromisePair(hello ? .drop : .peers, hello: hello)
        pair.pass(.seconds(8))
        #expect(pair.role(0) == .master)
        pair.isAnswered[0] = false
        pair.pass(.milliseconds(1200))
        #expect(pair.role(0) != .master)
    }

    @Test("keep: it goes on alone, and says that SAFE-2 does not stand") func keep() throws {
        var pair = try PromisePair(.keep)
        pair.pass(.seconds(8))
        pair.isAnswered = [false, false]
        pair.isHeard = false
        pair.notes = [[], []]
        pair.pass(.seconds(10))
        #expect(pair.role(0) == .master)
        #expect(try #require(Narration.keeping(try pair.lease(0))).contains("SAFE-2 does not stand"))
        #expect(pair.notes[0].contains { $0.rule == .leaseKeptAnyway })
    }
}
