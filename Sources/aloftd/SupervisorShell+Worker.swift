import LinuxWorld
import Primitives
import Supervision

/// The worker: its start, its messages, its end, and the look at whether it beats.
extension SupervisorShell {
    func startWorker(_ mode: WorkerOptions.Mode, at now: Instant) {
        // The successor has promised nothing yet.
        memory.store(0, at: StatePage.promiseOffset)
        MessageLineEnds.discard(arbiterLine.vrrp)
        MessageLineEnds.discard(fenceLine.vrrp)
        do {
            let process = try WorkerProcess(
                name: options.isKeepalived ? "keepalived" : "aloftd", WorkerOptions(mode: mode, options),
                environment: Self.ownEnvironment(), state: memory.descriptor, lock: lock.file,
                fence: fence.descriptor, arbiter: arbiterLine.vrrp, fenceLine: fenceLine.vrrp)
            try process.watch(poller, end: Token.workerEnd, messages: Token.workerSocket)
            worker = process
            lock.note(supervisor: pid, worker: process.pid)
            if mode != .release, let path = options.vrrpPIDFile { writePID(process.pid, to: path) }
            machine.workerStarted(pid: process.pid, at: now, into: &effects)
        } catch {
            machine.workerFailedToStart("\(error)", at: now, into: &effects)
        }
    }

    func writePID(_ pid: Int32, to path: String) {
        do { try SupervisorFile.replace(path, with: Array("\(pid)\n".utf8), mode: 0o644) } catch {
            log.write(.warning, nil, "\(error)", at: BootClock.now())
        }
    }

    // MARK: - Messages

    func exchangeWithWorker(_ event: Poller.Event) {
        guard let worker else { return }
        exchange(with: worker, event, Token.workerSocket, receiveFromWorker)
    }

    /// Something is to be read from a process, or there is room again for what waits.
    func exchange(
        with process: WorkerProcess, _ event: Poller.Event, _ token: UInt64,
        _ receive: (_ process: WorkerProcess, _ rounds: Int) -> Bool
    ) {
        if event.isReadable || event.isHangUp { _ = receive(process, 4) }
        if event.isWritable { flush(process, token) }
    }

    /// What a process said before it ended counts: it may have released everything. Not more than its socket holds.
    func receiveRest(of process: WorkerProcess, _ receive: (_ process: WorkerProcess, _ rounds: Int) -> Bool) {
        var rounds = 0
        while receive(process, 16), rounds < 16 { rounds += 1 }
        perform()
    }

    /// Reads at most `rounds` chunks, so that a worker that floods cannot keep the supervisor from looking
    /// at it. False when there is nothing more.
    private func receiveFromWorker(_ worker: WorkerProcess, rounds: Int) -> Bool {
        receive(
            from: worker, rounds: rounds, { $0.receiveGarbage(at: $1, into: &$2) },
            {
                $0.receive(
                    $1, at: $2, wallClock: BootClock.wallClockNanoseconds(), promise: self.promise, into: &$3)
            })
    }

    func receive(
        from process: WorkerProcess, rounds: Int,
        _ garbage: (inout Supervisor, Instant, inout [SupervisorEffect]) -> Void,
        _ handle: (inout Supervisor, WorkerMessage, Instant, inout [SupervisorEffect]) -> Void
    ) -> Bool {
        var chunk: [UInt8] = []
        for _ in 0..<rounds {
            chunk.removeAll(keepingCapacity: true)
            guard case .bytes? = try? process.socket.receive(into: &chunk, limit: Self.chunk), !chunk.isEmpty else {
                return false
            }
            process.incoming.append(chunk)
            let now = BootClock.now()
            while let payload = process.incoming.next() {
                guard let message = WorkerMessage(payload: payload) else {
                    garbage(&machine, now, &effects)
                    return false
                }
                handle(&machine, message, now, &effects)
            }
            perform()
            if process.incoming.isBroken {
                garbage(&machine, now, &effects)
                return false
            }
            if chunk.count < Self.chunk { return false }
        }
        return true
    }

    /// Of what a worker says, at once.
    private static let chunk = 1 << 16

    /// Sends what waits; what the socket does not take is sent when the poller says so.
    func flush(_ process: WorkerProcess?, _ token: UInt64) {
        guard let process else { return }
        while !process.outgoing.isEmpty {
            guard case .bytes(let sent)? = try? process.socket.send(process.outgoing.pending.span.bytes), sent > 0
            else { break }
            process.outgoing.consume(sent)
        }
        let awaitsRoom = !process.outgoing.isEmpty
        guard awaitsRoom != process.awaitsRoom else { return }
        process.awaitsRoom = awaitsRoom
        try? poller.modify(process.socket.descriptor, token: token, interest: awaitsRoom ? [.read, .write] : .read)
    }

    // MARK: - Its end

    func workerEnded() {
        guard let worker, let status = worker.reap() else { return }
        receiveRest(of: worker, receiveFromWorker)
        self.worker = nil
        machine.workerEnded(status, at: BootClock.now(), into: &effects)
    }

    // MARK: - The watchdog

    private var promise: Instant {
        Instant(nanoseconds: Int64(bitPattern: memory.load(at: StatePage.promiseOffset) ?? 0))
    }

    func watch(at now: Instant) {
        guard let due = machine.nextWatchdogDeadline, now >= due, let worker else { return }
        var evidence: Watchdog.Evidence?
        if machine.needsEvidence(promise: promise, at: now) {
            // What cannot be read is about to be reported by its pidfd.
            let status = ProcessStatus(pid: worker.pid)
            evidence = .init(runState: status?.runState ?? .ended, processorTime: status?.processorTime ?? .zero)
        }
        // The word is read last: a worker that came back between the two is seen to have.
        machine.checkWorker(at: now, promise: promise, evidence: evidence, into: &effects)
    }
}
