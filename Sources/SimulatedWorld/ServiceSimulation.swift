import Balancing
import Configuration
import Health
import Primitives

/// One balancer among servers that come and go, clients whose connections last, an operator, reloads, a kernel that others
/// change, and deaths of the worker. One seed decides everything.
///
/// Only the kernel's table, the hooks and the connections are judged (``ServiceJudge``); the balancer is never asked what it thinks.
public final class ServiceSimulation {
    enum Event {
        /// The balancer has something due.
        case timer
        /// A probe ends; `run` of one worker's life.
        case answer(CheckID, life: Int, server: IPAddress)
        /// A connection ends.
        case close(ServiceKey, DestinationKey, life: Int)
        case open
        /// A server falls ill or recovers.
        case health(IPAddress, isWell: Bool, weight: Int?)
        case fault
        /// The worker looks at the table, as it does every 100 ms while something changed it.
        case look
        case restart
        case tick
    }

    let seed: UInt64
    let bug: PlantedBug
    var random: SplitMix64
    var time: Int64 = 0
    let end: Int64
    private var queue: [(time: Int64, order: UInt64, event: Event)] = []
    private var order: UInt64 = 0
    private var nextTimer: Int64?
    var plan: ServicePlan
    var balancer: Balancer
    var life = 0
    /// The worker runs.
    var isAlive = true
    var isRepairPending = false
    var drained: [DrainOrder] = []
    var kernel = ForwardingTable()
    /// Which servers are well.
    var sick: Set<IPAddress> = []
    var weights: [IPAddress: Int] = [:]
    /// Open connections, and in which life of its destination they were opened.
    var open: [ServiceKey: [DestinationKey: Int]] = [:]
    var generations: [ServiceKey: [DestinationKey: Int]] = [:]
    var judge: ServiceJudge
    public private(set) var failure: Failure?
    public private(set) var eventCount = 0
    public private(set) var traceHash: UInt64 = 0xCBF2_9CE4_8422_2325

    private let tellsStory: Bool
    private var story: [String] = []

    public init(seed: UInt64, duration: Int, bug: PlantedBug = PlantedBug(), tellsStory: Bool = false) {
        self.tellsStory = tellsStory
        self.seed = seed
        self.bug = bug
        random = SplitMix64(seed: seed ^ 0x5E12_71CE)
        end = Int64(duration) * second
        plan = ServicePlan(drawing: &random)
        balancer = Balancer(plan.model, seed: random.next(), bug: bug)
        judge = ServiceJudge(plan)
    }

    var instant: Instant { Instant(nanoseconds: time + second) }

    public func run() -> Failure? {
        give(.start(kernel: kernel, adopting: false, drained: []))
        push(.tick, after: second)
        push(.fault, after: random.within(second...20 * second))
        push(.open, after: millisecond)
        while failure == nil, let next = pop(), next.time <= end {
            time = next.time
            eventCount += 1
            mix(UInt64(bitPattern: time))
            handle(next.event)
        }
        return failure
    }

    // MARK: - The queue

    func push(_ event: Event, after delay: Int64) {
        order += 1
        queue.append((time + delay, order, event))
        var child = queue.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(child, parent) else { break }
            queue.swapAt(child, parent)
            child = parent
        }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        queue[a].time != queue[b].time ? queue[a].time < queue[b].time : queue[a].order < queue[b].order
    }

    private func pop() -> (time: Int64, order: UInt64, event: Event)? {
        guard let first = queue.first else { return nil }
        queue.swapAt(0, queue.count - 1)
        queue.removeLast()
        var parent = 0
        while 2 * parent + 1 < queue.count {
            var child = 2 * parent + 1
            if child + 1 < queue.count, precedes(child + 1, child) { child += 1 }
            guard precedes(child, parent) else { break }
            queue.swapAt(parent, child)
            parent = child
        }
        return first
    }

    private func mix(_ value: UInt64) { traceHash = (traceHash ^ value) &* 0x100_0000_01B3 }

    // MARK: - Events

    private func handle(_ event: Event) {
        switch event {
        case .timer:
            if nextTimer == time { nextTimer = nil }
            if isAlive { give(.timer) }
        case .answer(let id, let life, let server):
            guard isAlive, life == self.life else { return }
            let verdict: Verdict =
                sick.contains(server) ? .failure("refused") : weights[server].map { .weight($0) } ?? .success
            judge.heard(verdict, from: server, of: balancer.serviceName(of: id))
            give(.checkFinished(id, verdict))
        case .close(let service, let destination, let life):
            guard generations[service]?[destination] == life else { return }
            open[service]?[destination, default: 1] -= 1
        case .open: openConnections()
        case .health(let server, let isWell, let weight):
            if isWell { sick.remove(server) } else { sick.insert(server) }
            weights[server] = weight
            judge.changed(server, isWell: isWell, at: time)
        case .fault: injectFault()
        case .look:
            isRepairPending = false
            if isAlive { give(.tableRead(kernel)) }
        case .restart: restart()
        case .tick:
            push(.tick, after: second)
            check(judge.tick(self))
        }
    }

    /// An input, and what the balancer wants for it.
    func give(_ input: BalancerInput) {
        if tellsStory { tell(input) }
        var effects: [BalancerEffect] = []
        balancer.handle(input, at: instant, into: &effects)
        if effects.count > 64 + 8 * plan.serverCount { fail("BOUND-1", "few effects of one input", "\(effects.count)") }
        var counts = false
        for effect in effects {
            switch effect {
            case .check(let id, .tcp(let connection)):
                push(
                    .answer(id, life: life, server: connection.address),
                    after: random.within(millisecond...400 * millisecond))
            case .change(let changes): apply(changes)
            case .hook(let key, let state, _): check(judge.hook(key, state))
            case .countConnections: counts = true
            case .report(let report): if tellsStory { tell("    " + report.text) }
            default: break
            }
            mix(UInt64(effects.count))
        }
        if counts { give(.connections(openCounts())) }
        schedule()
        check(judge.settled(self))
    }

    private func openCounts() -> [ServiceKey: [DestinationKey: UInt64]] {
        open.mapValues { $0.mapValues { UInt64(max($0, 0)) } }
    }

    private func schedule() {
        guard let due = balancer.nextDeadline else { return }
        let next = max(due.nanoseconds - second, time)
        // One that is on its way comes first; what it finds undone is scheduled then.
        guard nextTimer.map({ next < $0 }) ?? true else { return }
        nextTimer = next
        push(.timer, after: next - time)
    }

    /// The kernel does as it is told. Connections of a destination that goes are cut.
    private func apply(_ changes: [TableChange]) {
        let before = kernel
        kernel.apply(changes)
        for service in before.services {
            for destination in service.destinations where kernel[service.key]?[destination.key] == nil {
                check(
                    judge.removed(
                        destination.key, of: service.key, open: open[service.key]?[destination.key] ?? 0, self))
                open[service.key]?[destination.key] = nil
                generations[service.key]?[destination.key, default: 0] += 1
            }
        }
    }

    /// Clients come to whoever has weight.
    private func openConnections() {
        push(.open, after: random.within(50 * millisecond...2 * second))
        guard let service = kernel.services.isEmpty ? nil : random.pick(kernel.services) else { return }
        let serving = service.destinations.filter { $0.weight > 0 }
        guard !serving.isEmpty else { return }
        let destination = random.pick(serving).key
        let generation = generations[service.key]?[destination] ?? 0
        generations[service.key, default: [:]][destination] = generation
        open[service.key, default: [:]][destination, default: 0] += 1
        push(.close(service.key, destination, life: generation), after: random.within(100 * millisecond...60 * second))
    }

    // MARK: - Faults

    private func injectFault() {
        push(.fault, after: random.within(second...40 * second))
        switch random.below(12) {
        case 0...4: fallIll()
        case 5: glitch()
        case 6: reload()
        case 7: drain()
        case 8: undrain()
        case 9: vandalise()
        case 10: die()
        default: weigh()
        }
    }

    private func fallIll() {
        let server = random.pick(plan.addresses)
        push(.health(server, isWell: false, weight: weights[server]), after: 0)
        push(.health(server, isWell: true, weight: weights[server]), after: random.within(second...120 * second))
    }

    /// Shorter than any patience, so that at most one check meets it.
    private func glitch() {
        let server = random.pick(plan.addresses)
        guard !sick.contains(server) else { return }
        push(.health(server, isWell: false, weight: weights[server]), after: 0)
        push(
            .health(server, isWell: true, weight: weights[server]),
            after: random.within(millisecond...300 * millisecond))
    }

    private func weigh() {
        let server = random.pick(plan.addresses)
        guard !sick.contains(server) else { return }
        push(.health(server, isWell: true, weight: random.chance(300) ? nil : random.within(1...9)), after: 0)
    }

    private func reload() {
        guard isAlive else { return }
        let before = kernel
        let changed = plan.change(drawing: &random)
        judge.reloaded(plan, at: time)
        let wasPending = isRepairPending
        give(.reload(plan.model))
        if !wasPending { check(judge.reload(from: before, to: kernel, changed: changed, self)) }
    }

    private func drain() {
        guard isAlive else { return }
        let server = random.pick(plan.addresses)
        let timeout: Int64? = random.flip() ? random.within(5...90) : nil
        let order = DrainOrder(ServerSelector(server), timeout: timeout.map { .seconds($0) })
        judge.drained(server, limit: timeout ?? plan.drainSeconds, at: time)
        give(.drain(order))
        drained = balancer.drainOrders
    }

    private func undrain() {
        guard isAlive, let server = judge.anyDrained(&random) else { return }
        judge.undrained(server, at: time)
        give(.undrain(ServerSelector(server)))
        drained = balancer.drainOrders
    }

    /// Someone else is at the kernel's table.
    private func vandalise() {
        guard !kernel.services.isEmpty else { return }
        if random.flip() {
            kernel = ForwardingTable()
        } else {
            let service = random.pick(kernel.services)
            kernel[service.key] = nil
        }
        for service in open.keys where kernel[service] == nil {
            for destination in Array(open[service, default: [:]].keys) {
                generations[service]?[destination, default: 0] += 1
            }
            open[service] = nil
        }
        isRepairPending = true
        judge.vandalised(at: time)
        push(.look, after: random.within(0...100 * millisecond))
    }

    /// The worker dies between two inputs; its successor has the kernel and what was to be remembered.
    private func die() {
        guard isAlive else { return }
        isAlive = false
        push(.restart, after: random.within(5 * millisecond...3 * second))
    }

    private func restart() {
        life += 1
        isAlive = true
        isRepairPending = false
        balancer = Balancer(plan.model, seed: random.next(), bug: bug)
        judge.restarted(at: time)
        give(.start(kernel: kernel, adopting: true, drained: drained))
    }

    // MARK: - Verdict

    func check(_ broken: ServiceJudge.Broken?) {
        guard let broken, failure == nil else { return }
        fail(broken.invariant, broken.expected, broken.seen)
    }

    func fail(_ invariant: String, _ expected: String, _ seen: String) {
        guard failure == nil else { return }
        failure = Failure(
            seed: seed, time: time, invariant: invariant, expected: expected, seen: seen, story: story)
    }

    // MARK: - The story

    private func tell(_ text: String) {
        if story.count > 4096 { story.removeFirst(2048) }
        story.append("\(seconds(time))  services: \(text)")
    }

    private func tell(_ input: BalancerInput) {
        switch input {
        case .timer, .connections: break
        case .checkFinished(let id, let verdict):
            if case .failure = verdict { tell("a check of \(balancer.serviceName(of: id)) failed") }
        case .start(_, let adopting, _): tell(adopting ? "a successor starts" : "start")
        case .reload: tell("reload")
        case .tableRead: tell("the table is read: somebody was at it")
        case .drain(let order): tell("drain \(order.servers.address)")
        case .undrain(let servers): tell("undrain \(servers.address)")
        default: tell("\(input)")
        }
    }
}
