import Health
import Primitives

/// Takes answers apart that come on one connection (RFC 9112), in whatever pieces they come: a head, and a body that is bounded.
/// An answer without end (a watch) is handed on piece by piece.
public struct EtcdResponseReader: Sendable {
    /// Of a body that is kept: 64 leases take 30 KB.
    public static let bodyLimit = 1 << 20
    public static let headLimit = 1 << 14

    private enum State: Sendable { case head, length(Int), chunked, close, over }

    /// What came.
    public enum Event: Hashable, Sendable {
        /// A part of the body of an answer that streams, with status 200.
        case part([UInt8])
        /// An answer is complete. `isLast`: the server closes the connection.
        case response(status: Int, body: [UInt8], isLast: Bool)
    }

    private var state = State.head
    private var head = HTTPResponseHead()
    private var hasStatus = false
    private var line: [UInt8] = []
    private var headBytes = 0
    private var chunks = ChunkedBody()
    private var body: [UInt8] = []
    private let streams: Bool
    /// Something is wrong for good.
    private var fault: EtcdFault?

    /// - Parameter streams: whether the body of an answer with status 200 comes in parts, and without end.
    public init(streams: Bool = false) { self.streams = streams }

    /// Whether an answer has begun to come and is not complete.
    public var isWithinAnswer: Bool {
        if case .head = state { headBytes > 0 } else { true }
    }

    /// Bytes of the connection.
    public mutating func receive(_ bytes: [UInt8]) throws(EtcdFault) -> [Event] {
        if let fault { throw fault }
        do throws(EtcdFault) {
            return try read(bytes)
        } catch {
            fault = error
            body = []
            throw error
        }
    }

    /// The server closed the connection: the end of a body that has no other.
    public mutating func end() throws(EtcdFault) -> [Event] {
        if let fault { throw fault }
        switch state {
        case .close: return [finish()]
        case .head where headBytes == 0: return []
        case .over: return []
        default: throw .http("the connection was closed within an answer")
        }
    }

    private mutating func read(_ bytes: [UInt8]) throws(EtcdFault) -> [Event] {
        var events: [Event] = []
        var offset = 0
        while offset < bytes.count {
            switch state {
            case .head:
                try readHead(bytes, &offset)
                if case .length(0) = state { events.append(finish()) }
            case .length(let left):
                let count = min(left, bytes.count - offset)
                try add(bytes[offset..<(offset + count)], &events)
                offset += count
                state = .length(left - count)
                if count == left { events.append(finish()) }
            case .chunked:
                switch chunks.next(bytes, &offset) {
                case .body(let range): try add(bytes[range], &events)
                case .done: events.append(finish())
                case .wait: break
                case .broken(let reason): throw .http(reason)
                }
            case .close:
                try add(bytes[offset...], &events)
                offset = bytes.count
            case .over: throw .http("something follows the last answer")
            }
        }
        return events
    }

    /// One line of the head, or what there is of it.
    private mutating func readHead(_ bytes: [UInt8], _ offset: inout Int) throws(EtcdFault) {
        let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
        headBytes += min(end + 1, bytes.count) - offset
        guard headBytes <= Self.headLimit else { throw .http("the head of the answer is longer than 16 KB") }
        line.append(contentsOf: bytes[offset..<end])
        offset = min(end + 1, bytes.count)
        guard end < bytes.count else { return }
        if line.last == 0x0D { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        if !hasStatus {
            hasStatus = true
            if let reason = head.readStatus(line[...]) { throw .http(reason) }
            return
        }
        guard line.isEmpty else {
            if let reason = head.readHeader(line[...]) { throw .http(reason) }
            return
        }
        if head.isInterim {
            (hasStatus, head) = (false, HTTPResponseHead())
            return
        }
        switch head.framing(method: "POST") {
        case .length(let count):
            guard count <= Self.bodyLimit else { throw .tooLong }
            state = .length(count)
        case .chunked: state = .chunked
        case .close: state = .close
        case nil: throw .http("the body comes in a coding that was not asked for")
        }
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>, _ events: inout [Event]) throws(EtcdFault) {
        guard !bytes.isEmpty else { return }
        if streams, head.status == 200 { return events.append(.part(Array(bytes))) }
        guard body.count + bytes.count <= Self.bodyLimit else { throw .tooLong }
        body.append(contentsOf: bytes)
    }

    private mutating func finish() -> Event {
        var isLast = head.isLast
        if case .close = state { isLast = true }
        let event = Event.response(status: head.status ?? 0, body: body, isLast: isLast)
        let streams = streams
        self = EtcdResponseReader(streams: streams)
        if isLast { state = .over }
        return event
    }
}
