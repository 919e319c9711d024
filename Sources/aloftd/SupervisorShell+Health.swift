import LinuxWorld
import Primitives
import Supervision

/// The health worker: another program, which lies beside this one.
extension SupervisorShell {
    func startHealth(_ mode: WorkerOptions.Mode, at now: Instant) {
        do {
            let process = try WorkerProcess(
                health: WorkerOptions(mode: mode, options), environment: Self.ownEnvironment(), state: memory.descriptor
            )
            try process.watch(poller, end: Token.healthEnd, messages: Token.healthSocket)
            health = process
            machine.healthStarted(pid: process.pid)
        } catch {
            machine.healthFailedToStart("\(error)", at: now, into: &effects)
        }
    }

    func exchangeWithHealth(_ event: Poller.Event) {
        guard let health else { return }
        exchange(with: health, event, Token.healthSocket, receiveFromHealth)
    }

    private func receiveFromHealth(_ process: WorkerProcess, rounds: Int) -> Bool {
        receive(
            from: process, rounds: rounds, { $0.receiveGarbageFromHealth(at: $1, into: &$2) },
            { $0.receiveFromHealth($1, at: $2, wallClock: BootClock.wallClockNanoseconds(), into: &$3) })
    }

    func healthEnded() {
        guard let process = health, let status = process.reap() else { return }
        receiveRest(of: process, receiveFromHealth)
        health = nil
        machine.healthEnded(status, at: BootClock.now(), into: &effects)
    }
}
