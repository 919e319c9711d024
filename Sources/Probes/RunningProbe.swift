import Configuration
import Health
import LinuxWorld
import Primitives

/// One exchange on its socket, from connecting to the verdict. The prober calls it when the socket is ready or the deadline has come.
///
/// Bounds: 16 KB are received at a time and handed on; nothing more is read before the conversation has seen them. What the server does not take is
/// kept to be sent later, which is what conversations say, in all a few KB (an HTTP check: its request).
final class RunningProbe {
    private enum Phase { case connecting, handshaking, talking }

    private var phase: Phase
    private let socket: ClientSocket
    private let exchange: Exchange
    private var conversation: any Conversation
    private var tls: TLSClient?
    private var outgoing: [UInt8] = []
    private var sentBytes = 0
    /// The last receive took all there was room for.
    private var mayHaveMore = false
    private let resources: ProbeResources

    static let portion = 16384
    /// After so many portions others have their turn.
    static let portionsAtOnce = 16

    /// What came of a call.
    enum Progress {
        case waiting
        /// The connection stands: from here on the time for the answer runs.
        case connected
        /// There is more to read, and nothing will announce it.
        case readable
        case over(Verdict)
    }

    init(_ exchange: Exchange, _ resources: ProbeResources) throws(SystemError) {
        let connection = exchange.connection
        var destination = ClientSocket.Destination(connection.address, port: connection.port)
        destination.source = connection.source
        destination.sourcePort = connection.sourcePort
        destination.interface = connection.interface
        destination.mark = connection.mark
        let kind: ClientSocket.Kind =
            switch exchange.transport {
            case .stream: .stream
            case .datagram: .datagram
            case .ping: .ping
            }
        socket = try ClientSocket(kind, to: destination)
        self.exchange = exchange
        self.resources = resources
        conversation = exchange.conversation
        phase = .connecting
    }

    var timeout: Duration { exchange.connection.timeout }
    private var isStream: Bool { exchange.transport == .stream }

    func watch(_ poller: borrowing Poller, token: UInt64) throws(SystemError) {
        try poller.add(socket.descriptor, token: token, interest: [.read, .write, .peerClosed, .edge])
    }

    // MARK: - What happens to it

    func ready(_ event: Poller.Event) -> Progress {
        if phase == .connecting {
            guard event.isWritable || event.isError || event.isHangUp else { return .waiting }
            if event.isError || event.isHangUp, let error = socket.takeError() {
                return .over(.failure(ProbeFailure.text(error, whileConnecting: true)))
            }
            if let verdict = connected() { return .over(verdict) }
            if !event.isReadable, !event.isHangUp { return .connected }
            let progress = read(untilEnd: event.isHangUp)
            if case .waiting = progress { return .connected }
            return progress
        }
        // An ICMP message shows up as an error of a socket for datagrams.
        if event.isError, let error = socket.takeError() {
            return .over(.failure(ProbeFailure.text(error, whileConnecting: false)))
        }
        if event.isWritable, let verdict = flush() { return .over(verdict) }
        guard event.isReadable || event.isHangUp || mayHaveMore else { return .waiting }
        return read(untilEnd: event.isHangUp)
    }

    /// Goes on reading where it left off.
    func proceed() -> Progress { read(untilEnd: true) }

    func expire() -> Verdict {
        if phase == .talking, let verdict = conversation.silence() { return verdict }
        let time = "timed out after \(timeout.formattedSeconds()) s"
        switch phase {
        case .connecting: return .failure("\(time) while connecting")
        case .handshaking: return .failure("\(time) within the TLS handshake")
        case .talking: return .failure("\(time) while waiting for \(conversation.awaited)")
        }
    }

    // MARK: - Steps

    private func connected() -> Verdict? {
        if let security = exchange.security, security.fromStart { return beginTLS(security) }
        phase = .talking
        return perform(conversation.begin())
    }

    /// nil: it goes on.
    private func perform(_ first: ConversationStep) -> Verdict? {
        var step = first
        while true {
            switch step {
            case .wait: return nil
            case .send(let bytes): return send(bytes)
            case .startTLS(let bytes):
                if let verdict = send(bytes) { return verdict }
                guard let security = exchange.security else { return .failure("TLS is wanted, but not configured") }
                return beginTLS(security)
            case .match(let body):
                guard let regex = exchange.regex else { return .failure("there is no regular expression to try") }
                step = conversation.matched(resources.expressions.result(regex, on: body))
            case .finish(let verdict, let farewell):
                if !farewell.isEmpty { _ = send(farewell) }
                return verdict
            }
        }
    }

    private func send(_ bytes: [UInt8]) -> Verdict? {
        guard let tls else {
            if !bytes.isEmpty || !isStream { outgoing += bytes }
            if !isStream { return sendDatagram() }
            return flush()
        }
        if !bytes.isEmpty { tls.send(bytes) }
        outgoing += tls.takeOutgoing()
        return flush()
    }

    private func sendDatagram() -> Verdict? {
        defer { outgoing = [] }
        do throws(SystemError) {
            _ = try socket.send(outgoing.span.bytes)
            return nil
        } catch {
            return .failure(ProbeFailure.text(error.errno, whileConnecting: false))
        }
    }

    /// Sends what is left; the rest goes when the socket is writable again.
    private func flush() -> Verdict? {
        guard isStream else { return nil }
        while sentBytes < outgoing.count {
            do throws(SystemError) {
                guard let count = try socket.send(outgoing.span.bytes.extracting(sentBytes..<outgoing.count)) else {
                    return nil
                }
                sentBytes += count
            } catch {
                // What the server said before it closed comes first: reading finds it, and then the end.
                if error.errno == .brokenPipe || error.errno == .connectionReset { break }
                return .failure(ProbeFailure.text(error.errno, whileConnecting: false))
            }
        }
        outgoing.removeAll(keepingCapacity: true)
        sentBytes = 0
        return nil
    }

    // MARK: - Reading

    private func read(untilEnd: Bool) -> Progress {
        mayHaveMore = false
        for _ in 0..<RunningProbe.portionsAtOnce {
            do throws(SystemError) {
                guard let bytes = try socket.receive(capacity: isStream ? RunningProbe.portion : 1 << 16) else {
                    return .waiting
                }
                if isStream, bytes.isEmpty { return .over(ended()) }
                mayHaveMore = bytes.count == RunningProbe.portion
                if let verdict = take(bytes) { return .over(verdict) }
                // A short portion of a stream was all there is; an end behind it says so (EPOLLRDHUP).
                if isStream, !mayHaveMore, !untilEnd { return .waiting }
            } catch {
                return .over(.failure(ProbeFailure.text(error.errno, whileConnecting: false)))
            }
        }
        return .readable
    }

    private func take(_ bytes: [UInt8]) -> Verdict? {
        guard let tls else { return perform(conversation.receive(bytes)) }
        let outcome = tls.receive(bytes)
        outgoing += tls.takeOutgoing()
        if let verdict = flush() { return verdict }
        switch outcome {
        case .failed(let error): return .failure(resources.text(error, exchange.security?.name, tls))
        case .open(let plaintext, let isNew):
            if isNew, let verdict = secured(tls) { return verdict }
            return plaintext.isEmpty ? nil : perform(conversation.receive(plaintext))
        case .closed(let plaintext):
            if !plaintext.isEmpty, let verdict = perform(conversation.receive(plaintext)) { return verdict }
            return ended()
        }
    }

    private func ended() -> Verdict {
        if phase == .handshaking { return .failure("TLS: the server closed the connection within the handshake") }
        return perform(conversation.end())
            ?? .failure("the server closed the connection before \(conversation.awaited)")
    }

    // MARK: - TLS

    private func beginTLS(_ security: Exchange.Security) -> Verdict? {
        phase = .handshaking
        switch resources.contexts.context(for: security) {
        case .failure(let error): return .failure(error.reason)
        case .success(let context):
            do {
                let tls = try TLSClient(context, name: security.name, address: exchange.connection.address)
                self.tls = tls
                outgoing += tls.takeOutgoing()
                return flush()
            } catch {
                return .failure(resources.text(error, security.name, nil))
            }
        }
    }

    private func secured(_ tls: TLSClient) -> Verdict? {
        if let days = exchange.security?.verification.minimumDays, let reason = resources.shortLife(tls, days) {
            return .failure(reason)
        }
        phase = .talking
        return perform(exchange.security?.fromStart == true ? conversation.begin() : conversation.secured())
    }

    /// Ends the connection in good order where that costs nothing: what is known to be unread is read, up to a bound, or the kernel would send a reset
    /// instead of an end. A server that speaks again behind the verdict still gets one.
    func close() {
        guard isStream, phase != .connecting else { return }
        if let tls, exchange.security?.announcesEnd == true {
            tls.announceEnd()
            outgoing += tls.takeOutgoing()
            _ = flush()
        }
        guard mayHaveMore else { return }
        socket.endWriting()
        for _ in 0..<RunningProbe.portionsAtOnce {
            guard let bytes = try? socket.receive(capacity: RunningProbe.portion), !bytes.isEmpty else { return }
        }
    }
}
