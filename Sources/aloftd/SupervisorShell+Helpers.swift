import LinuxWorld
import Primitives
import Supervision

/// Helpers: another program, which lies beside this one.
extension SupervisorShell {
    func start(_ helper: Helper, _ mode: WorkerOptions.Mode, at now: Instant) {
        if helper == .arbiter { MessageLineEnds.discard(arbiterLine.helper) }
        if helper == .fence { MessageLineEnds.discard(fenceLine.helper) }
        do {
            let process = try spawn(helper, WorkerOptions(mode: mode, options))
            try process.watch(poller, end: Token.helperEnd(helper), messages: Token.helperSocket(helper))
            helpers[helper] = process
            machine.started(helper, pid: process.pid)
        } catch {
            machine.failedToStart(helper, "\(error)", at: now, into: &effects)
        }
    }

    private func spawn(_ helper: Helper, _ options: WorkerOptions) throws(SystemError) -> WorkerProcess {
        let environment = Self.ownEnvironment()
        if helper == .fence, let deadlines = fence.descriptor {
            return try WorkerProcess(
                options, environment: environment, deadlines: deadlines, fenceLine: fenceLine.helper)
        }
        return try WorkerProcess(
            helper, options, environment: environment, state: memory.descriptor, arbiter: arbiterLine.helper)
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
