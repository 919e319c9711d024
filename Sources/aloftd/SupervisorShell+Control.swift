import LinuxWorld
import Primitives
import Supervision
import Workers

/// A client of the control socket. It may send one request after another; one is answered at a time.
final class ControlClient {
    let socket: UnixConnection
    var incoming = MessageBuffer(limit: ControlRequest.requestLimit)
    var outgoing = OutgoingFrames(limit: ControlRequest.answerLimit + (1 << 16), reserve: 0)
    var awaitsRoom = false

    init(_ socket: consuming UnixConnection) { self.socket = socket }
}

extension SupervisorShell {
    func acceptClients() {
        while let client = nextClient() {
            // Full: the one that has been here longest goes, so that idle ones cannot lock others out.
            if clients.count >= Supervisor.clientLimit, let oldest = clients.keys.min() { close(client: oldest) }
            lastClient &+= 1
            guard (try? poller.add(client.socket.descriptor, token: Token.client | UInt64(lastClient))) != nil else {
                return
            }
            clients[lastClient] = client
        }
    }

    private func nextClient() -> ControlClient? {
        do {
            guard let connection = try listener.accept() else { return nil }
            return ControlClient(connection)
        } catch {
            // Out of descriptors: give one back, or the listener stays readable and the loop spins.
            if let oldest = clients.keys.min() { close(client: oldest) }
            return nil
        }
    }

    func exchangeWithClient(_ number: UInt32, _ event: Poller.Event) {
        guard let client = clients[number] else { return }
        if event.isWritable { flush(client: number) }
        guard event.isReadable || event.isHangUp || event.isError else { return }
        var chunk: [UInt8] = []
        guard case .bytes? = try? client.socket.receive(into: &chunk, limit: 1 << 14), !chunk.isEmpty else {
            return close(client: number)
        }
        client.incoming.append(chunk)
        let now = BootClock.now()
        while let payload = client.incoming.next() {
            do throws(ControlRequest.Failure) {
                let request = try ControlRequest(payload: payload)
                machine.receive(request, client: number, at: now, into: &effects)
            } catch {
                effects.append(.answer(client: number, ControlAnswer.failure(error.text)))
            }
        }
        if client.incoming.isBroken { close(client: number) }
    }

    func flush(client number: UInt32) {
        guard let client = clients[number] else { return }
        // An answer that did not fit is no answer; the client sees the end instead of waiting.
        if client.outgoing.dropped > 0 { return close(client: number) }
        while !client.outgoing.isEmpty {
            switch try? client.socket.send(client.outgoing.pending.span.bytes) {
            case .bytes(let sent)?: client.outgoing.consume(sent)
            case .wouldBlock?: return awaitRoom(client, number)
            case .closed?, nil: return close(client: number)
            }
        }
        awaitRoom(client, number)
    }

    /// From the memory, not from the worker: it may be busy, or just be replaced.
    func answerConfiguration(client number: UInt32) {
        guard let client = clients[number] else { return }
        let answer: [UInt8]
        let peer = try? client.socket.peer()
        if let peer, peer.uid == 0 || peer.uid == ThisProcess.user {
            answer = configurationAnswer()
        } else {
            answer = ControlAnswer.failure("the configuration has passwords in it: only root may read it")
        }
        client.outgoing.append(framed(answer))
        flush(client: number)
    }

    private func configurationAnswer() -> [UInt8] {
        guard let snapshot = ConfigurationSnapshot.read(in: memory), let files = ConfigurationSnapshot.decode(snapshot)
        else {
            return ControlAnswer.failure("the configuration is just being read, or too large to be kept")
        }
        let running = RunningConfiguration(
            main: options.configurationPath, id: options.configurationID ?? "", isKeepalived: options.isKeepalived,
            files: files.map { .init(path: $0.path, bytes: $0.bytes) })
        let answer = ControlAnswer.success(running.json)
        guard answer.count <= ControlRequest.answerLimit else {
            return ControlAnswer.failure("the configuration is too large to be sent")
        }
        return answer
    }

    private func awaitRoom(_ client: ControlClient, _ number: UInt32) {
        let awaitsRoom = !client.outgoing.isEmpty
        guard awaitsRoom != client.awaitsRoom else { return }
        client.awaitsRoom = awaitsRoom
        try? poller.modify(
            client.socket.descriptor, token: Token.client | UInt64(number),
            interest: awaitsRoom ? [.read, .write] : .read)
    }

    private func close(client number: UInt32) {
        clients[number] = nil
        machine.clientGone(number)
    }
}
