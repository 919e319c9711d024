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
            let lines =
                word.report == .lost
                ? fenceLosses.lost("the lease fence is lost: \(word.text)", at: now) : fenceLosses.stands(at: now)
            write(lines, at: now)
            tell(word)
        }
        write(fenceLosses.advance(to: now), at: now)
    }

    private func write(_ lines: [FenceLossLog.Line], at now: Instant) {
        for line in lines { log.write(line.level, SupervisionRule.fenceLost, line.text, at: now) }
    }

    func removeFenceTable(at now: Instant) {
        do throws(SystemError) { try fence.removeTable() } catch {
            log.write(
                .error, SupervisionRule.fenceLost,
                "the table of the fence process that has ended cannot be taken off: \(error); it closes each address at the end of its lease",
                at: now)
        }
    }

    private func tell(_ word: SupervisorFence.Word) {
        worker?.outgoing.append(SupervisorMessage.fence(word.report, word.text).frame)
    }
}
