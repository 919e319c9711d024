import LinuxWorld
import Primitives
import Supervision

/// The mail process: another program, which lies beside this one.
extension SupervisorShell {
    func startMail(at now: Instant) {
        do {
            let process = try WorkerProcess(mailIn: Self.ownEnvironment(), isKeepalived: options.isKeepalived)
            try process.watch(poller, end: Token.mailEnd, messages: Token.mailSocket)
            mail = process
            machine.mailStarted(pid: process.pid)
        } catch {
            machine.mailFailedToStart("\(error)", at: now, into: &effects)
        }
    }

    func exchangeWithMail(_ event: Poller.Event) {
        guard let mail else { return }
        exchange(with: mail, event, Token.mailSocket, receiveFromMail)
    }

    private func receiveFromMail(_ process: WorkerProcess, rounds: Int) -> Bool {
        receive(
            from: process, rounds: rounds, { $0.receiveGarbageFromMail(at: $1, into: &$2) },
            { $0.receiveFromMail($1, at: $2, into: &$3) })
    }

    func mailEnded() {
        guard let process = mail, let status = process.reap() else { return }
        receiveRest(of: process, receiveFromMail)
        mail = nil
        machine.mailEnded(status, at: BootClock.now(), into: &effects)
    }
}
