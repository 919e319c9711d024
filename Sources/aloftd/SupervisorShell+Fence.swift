import LinuxWorld
import Primitives
import Supervision

/// What the worker hears of the fence, and people.
extension SupervisorShell {
    func guardAddresses(_ guards: GuardedAddresses, at now: Instant) {
        let word = fence.guardAddresses(guards, at: now)
        if word.report != .kernel, !guards.entries.isEmpty {
            log.write(
                .warning, SupervisionRule.fenceWeak,
                "\(word.text); a node that hangs is not stopped from serving, but by the lifetimes of its addresses",
                at: now)
        }
        tell(word)
    }

    func lookAtFence(at now: Instant) {
        for word in fence.look(at: now) {
            if word.report == .lost {
                log.write(.error, SupervisionRule.fenceLost, "somebody removed the lease fence: \(word.text)", at: now)
            } else {
                log.write(.notice, SupervisionRule.fenceLost, "the lease fence stands again", at: now)
            }
            tell(word)
        }
    }

    private func tell(_ word: SupervisorFence.Word) {
        worker?.outgoing.append(SupervisorMessage.fence(word.report, word.text).frame)
    }
}
