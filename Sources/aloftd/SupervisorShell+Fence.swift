import LinuxWorld
import Primitives
import Supervision

/// What the worker hears of the fence, and people.
extension SupervisorShell {
    func guardAddresses(_ guards: GuardedAddresses, at now: Instant) {
        if let refusal = fence.guardAddresses(guards, at: now) {
            return machine.guardByProcess(guards, because: refusal, at: now, into: &effects)
        }
        tell(SupervisorFence.Word(report: .kernel, text: ""))
        worker?.outgoing.append(SupervisorMessage.guarded(guards.number).frame)
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
