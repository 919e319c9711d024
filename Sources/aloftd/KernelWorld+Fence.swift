import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import Workers

extension KernelWorld {
    /// Does what has waited for the fence.
    mutating func performWaiting(_ engine: borrowing Engine, at now: Instant) {
        guard !fenceWaits.isEmpty else { return }
        for one in fenceWaits.take(engine, at: now) {
            guard let entry = engine.address(one.address), entry.isWanted else { continue }
            if one.kind == .install, now >= one.limit {
                log(
                    .warning,
                    "\(entry.key.prefix) is installed without knowing that it is guarded: the supervisor did not say so within "
                        + "\(FenceWaits.guardLimit.formattedSeconds()) s")
            }
            perform(one.kind, one.address, engine, at: now)
        }
        flushAll()
    }

    /// What the fence process has opened.
    mutating func readFenceLine() {
        guard let line = fenceWaits.line else { return }
        for message in line.receive() { fenceWaits.learn(MessageLine.opened(message)) }
        if line.isClosed { fenceWaits.line = nil }
    }

    /// Tells the fence process that deadlines have changed; nothing where the kernel reads them.
    mutating func poke(_ standing: FenceStanding) {
        guard fenceWaits.isPokeDue else { return }
        fenceWaits.isPokeDue = false
        if case .kernel = standing { return }
        fenceWaits.line?.poke()
    }
}
