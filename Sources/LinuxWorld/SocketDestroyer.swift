import Netlink
import Primitives

/// Ends the connections of addresses that were released: otherwise they would speak again, with old data, when the address comes back, and until then
/// their owners wait for answers that nobody sends.
///
/// Listening sockets and unconnected ones stay. Nothing here waits: `release` says which addresses, `advance` does a bounded piece of the work
/// whenever the descriptor is readable, and says when it is done. Needs CAP_NET_ADMIN.
public struct SocketDestroyer: ~Copyable {
    /// How one release ended.
    public struct Outcome: Hashable, Sendable {
        /// Connections that were ended.
        public var destroyed = 0
        /// Connections that are still there, and why the last of them is: EOPNOTSUPP of a kernel without CONFIG_INET_DIAG_DESTROY.
        public var refused = 0
        public var errno = Errno.ok

        public init() {}
    }

    /// One question: which sockets.
    private struct Question {
        var family: AddressFamily
        var socketProtocol: SocketDiagnosisRequest.SocketProtocol
    }

    /// The most connections of one look; those left over are found by the next.
    static let maximumFound = 4096
    /// The most connections ended by one `advance`: a few microseconds each.
    static let piece = 128
    /// Looks for what was left over or came meanwhile; each new one only follows one that has found something.
    static let maximumRounds = 16

    private var socket: NetlinkSocket
    private var waiting: [IPAddress] = []
    private var addresses: [IPAddress] = []
    private var questions: [Question] = []
    private var asked: (question: Question, sequence: UInt32)?
    private var found: [SocketRecord] = []
    private var foundAny = false
    private var rounds = 0
    private var outcome = Outcome()

    public init() throws(SystemError) { socket = try NetlinkSocket(.socketDiagnosis, receiveBuffer: 1 << 20) }

    /// To watch for readability.
    public var descriptor: Int32 { socket.descriptor.rawValue }
    /// Watches it for readability.
    public borrowing func watch(_ poller: borrowing Poller, token: UInt64) throws(SystemError) {
        try poller.add(socket.descriptor, token: token)
    }
    public var isIdle: Bool { addresses.isEmpty && waiting.isEmpty }

    /// Begins, or goes on with these after those before. Call `advance` then.
    public mutating func release(_ addresses: [IPAddress]) { waiting += addresses }

    /// These are held again: connections that they have from now on are left alone.
    public mutating func keep(_ kept: [IPAddress]) {
        guard !isIdle else { return }
        waiting.removeAll { kept.contains($0) }
        addresses.removeAll { kept.contains($0) }
        found = found.filter { isReleased($0.own) }
    }

    /// A piece of the work. Nil while there is more: call again when the descriptor is readable, or at once if `isReady`.
    public mutating func advance() throws(SystemError) -> Outcome? {
        if addresses.isEmpty {
            if waiting.isEmpty { return Outcome() }
            addresses = Array(waiting.prefix(SocketDiagnosisRequest.maximumAddresses))
            waiting.removeFirst(addresses.count)
            outcome = Outcome()
            rounds = 0
            beginRound()
        }
        if try asked == nil && found.isEmpty ? !ask() : false { return finish() }
        // At most some datagrams, of 32 kB each.
        var left = 8
        while asked != nil, left > 0, try receive() { left -= 1 }
        if asked == nil { try destroy() }
        return nil
    }

    /// Whether `advance` has something to do although the descriptor is not readable.
    public var isReady: Bool { !isIdle && asked == nil }

    private mutating func beginRound() {
        rounds += 1
        foundAny = false
        questions = SocketDiagnosisRequest.SocketProtocol.allCases.flatMap { one in
            [Question(family: .ipv4, socketProtocol: one), Question(family: .ipv6, socketProtocol: one)]
        }
    }

    /// Asks the next question; false when all of this release have been answered.
    private mutating func ask() throws(SystemError) -> Bool {
        if questions.isEmpty {
            guard foundAny, rounds < Self.maximumRounds, outcome.refused == 0 else { return false }
            beginRound()
        }
        let question = questions.removeFirst()
        // A socket of IPv6 may have an address of IPv4, the other way round there is nothing.
        let own = question.family == .ipv4 ? addresses.filter { $0.family == .ipv4 } : addresses
        if own.isEmpty { return try ask() }
        let sequence = socket.nextSequence()
        var bytes: [UInt8] = []
        SocketDiagnosisRequest.dump(question.family, question.socketProtocol, own: own).append(
            to: &bytes, sequence: sequence)
        try socket.send(bytes)
        asked = (question, sequence)
        return true
    }

    private mutating func receive() throws(SystemError) -> Bool {
        guard let (question, sequence) = asked else { return false }
        var isOver = false
        var records: [SocketRecord] = []
        var any = false
        let body = { (message: NetlinkMessage, datagram: RawSpan) in
            guard message.sequence == sequence else { return }
            // An error too ends it: a kernel without udp_diag has no such sockets to show.
            if message.isDone || message.isAnswer {
                isOver = true
            } else if let one = SocketRecord(message, in: datagram, of: question.socketProtocol) {
                records.append(one)
            }
        }
        do throws(SystemError) {
            any = try socket.receive(body)
        } catch {
            // Some of the list was lost: the next round finds it.
            asked = nil
            foundAny = true
            if error.errno == .noBuffers { return false }
            throw error
        }
        // The kernel has chosen by address; what it shows beyond that (it ignored the condition) is not ours to end.
        found += records.prefix(Self.maximumFound - found.count).filter { isReleased($0.own) }
        foundAny = foundAny || !found.isEmpty
        if isOver { asked = nil }
        return any
    }

    private func isReleased(_ own: IPAddress) -> Bool {
        if case .v6(let six) = own, six.high == 0, six.low >> 32 == 0xFFFF {
            return addresses.contains(.v4(IPv4Address(bits: UInt32(truncatingIfNeeded: six.low))))
        }
        return addresses.contains(own)
    }

    private mutating func destroy() throws(SystemError) {
        for record in found.suffix(Self.piece) {
            found.removeLast()
            let sequence = socket.nextSequence()
            var bytes: [UInt8] = []
            SocketDiagnosisRequest.destroy(record).append(to: &bytes, sequence: sequence)
            try socket.send(bytes)
            // It has been executed, and the answer lies there.
            var answer: NetlinkAnswer?
            var any = true
            while any, answer == nil {
                any = try socket.receive { message, datagram in
                    if message.sequence == sequence { answer = message.answer(in: datagram) }
                }
            }
            switch Errno(answer?.errno ?? 0) {
            case .ok: outcome.destroyed += 1
            case .notFound: break
            case let errno:
                outcome.refused += 1
                outcome.errno = errno
            }
        }
    }

    private mutating func finish() -> Outcome {
        addresses = []
        return outcome
    }
}
