import Configuration
import Health
import LinuxWorld
import Primitives

/// Asks servers: many at a time, on one thread, without waiting for any.
///
/// A probe is one connection after the other (the URLs of HTTP_GET, the hosts of SMTP_CHECK); the first that fails ends it. Each
/// connection has two hard limits, both `connect_timeout`: until it stands, and from then until the conversation is over. What a
/// server sends is read in pieces of 16 KB and handed on at once, so that memory is bounded by what the conversation keeps.
///
/// Sockets of its own rather than a framework's channels: at 5,000 checks a second that is half of the processor's time (docs/dependencies.md).
public final class Prober {
    /// One probe, from start to verdict.
    private struct Work {
        var slot: Int
        var run: UInt64
        /// Connections that are still to be made, the next one last.
        var stages: [ProbeStage]
        var connection: Connection
        var next: Int?
    }

    /// The connection that is being made, or stands.
    private final class Connection {
        let socket: ClientSocket
        var talk: ProbeStage.Talk
        let timeout: Duration
        var isConnected = false
        var deadline: Deadline
        var outgoing: [UInt8] = []
        var tls: TLSSession?

        init(_ stage: ProbeStage, at now: Instant) throws(SystemError) {
            socket = try ClientSocket(stage.talk.socketKind, to: stage.route)
            talk = stage.talk
            timeout = stage.timeout
            deadline = now + stage.timeout
        }
    }

    private struct Key: DeadlineKey, Hashable {
        var index: Int
        var kind: Int { 0 }
        static var kinds: Int { 1 }
        static func < (a: Self, b: Self) -> Bool { a.index < b.index }
    }

    private var poller: Poller
    private var works: [Work?] = []
    private var free: [Int] = []
    private var deadlines = DeadlineHeap<Key>()
    /// Verdicts that came before anything was waited for.
    private var finished: [(slot: Int, run: UInt64, verdict: Verdict)] = []
    private var chunk: [UInt8] = []
    private let tlsContexts = TLSContexts()

    /// Changes are reported, once each: nothing has to be said to the kernel between connecting and closing.
    private static let interest: Poller.Interest = [.read, .write, .edge]
    static let pieceLength = 1 << 14
    /// Pieces that one server may send before the others have their turn.
    static let piecesInARow = 16

    public init() throws(SystemError) { poller = try Poller(capacity: 256) }

    /// `token` comes when `advance` has something to do.
    public func watch(by outer: borrowing Poller, token: UInt64) throws(SystemError) {
        try outer.add(poller.epoll, token: token)
    }

    /// Whether `outer` reports it: not while so many probes run that whoever drives them looks at regular times anyway.
    public func setWatched(_ isWatched: Bool, by outer: borrowing Poller, token: UInt64) throws(SystemError) {
        try outer.modify(poller.epoll, token: token, interest: isWatched ? .read : [])
    }

    /// When `advance` is due although nothing is readable.
    public var nextDeadline: Deadline? { finished.isEmpty ? deadlines.earliest : .zero }

    /// How many probes run.
    public var running: Int { works.count - free.count }

    // MARK: - Beginning

    /// Begins; the verdict comes from `advance`. `tls` is what `SSL { … }` of the configuration says.
    public func start(slot: Int, run: UInt64, _ probe: HealthCheck.Probe, tls: TLSMaterial? = nil, at now: Instant) {
        var stages = Array(ProbeStage.stages(of: probe, tls: tls, number: run).reversed())
        guard let first = stages.popLast() else {
            finished.append((slot, run, .failure("there is nothing to ask")))
            return
        }
        do {
            let work = Work(slot: slot, run: run, stages: stages, connection: try Connection(first, at: now))
            let index = free.popLast() ?? works.count
            if index == works.count { works.append(work) } else { works[index] = work }
            try watch(index)
        } catch {
            finished.append((slot, run, .failure(error.sentence)))
        }
    }

    private func watch(_ index: Int) throws(SystemError) {
        guard let connection = works[index]?.connection else { return }
        do {
            try poller.add(connection.socket.descriptor, token: UInt64(index), interest: Self.interest)
        } catch {
            release(index)
            throw error
        }
        deadlines.set(Key(index: index), connection.deadline)
    }

    private func release(_ index: Int) {
        works[index] = nil
        free.append(index)
        deadlines.set(Key(index: index), nil)
    }

    /// Nobody waits for this one any more.
    public func cancel(slot: Int, run: UInt64) {
        finished.removeAll { $0.slot == slot && $0.run == run }
        guard let index = works.firstIndex(where: { $0?.slot == slot && $0?.run == run }) else { return }
        release(index)
    }

    // MARK: - Going on

    /// Everything that can go on without waiting; verdicts go to `body`.
    public func advance(to now: Instant, _ body: (_ slot: Int, _ run: UInt64, Verdict) -> Void) {
        var rounds = 0
        repeat {
            let count = (try? poller.wait(until: .zero)) ?? 0
            for index in 0..<count {
                let event = poller.event(index)
                guard let index = Int(exactly: event.token), works.indices.contains(index), works[index] != nil else {
                    continue
                }
                goOn(index, event, at: now)
            }
            rounds += 1
            if count < 256 { break }
        } while rounds < 64
        while let key = deadlines.popDue(at: now) { expire(key.index) }
        guard !finished.isEmpty else { return }
        let verdicts = finished
        finished.removeAll(keepingCapacity: true)
        for (slot, run, verdict) in verdicts { body(slot, run, verdict) }
    }

    private func expire(_ index: Int) {
        guard works.indices.contains(index), let connection = works[index]?.connection else { return }
        let limit = connection.timeout.formattedSeconds()
        guard connection.isConnected else { return end(index, .failure("no connection within \(limit) s")) }
        // Of datagrams silence may be what was hoped for.
        if case .datagrams(let exchange) = connection.talk, let verdict = exchange.silence(limit) {
            return pass(index, verdict)
        }
        end(index, .failure("no whole answer within \(limit) s"))
    }

    private func goOn(_ index: Int, _ event: Poller.Event, at now: Instant) {
        guard let connection = works[index]?.connection else { return }
        if !connection.isConnected {
            guard event.isWritable || event.isError || event.isHangUp else { return }
            let error = connection.socket.error
            guard error == .ok else { return end(index, .failure(error.sentence)) }
            connection.isConnected = true
            connection.deadline = now + connection.timeout
            deadlines.set(Key(index: index), connection.deadline)
            begin(index, connection)
        } else {
            if event.isWritable { flush(index, connection) }
            if works[index] != nil, event.isReadable || event.isHangUp || event.isError { read(index, connection) }
        }
    }

    private func begin(_ index: Int, _ connection: Connection) {
        switch connection.talk {
        case .nothing: pass(index, .success)
        case .datagrams(var exchange):
            let request = exchange.request()
            connection.talk = .datagrams(exchange)
            connection.outgoing = request
            flush(index, connection)
        case .conversation(var conversation, let settings):
            if settings.isFromTheStart {
                return beginTLS(index, connection, settings)
            }
            let step = conversation.begin()
            connection.talk = .conversation(conversation, settings)
            perform(step, index, connection)
        }
    }

    private func perform(_ step: ConversationStep, _ index: Int, _ connection: Connection) {
        switch step {
        case .wait: flush(index, connection)
        case .send(let bytes):
            write(bytes, connection)
            flush(index, connection)
        case .startTLS:
            guard case .conversation(_, let settings) = connection.talk else { return }
            beginTLS(index, connection, settings)
        case .finish(let verdict, let farewell):
            if !farewell.isEmpty {
                write(farewell, connection)
                let bytes = connection.outgoing
                _ = try? connection.socket.send(bytes.span.bytes)
            }
            pass(index, verdict)
        }
    }

    // MARK: - Bytes

    private func write(_ bytes: [UInt8], _ connection: Connection) {
        guard let tls = connection.tls else { return connection.outgoing += bytes }
        tls.write(bytes)
        connection.outgoing += tls.takeCiphertext()
    }

    /// Sends what waits; what the kernel does not take goes when it reports room.
    private func flush(_ index: Int, _ connection: Connection) {
        while !connection.outgoing.isEmpty {
            do {
                let bytes = connection.outgoing
                guard case .bytes(let count) = try connection.socket.send(bytes.span.bytes), count > 0 else { break }
                connection.outgoing.removeFirst(count)
            } catch {
                return end(index, .failure(error.sentence))
            }
        }
    }

    private func read(_ index: Int, _ connection: Connection) {
        for _ in 0..<Self.piecesInARow {
            chunk.removeAll(keepingCapacity: true)
            do {
                switch try connection.socket.receive(into: &chunk, limit: Self.pieceLength) {
                case .bytes: break
                case .wouldBlock: return
                case .closed: return closed(index, connection)
                }
            } catch {
                return end(index, .failure(error.sentence))
            }
            received(chunk, index, connection)
            guard works[index]?.connection === connection else { return }
        }
        // There may be more, which is reported only when it is asked for again.
        try? poller.modify(connection.socket.descriptor, token: UInt64(index), interest: Self.interest)
    }

    private func received(_ bytes: [UInt8], _ index: Int, _ connection: Connection) {
        switch connection.talk {
        case .nothing: break
        case .datagrams(var exchange):
            let verdict = exchange.receive(bytes)
            connection.talk = .datagrams(exchange)
            if let verdict { pass(index, verdict) }
        case .conversation:
            guard connection.tls != nil else { return converse(bytes, index, connection) }
            receivedCiphertext(bytes, index, connection)
        }
    }

    private func converse(_ bytes: [UInt8], _ index: Int, _ connection: Connection) {
        guard case .conversation(var conversation, let settings) = connection.talk else { return }
        let step = conversation.receive(bytes)
        connection.talk = .conversation(conversation, settings)
        perform(step, index, connection)
    }

    private func closed(_ index: Int, _ connection: Connection) {
        let error = connection.socket.error
        guard case .conversation(var conversation, _) = connection.talk, error == .ok else {
            // An empty datagram reads like an end.
            if case .datagrams = connection.talk, error == .ok { return received([], index, connection) }
            return end(index, .failure(error == .ok ? "the server closed the connection" : error.sentence))
        }
        guard case .finish(let verdict, _) = conversation.end() else {
            return end(index, .failure("the server closed the connection early"))
        }
        pass(index, verdict)
    }

    // MARK: - TLS

    private func beginTLS(_ index: Int, _ connection: Connection, _ settings: ProbeStage.TLS) {
        do throws(TLSSession.Failure) {
            let session = try TLSSession(settings, contexts: tlsContexts)
            connection.tls = session
            connection.outgoing += session.takeCiphertext()
            flush(index, connection)
        } catch {
            end(index, .failure(error.text))
        }
    }

    private func receivedCiphertext(_ bytes: [UInt8], _ index: Int, _ connection: Connection) {
        guard let tls = connection.tls else { return }
        let wasSecured = tls.isSecured
        do throws(TLSSession.Failure) {
            let plain = try tls.receive(bytes)
            connection.outgoing += tls.takeCiphertext()
            if tls.isSecured, !wasSecured {
                guard case .conversation(var conversation, let settings) = connection.talk else { return }
                let step = settings.isFromTheStart ? conversation.begin() : conversation.secured()
                connection.talk = .conversation(conversation, settings)
                perform(step, index, connection)
            } else {
                flush(index, connection)
            }
            guard works[index]?.connection === connection, !plain.isEmpty else { return }
            converse(plain, index, connection)
        } catch {
            end(index, .failure(error.text))
        }
    }

    // MARK: - The end

    /// This connection is through: on to the next, or to the verdict.
    private func pass(_ index: Int, _ verdict: Verdict) {
        if case .failure = verdict { return end(index, verdict) }
        guard var work = works[index], let stage = work.stages.popLast() else { return end(index, verdict) }
        do {
            work.connection = try Connection(stage, at: BootClock.now())
            works[index] = work
            try watch(index)
        } catch {
            finished.append((work.slot, work.run, .failure(error.sentence)))
            if works[index] != nil { release(index) }
        }
    }

    private func end(_ index: Int, _ verdict: Verdict) {
        guard let work = works[index] else { return }
        finished.append((work.slot, work.run, verdict))
        release(index)
    }
}

extension SystemError {
    /// For a person who asks why a server is out.
    var sentence: String {
        errno.rawValue == 22 || errno == .accessDenied || errno == .notPermitted ? "\(self)" : errno.sentence
    }
}

extension Errno {
    var sentence: String {
        switch self {
        case .connectionRefused: "connection refused"
        case .connectionReset, .brokenPipe: "connection reset by the server"
        case .networkUnreachable: "no route to the network of the server"
        case .hostUnreachable: "no route to the server, or it does not answer ARP"
        case Errno(110): "connection timed out"
        default: "\(self)"
        }
    }
}
