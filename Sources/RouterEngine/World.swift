import Primitives
import VRRP

/// The one seam between cores and world: effects go out through it, inputs come back as `Node.handle` and
/// `Node.receive`. `LinuxWorld` and `SimulatedWorld` implement it; nothing else knows in which of the two
/// it lives.
public protocol World: ~Copyable {
    /// Carries out effects in their order. What the kernel refuses comes back as an input.
    mutating func perform(_ effects: [Effect], for engine: inout Engine, at now: Instant)
}

/// A node: an engine, the world it lives in, and the log of what came in. The driver of either world calls
/// `handle` and `receive`; each writes the input down before the engine sees it.
public struct Node<Outside: World & ~Copyable>: ~Copyable {
    public var engine: Engine
    public var world: Outside
    public private(set) var log: InputLog
    /// Reused, so that an input that causes little allocates nothing.
    private var effects: [Effect] = []

    public init(_ engine: Engine, in world: consuming Outside, logging capacity: Int = 256) {
        self.engine = engine
        self.world = world
        log = InputLog(capacity: capacity)
        effects.reserveCapacity(64)
    }

    public var nextDeadline: Deadline? { engine.nextDeadline }

    public mutating func handle(_ input: Input, at now: Instant) {
        let entry = log.append(input, at: now)
        effects.removeAll(keepingCapacity: true)
        engine.handle(input, at: now, into: &effects)
        finish(entry, at: now)
    }

    /// A packet of protocol 112, without its IP header.
    public mutating func receive(_ packet: RawSpan, from origin: PacketOrigin, at now: Instant) {
        let entry = log.append(packet, from: origin, at: now)
        effects.removeAll(keepingCapacity: true)
        engine.receive(packet, from: origin, at: now, into: &effects)
        finish(entry, at: now)
    }

    private mutating func finish(_ entry: Int, at now: Instant) {
        log.note(effects: effects.count, of: entry)
        guard !effects.isEmpty else { return }
        world.perform(effects, for: &engine, at: now)
    }
}
