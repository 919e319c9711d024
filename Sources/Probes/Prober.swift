import Configuration
import Health
import LinuxWorld
import Primitives

/// Asks servers: any number of exchanges at a time, on one thread, over sockets of its own that never block.
///
/// Not on SwiftNIO's channels: a TCP check through one costs several times what its system calls do (docs/dependencies.md). Only TLS is NIOSSL's.
///
/// Time. keepalived's `connect_timeout` bounds each step, so that a server which sends one byte now and then is never given up. Here it bounds two
/// things: connecting; and all that follows, TLS handshake included, taken together. An exchange ends after twice that time, whatever the server does.
///
/// A worker watches `descriptor` in its own loop, and calls `run` when it is readable or `nextDeadline` has come; or lets `wait` do both.
public final class Prober {
    public typealias Completion = (Verdict) -> Void

    /// An exchange that was begun, for `cancel`.
    public struct Handle: Hashable, Sendable {
        fileprivate var slot: UInt32
        fileprivate var generation: UInt32
    }

    private struct Slot {
        var generation: UInt32 = 0
        var probe: RunningProbe?
        var completion: Completion?
        /// What is asked, and which of its exchanges comes when this one has passed.
        var check: HealthCheck.Probe?
        var next = 0
        /// Which exchange runs, where there are several.
        var name: String?
    }

    private struct Key: DeadlineKey {
        var index: Int
        var kind: Int { 0 }
        static var kinds: Int { 1 }
        static func < (a: Key, b: Key) -> Bool { a.index < b.index }
    }

    private struct Finished {
        var verdict: Verdict
        var completion: Completion
        var handle: Handle
    }

    private var poller: Poller
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var deadlines = DeadlineHeap<Key>()
    /// Over, but not told yet: a completion is never called from within `start`.
    private var finished: [Finished] = []
    /// With more to read than they could at once.
    private var readable: [Handle] = []
    private var resources: ProbeResources
    /// The `SSL` block of the configuration, for exchanges that begin from now on.
    public var material: TLSMaterial? { didSet { if material != oldValue { resources = ProbeResources(material) } } }

    static let eventsAtOnce = 256

    public init(tls material: TLSMaterial? = nil) throws(SystemError) {
        poller = try Poller(capacity: Prober.eventsAtOnce)
        resources = ProbeResources(material)
        self.material = material
    }

    /// Exchanges that have no verdict yet.
    public var count: Int { slots.count - free.count }

    /// Has `token` come when `run` has something to do: epoll(7) descriptors can be watched by another.
    public func watch(by outer: borrowing Poller, token: UInt64) throws(SystemError) {
        try outer.add(poller.epoll, token: token)
    }

    /// Whether `outer` reports it: not while so many probes run that whoever drives them looks at regular times anyway.
    public func setWatched(_ isWatched: Bool, by outer: borrowing Poller, token: UInt64) throws(SystemError) {
        try outer.modify(poller.epoll, token: token, interest: isWatched ? .read : [])
    }

    /// When `run` has something to do even if nothing is readable.
    public var nextDeadline: Deadline {
        finished.isEmpty && readable.isEmpty ? deadlines.earliest ?? .distantFuture : .zero
    }

    // MARK: - Beginning and giving up

    /// Begins what a probe consists of (`HealthCheck.Probe.exchangeCount`), one exchange behind the other until one fails; nil when it
    /// asks nothing over the network. `completion` is called once, from `run`; not at all when it is cancelled.
    @discardableResult
    public func start(
        _ probe: HealthCheck.Probe, at now: Instant, completion: @escaping Completion
    ) -> Handle? {
        guard let first = probe.exchange(random: Self.random) else { return nil }
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        slots[index].completion = completion
        slots[index].check = probe
        slots[index].next = 1
        let handle = Handle(slot: UInt32(index), generation: slots[index].generation)
        start(first, handle, at: now)
        return handle
    }

    private func start(_ exchange: Exchange, _ handle: Handle, at now: Instant) {
        let index = Int(handle.slot)
        slots[index].name = exchange.name
        do throws(SystemError) {
            let probe = try RunningProbe(exchange, resources)
            try probe.watch(poller, token: token(handle))
            slots[index].probe = probe
            deadlines.set(Key(index: index), now + probe.timeout)
        } catch {
            finish(handle, ProbeFailure.verdict(error))
        }
    }

    private static func random() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        for _ in 0..<4 { bytes.append(bigEndian: generator.next()) }
        return bytes
    }

    /// Closes the connection, and forgets the completion.
    public func cancel(_ handle: Handle) {
        finished.removeAll { $0.handle == handle }
        _ = release(handle)
    }

    // MARK: - The loop

    /// Waits until something is ready or `deadline` has come, and handles all of it. Returns whether a completion was called.
    @discardableResult
    public func wait(until deadline: Deadline) throws(SystemError) -> Bool {
        let count = try poller.wait(until: min(deadline, nextDeadline))
        return handle(count, at: BootClock.now())
    }

    /// Handles what is ready now, without waiting.
    @discardableResult
    public func run(at now: Instant) throws(SystemError) -> Bool {
        var hasTold = false
        // Where so many are ready that one look does not show them all, there is another; not without end.
        for _ in 0..<64 {
            let count = try poller.wait(until: .zero)
            if handle(count, at: now) { hasTold = true }
            if count < Prober.eventsAtOnce { break }
        }
        return hasTold
    }

    private func handle(_ count: Int, at now: Instant) -> Bool {
        let waiting = readable
        readable.removeAll(keepingCapacity: true)
        for index in 0..<count {
            let event = poller.event(index)
            let handle = Handle(slot: UInt32(event.token & 0xFFFF_FFFF), generation: UInt32(event.token >> 32))
            if let probe = probe(handle) { take(probe.ready(event), of: handle, at: now) }
        }
        for handle in waiting { if let probe = probe(handle) { take(probe.proceed(), of: handle, at: now) } }
        expire(at: now)
        let told = finished
        finished.removeAll()
        for item in told { item.completion(item.verdict) }
        return !told.isEmpty
    }

    private func take(_ progress: RunningProbe.Progress, of handle: Handle, at now: Instant) {
        switch progress {
        case .waiting: break
        case .connected:
            if let probe = probe(handle) { deadlines.set(Key(index: Int(handle.slot)), now + probe.timeout) }
        case .readable: readable.append(handle)
        case .over(let verdict): end(handle, verdict, at: now)
        }
    }

    /// An exchange is over: the check goes on with the next, or is over as well.
    private func end(_ handle: Handle, _ verdict: Verdict, at now: Instant) {
        let index = Int(handle.slot)
        guard verdict == .success,
            let next = slots[index].check?.exchange(slots[index].next, random: Self.random)
        else { return finish(handle, verdict) }
        slots[index].next += 1
        slots[index].probe?.close()
        slots[index].probe = nil
        start(next, handle, at: now)
    }

    private func expire(at now: Instant) {
        while let key = deadlines.popDue(at: now) {
            guard let probe = slots[key.index].probe else { continue }
            end(Handle(slot: UInt32(key.index), generation: slots[key.index].generation), probe.expire(), at: now)
        }
    }

    // MARK: - Slots

    private func token(_ handle: Handle) -> UInt64 { UInt64(handle.generation) << 32 | UInt64(handle.slot) }

    private func probe(_ handle: Handle) -> RunningProbe? {
        guard handle.slot < slots.count, slots[Int(handle.slot)].generation == handle.generation else { return nil }
        return slots[Int(handle.slot)].probe
    }

    private func finish(_ handle: Handle, _ verdict: Verdict) {
        let name = slots[Int(handle.slot)].name
        guard let completion = release(handle) else { return }
        var verdict = verdict
        if let name, case .failure(let reason) = verdict { verdict = .failure("\(name): \(reason)") }
        finished.append(Finished(verdict: verdict, completion: completion, handle: handle))
    }

    private func release(_ handle: Handle) -> Completion? {
        let index = Int(handle.slot)
        guard index < slots.count, slots[index].generation == handle.generation,
            let completion = slots[index].completion
        else { return nil }
        slots[index].probe?.close()
        slots[index].probe = nil
        slots[index].completion = nil
        slots[index].check = nil
        deadlines.set(Key(index: index), nil)
        // 2^31 exchanges in one slot later a handle would be taken for another; the top bit is never set, so no token is the poller's.
        slots[index].generation = (slots[index].generation &+ 1) & 0x7FFF_FFFF
        free.append(index)
        return completion
    }
}
