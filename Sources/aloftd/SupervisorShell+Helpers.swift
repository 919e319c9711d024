import LinuxWorld
import Primitives
import Supervision

/// Helpers: another program, which lies beside this one.
extension SupervisorShell {
    func start(_ helper: Helper, _ mode: WorkerOptions.Mode, at now: Instant) {
        if helper == .arbiter { MessageLineEnds.discard(arbiterLine.helper) }
        do {
            let process = try WorkerProcess(
                helper, WorkerOptions(mode: mode, options), environment: Self.ownEnvironment(),
                state: memory.descriptor, arbiter: arbiterLine.helper)
            try process.watch(poller, end: Token.helperEnd(helper), messages: Token.helperSocket(helper))
            helpers[helper] = process
            machine.started(helper, pid: process.pid)
        } catch {
            machine.failedToStart(helper, "\(error)", at: now, into: &effects)
        }
    }

    func exchange(with helper: Helper, _ event: Poller.Event) {
        guard let process = helpers[helper] else { return }
        exchange(with: process, event, Token.helperSocket(helper), receive(from: helper))
    }

    private func receive(from helper: Helper) -> (WorkerProcess, Int) -> Bool {
        { process, rounds in
            self.receive(
                from: process, rounds: rounds, { $0.receiveGarbage(from: helper, at: $1, into: &$2) },
                { $0.receive($1, from: helper, at: $2, wallClock: BootClock.wallClockNanoseconds(), into: &$3) })
        }
    }

    func ended(_ helper: Helper) {
        guard let process = helpers[helper], let status = process.reap() else { return }
        receiveRest(of: process, receive(from: helper))
        helpers[helper] = nil
        machine.ended(helper, status, at: BootClock.now(), into: &effects)
    }
}
