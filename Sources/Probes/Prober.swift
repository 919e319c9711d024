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
        var deadline = Deadline.distantFuture
        /// The earliest entry of the heap that is for this slot: it may be for an exchange before this one, and is put right when it comes.
        var scheduled: Deadline?
    }

    private struct Finished {
        var verdict: Verdict
        var completion: Completion
        var slot: Handle?
    }

    private var poller: Poller
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var heap = DeadlineHeap()
    /// Over, but not told yet: a completion is never called from within `start`.
    private var finished: [Finished] = []
    /// With more to read than they could at once.
    private var readable: [Handle] = []
    private let resources: ProbeResources

    /// `material`: the `SSL` block of the configuration. A reload makes a new prober.
    public init(tls material: TLSMaterial? = nil) throws(SystemError) {
        poller = try Poller(capacity: 256)
        resources = ProbeResources(material)
    }

    /// Exchanges that have no verdict yet.
    public var count: Int { slots.count - free.count }

    /// Readable when `run` has something to do; epoll(7) descriptors can be watched by another.
    public var descriptor: Int32 { poller.descriptorNumber }

    /// When `run` has something to do even if nothing is readable.
    public var nextDeadline: Deadline {
        finished.isEmpty && readable.isEmpty ? heap.first?.deadline ?? .distantFuture : .zero
    }

    // MARK: - Beginning and giving up

    /// Begins an exchange. `completion` is called once, from `run`; not at all when it is cancelled.
    @discardableResult
    public func start(_ exchange: Exchange, at now: Instant, completion: @escaping Completion) -> Handle {
        let index = free.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        let handle = Handle(slot: UInt32(index), generation: slots[index].generation)
        slots[index].completion = completion
        do throws(SystemError) {
            let probe = try RunningProbe(exchange, resources)
            try probe.watch(poller, token: token(handle))
            slots[index].probe = probe
            setDeadline(index, now + probe.timeout)
        } catch {
            finish(handle, .failure(ProbeFailure.text(error)))
        }
        return handle
    }

    /// Begins one exchange of a probe (`HealthCheck.Probe.exchangeCount`); nil when there is none such.
    @discardableResult
    public func start(
        _ probe: HealthCheck.Probe, exchange index: Int = 0, at now: Instant, completion: @escaping Completion
    ) -> Handle? {
        probe.exchange(index, random: Self.random).map { start($0, at: now, completion: completion) }
    }

    private static func random() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        for _ in 0..<4 { bytes.append(bigEndian: generator.next()) }
        return bytes
    }

    /// Closes the connection, and forgets the completion.
    public func cancel(_ handle: Handle) {
        finished.removeAll { $0.slot == handle }
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
        handle(try poller.wait(until: .zero), at: now)
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
            if let probe = probe(handle) { setDeadline(Int(handle.slot), now + probe.timeout) }
        case .readable: readable.append(handle)
        case .over(let verdict): finish(handle, verdict)
        }
    }

    private func expire(at now: Instant) {
        while let entry = heap.first, entry.deadline <= now {
            heap.removeFirst()
            let slot = slots[entry.slot]
            guard slot.scheduled == entry.deadline else { continue }
            slots[entry.slot].scheduled = nil
            guard let probe = slot.probe else { continue }
            if slot.deadline <= now {
                finish(Handle(slot: UInt32(entry.slot), generation: slot.generation), probe.expire())
            } else {
                setDeadline(entry.slot, slot.deadline)
            }
        }
    }

    // MARK: - Slots

    private func token(_ handle: Handle) -> UInt64 { UInt64(handle.generation) << 32 | UInt64(handle.slot) }

    private func probe(_ handle: Handle) -> RunningProbe? {
        guard handle.slot < slots.count, slots[Int(handle.slot)].generation == handle.generation else { return nil }
        return slots[Int(handle.slot)].probe
    }

    private func setDeadline(_ index: Int, _ deadline: Deadline) {
        slots[index].deadline = deadline
        if let scheduled = slots[index].scheduled, scheduled <= deadline { return }
        slots[index].scheduled = deadline
        heap.insert(DeadlineHeap.Entry(deadline: deadline, slot: index))
    }

    private func finish(_ handle: Handle, _ verdict: Verdict) {
        guard let completion = release(handle) else { return }
        finished.append(Finished(verdict: verdict, completion: completion, slot: handle))
    }

    private func release(_ handle: Handle) -> Completion? {
        let index = Int(handle.slot)
        guard index < slots.count, slots[index].generation == handle.generation,
            let completion = slots[index].completion
        else { return nil }
        slots[index].probe?.close()
        slots[index].probe = nil
        slots[index].completion = nil
        // 2^31 exchanges in one slot later a handle would be taken for another; the top bit is never set, so no token is the poller's.
        slots[index].generation = (slots[index].generation &+ 1) & 0x7FFF_FFFF
        free.append(index)
        return completion
    }
}
