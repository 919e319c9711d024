import EtcdGateway
import LinuxWorld
import NIOSSL
import Primitives
import Probes

/// One connection to a member: connecting, TLS, and requests one after another. Never blocks.
///
/// Bounds: 16 KB are received at a time; an answer's body has the reader's bound; of what is to be sent there is one request.
final class EtcdConnection {
    enum Phase { case connecting, handshaking, open, closed }

    /// What happened to it.
    enum Event {
        /// Requests can be sent.
        case opened
        /// A part of an answer that streams.
        case part([UInt8])
        case response(status: Int, body: [UInt8])
        /// It is closed; why, as a sentence for people.
        case failed(String, isTooLong: Bool = false)
    }

    /// Which of the settings' endpoints.
    let member: Int
    let endpoint: EtcdEndpoint
    /// Of whoever watches it.
    let token: UInt64
    let began: Instant
    private(set) var phase = Phase.connecting
    private let socket: ClientSocket
    private let context: NIOSSLContext?
    private let name: String?
    private var tls: TLSClient?
    private var reader: EtcdResponseReader
    private var outgoing: [UInt8] = []
    private var sentBytes = 0
    /// What the poller was told.
    private var isWriting = true

    static let portion = 16384
    /// After so many portions others have their turn; epoll reports the rest at once.
    static let portionsAtOnce = 16

    /// - Parameters:
    ///   - context: for `https`; the certificate must be for `name`, or for the address.
    ///   - streams: whether answers have no end (a watch).
    init(
        to endpoint: EtcdEndpoint, member: Int, _ context: NIOSSLContext?, name: String?, streams: Bool, token: UInt64,
        at now: Instant
    ) throws(SystemError) {
        self.endpoint = endpoint
        self.member = member
        self.context = context
        self.name = name
        self.token = token
        began = now
        reader = EtcdResponseReader(streams: streams)
        socket = try ClientSocket(.stream, to: .init(endpoint.address, port: endpoint.port))
    }

    func watch(_ poller: borrowing Poller) throws(SystemError) {
        try poller.add(socket.descriptor, token: token, interest: [.read, .write])
    }

    /// Only while there is something to write (or to connect): the descriptor is reported as often as it is ready.
    private func update(_ poller: borrowing Poller) {
        guard phase != .closed else { return }
        let writes = phase == .connecting || sentBytes < outgoing.count
        guard writes != isWriting else { return }
        isWriting = writes
        // A descriptor that is watched can be watched otherwise; should it fail, a deadline ends the connection.
        try? poller.modify(socket.descriptor, token: token, interest: writes ? [.read, .write] : .read)
    }

    func close() { phase = .closed }

    /// Sends a request. Only while it is open, and no other is under way.
    func send(_ request: [UInt8], _ poller: borrowing Poller) -> [Event] {
        var events: [Event] = []
        if let tls {
            tls.send(request)
            outgoing += tls.takeOutgoing()
        } else {
            outgoing += request
        }
        flush(&events)
        update(poller)
        return events
    }

    func ready(_ event: Poller.Event, _ poller: borrowing Poller) -> [Event] {
        var events: [Event] = []
        if phase == .connecting {
            guard event.isWritable || event.isError || event.isHangUp else { return [] }
            if let error = socket.takeError() {
                fail("\(endpoint): \(Self.text(error))", &events)
                return events
            }
            connected(&events)
        }
        if phase != .closed, sentBytes < outgoing.count { flush(&events) }
        if phase != .closed, event.isReadable || event.isHangUp || event.isError { read(&events) }
        update(poller)
        return events
    }

    private func fail(_ reason: String, isTooLong: Bool = false, _ events: inout [Event]) {
        guard phase != .closed else { return }
        phase = .closed
        events.append(.failed(reason, isTooLong: isTooLong))
    }

    // MARK: - Steps

    private func connected(_ events: inout [Event]) {
        guard let context else {
            phase = .open
            events.append(.opened)
            return
        }
        phase = .handshaking
        do {
            let tls = try TLSClient(context, name: name, address: endpoint.address)
            self.tls = tls
            outgoing += tls.takeOutgoing()
            flush(&events)
        } catch {
            fail("\(endpoint): \(failure(error, nil))", &events)
        }
    }

    private func flush(_ events: inout [Event]) {
        while sentBytes < outgoing.count {
            do throws(SystemError) {
                guard let count = try socket.send(outgoing.span.bytes.extracting(sentBytes..<outgoing.count)) else {
                    return
                }
                sentBytes += count
            } catch {
                // What the server said before it closed comes first: reading finds it, and then the end.
                if error.errno == .brokenPipe || error.errno == .connectionReset { break }
                return fail("\(endpoint): \(Self.text(error.errno))", &events)
            }
        }
        outgoing.removeAll(keepingCapacity: true)
        sentBytes = 0
    }

    private func read(_ events: inout [Event]) {
        for _ in 0..<Self.portionsAtOnce {
            do throws(SystemError) {
                guard let bytes = try socket.receive(capacity: Self.portion) else { return }
                if bytes.isEmpty { return ended(&events) }
                take(bytes, &events)
                if phase == .closed || bytes.count < Self.portion { return }
            } catch {
                return fail("\(endpoint): \(Self.text(error.errno))", &events)
            }
        }
    }

    private func take(_ bytes: [UInt8], _ events: inout [Event]) {
        guard let tls else { return understand(bytes, &events) }
        let outcome = tls.receive(bytes)
        outgoing += tls.takeOutgoing()
        flush(&events)
        switch outcome {
        case .failed(let error): fail("\(endpoint): \(failure(error, tls))", &events)
        case .open(let plaintext, let isNew):
            if isNew, phase == .handshaking {
                phase = .open
                events.append(.opened)
            }
            understand(plaintext, &events)
        case .closed(let plaintext):
            understand(plaintext, &events)
            ended(&events)
        }
    }

    private func understand(_ bytes: [UInt8], _ events: inout [Event]) {
        guard phase == .open, !bytes.isEmpty else { return }
        do throws(EtcdFault) {
            tell(try reader.receive(bytes), &events)
        } catch {
            fail("\(endpoint): \(error)", isTooLong: error == .tooLong, &events)
        }
    }

    private func tell(_ told: [EtcdResponseReader.Event], _ events: inout [Event]) {
        for event in told {
            switch event {
            case .part(let bytes): events.append(.part(bytes))
            case .response(let status, let body, let isLast):
                events.append(.response(status: status, body: body))
                if isLast { fail("\(endpoint) closed the connection", &events) }
            }
        }
    }

    private func ended(_ events: inout [Event]) {
        guard phase != .closed else { return }
        if phase == .handshaking {
            return fail("\(endpoint): the connection was closed within the TLS handshake", &events)
        }
        do throws(EtcdFault) {
            tell(try reader.end(), &events)
            fail("\(endpoint) closed the connection", &events)
        } catch {
            fail("\(endpoint): \(error)", &events)
        }
    }

    // MARK: - Words

    private func failure(_ error: any Error, _ tls: TLSClient?) -> String {
        let seconds = Int(BootClock.wallClockNanoseconds() / 1_000_000_000)
        return TLSFailure.text(error, name: name, certificate: tls?.peerCertificate, now: seconds)
    }

    static func text(_ error: Errno) -> String {
        switch error {
        case .connectionRefused: "connection refused"
        case .connectionReset: "the connection was reset"
        case .hostUnreachable: "no route to the host"
        case .networkUnreachable: "the network is unreachable"
        default: "\(error)"
        }
    }
}
