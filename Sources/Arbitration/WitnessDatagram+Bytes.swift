import Primitives

// MARK: - Writing

extension WitnessDatagram {
    /// The bytes, with the code. At most `largest` where `room(for:)` was kept to.
    public func encoded(with key: HMAC) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.largest)
        bytes.append(bigEndian: Self.mark)
        bytes.append(Self.format)
        bytes.append(kind)
        bytes.append(UInt8(truncatingIfNeeded: cluster.description.utf8.count))
        bytes.append(UInt8(truncatingIfNeeded: entryCount))
        bytes.append(bigEndian: nonce.asker)
        bytes.append(bigEndian: nonce.count)
        bytes.append(bigEndian: life.high)
        bytes.append(bigEndian: life.low)
        bytes.append(bigEndian: UInt32(clamping: Self.milliseconds(quiet)))
        bytes.append(bigEndian: UInt32(clamping: Self.milliseconds(longest)))
        bytes.append(contentsOf: cluster.description.utf8)
        let start = bytes.count
        appendEntries(to: &bytes)
        let room: Int
        switch body {
        case .questions(let questions): room = start + questions.count * WitnessAnswer.longest
        case .statusQuestion: room = Self.largest - Self.codeLength
        default: room = 0
        }
        if bytes.count < room { bytes.append(contentsOf: repeatElement(0, count: room - bytes.count)) }
        return bytes + key.code(of: bytes)
    }

    /// How many bytes of entries a datagram has room for.
    public static func room(for cluster: ClusterName) -> Int {
        largest - headerLength - codeLength - cluster.description.utf8.count
    }

    private var entryCount: Int {
        switch body {
        case .questions(let questions): questions.count
        case .answers(let answers): answers.count
        case .news(let news): news.count
        case .statusQuestion(let after): after == nil ? 0 : 1
        case .status(let status): status.leases.count
        case .otherLife: 0
        }
    }

    /// Rounded up: a time that is not yet over is not none.
    private static func milliseconds(_ duration: Duration) -> Int64 {
        let nanoseconds = max(0, duration.nanoseconds)
        return nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 == 0 ? 0 : 1)
    }

    private func appendEntries(to bytes: inout [UInt8]) {
        switch body {
        case .questions(let questions): for question in questions { Self.append(question, to: &bytes) }
        case .answers(let answers):
            for answer in answers {
                bytes.append(answer.outcome.rawValue)
                Self.append(answer.standing, to: &bytes)
            }
        case .otherLife: break
        case .news(let news):
            for item in news {
                Self.append(item.lease, to: &bytes)
                Self.append(item.standing, to: &bytes)
            }
        case .statusQuestion(let after): if let after { Self.append(after, to: &bytes) }
        case .status(let status):
            for counter in status.counters.all { bytes.append(bigEndian: counter) }
            bytes.append(bigEndian: UInt64(clamping: status.age.nanoseconds))
            bytes.append(bigEndian: status.total)
            bytes.append(bigEndian: status.storageError ?? 0)
            for lease in status.leases {
                Self.append(lease.name, to: &bytes)
                Self.append(lease.standing, to: &bytes)
                bytes.append(bigEndian: lease.age.map { UInt64(clamping: $0.nanoseconds) } ?? .max)
            }
        }
    }

    private static func append(_ question: WitnessQuestion, to bytes: inout [UInt8]) {
        switch question.kind {
        case .read: bytes.append(0)
        case .write(_, let replaced): bytes.append(replaced == nil ? 1 : 2)
        }
        append(question.lease, to: &bytes)
        bytes.append(bigEndian: UInt16(clamping: milliseconds(question.subscription)))
        bytes.append(bigEndian: question.known.epoch.rawValue)
        bytes.append(bigEndian: question.known.version)
        guard case .write(let record, let replaced) = question.kind else { return }
        append(record, to: &bytes)
        guard let replaced else { return }
        bytes.append(bigEndian: replaced.version)
        bytes.append(bigEndian: replaced.incarnation.rawValue)
        bytes.append(bigEndian: replaced.request)
    }

    private static func append(_ lease: LeaseName, to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: lease.description.utf8.count))
        bytes.append(contentsOf: lease.description.utf8)
    }

    private static func append(_ record: LeaseRecord?, to bytes: inout [UInt8]) {
        let encoded = record?.encoded ?? []
        bytes.append(UInt8(truncatingIfNeeded: encoded.count))
        bytes.append(contentsOf: encoded)
    }
}

extension WitnessQuestion {
    /// What it takes of a request, or its answer of the answer, whichever is more.
    public var room: Int {
        var length = 1 + 1 + lease.description.utf8.count + 2 + 8 + 8
        if case .write(let record, let replaced) = kind {
            length += 1 + record.encodedLength + (replaced == nil ? 0 : 24)
        }
        return max(length, WitnessAnswer.longest)
    }
}

extension WitnessAnswer {
    static let longest = 1 + 1 + LeaseRecord.longest
}

extension WitnessNews {
    public var room: Int { 1 + lease.description.utf8.count + 1 + standing.encodedLength }
}

extension WitnessStatus {
    static let fixedLength = WitnessCounters.count * 8 + 8 + 4 + 4
}

extension WitnessStatus.Lease {
    var room: Int { 1 + name.description.utf8.count + 1 + standing.encodedLength + 8 }
}

// MARK: - Reading

extension WitnessDatagram {
    /// Whose datagram it says it is, before anything is believed; nil when it is none of this protocol.
    public static func cluster(of bytes: RawSpan) -> ClusterName? {
        guard bytes.byteCount >= headerLength + codeLength, bytes.byteCount <= largest,
            bytes.uint32(at: 0) == mark, bytes.uint8(at: 4) == format, let length = bytes.uint8(at: 6),
            headerLength + Int(length) + codeLength <= bytes.byteCount
        else { return nil }
        return ClusterName(text(bytes, at: headerLength, length: Int(length)))
    }

    /// Reads what came from the network: any bytes.
    public init(decoding bytes: [UInt8], key: HMAC) throws(Unreadable) {
        let span = bytes.span.bytes
        guard let cluster = Self.cluster(of: span) else { throw .foreign }
        let end = bytes.count - Self.codeLength
        guard key.isValid(bytes[end...], for: bytes[..<end]) else { throw .code }
        guard let kind = span.uint8(at: 5), let count = span.uint8(at: 7), let asker = span.uint64(at: 8),
            let number = span.uint64(at: 16), let high = span.uint64(at: 24), let low = span.uint64(at: 32),
            let quiet = span.uint32(at: 40), let longest = span.uint32(at: 44)
        else { throw .malformed }
        var reader = EntryReader(
            bytes: bytes, offset: Self.headerLength + cluster.description.utf8.count, end: end)
        guard let body = reader.body(kind: kind, count: Int(count)), reader.isDone else { throw .malformed }
        self.init(
            cluster: cluster, nonce: WitnessNonce(asker: asker, count: number),
            life: WitnessLife(high: high, low: low), quiet: .milliseconds(Int64(quiet)),
            longest: .milliseconds(Int64(longest)), body: body)
    }

    static func text(_ bytes: RawSpan, at offset: Int, length: Int) -> String {
        var characters: [UInt8] = []
        characters.reserveCapacity(length)
        for index in 0..<length { if let byte = bytes.uint8(at: offset &+ index) { characters.append(byte) } }
        return String(decoding: characters, as: UTF8.self)
    }
}

/// Reads entries one behind the other; each function gives nil where the bytes say something else, and goes on behind what it read.
struct EntryReader {
    let bytes: [UInt8]
    var offset: Int
    let end: Int

    /// Nothing but zeros follows.
    var isDone: Bool { offset <= end && bytes[offset..<end].allSatisfy { $0 == 0 } }

    mutating func body(kind: UInt8, count: Int) -> WitnessDatagram.Body? {
        switch kind {
        case 1: list(count) { $0.question() }.map(WitnessDatagram.Body.questions)
        case 2: list(count) { $0.answer() }.map(WitnessDatagram.Body.answers)
        case 3: count == 0 ? .otherLife : nil
        case 4: list(count) { $0.news() }.map(WitnessDatagram.Body.news)
        case 5:
            switch count {
            case 0: .statusQuestion(after: nil)
            case 1: lease().map { .statusQuestion(after: $0) }
            default: nil
            }
        case 6: status(count)
        default: nil
        }
    }

    private mutating func list<Item>(_ count: Int, _ read: (inout EntryReader) -> Item?) -> [Item]? {
        var items: [Item] = []
        items.reserveCapacity(count)
        for _ in 0..<count {
            guard let item = read(&self) else { return nil }
            items.append(item)
        }
        return items
    }

    mutating func uint8() -> UInt8? { integer(1).map { UInt8(truncatingIfNeeded: $0) } }
    mutating func uint16() -> UInt16? { integer(2).map { UInt16(truncatingIfNeeded: $0) } }
    mutating func uint32() -> UInt32? { integer(4).map { UInt32(truncatingIfNeeded: $0) } }
    mutating func uint64() -> UInt64? { integer(8) }

    private mutating func integer(_ length: Int) -> UInt64? {
        guard end - offset >= length else { return nil }
        var value: UInt64 = 0
        for byte in bytes[offset..<(offset + length)] { value = value << 8 | UInt64(byte) }
        offset += length
        return value
    }

    private mutating func part(_ length: Int) -> ArraySlice<UInt8>? {
        guard end - offset >= length else { return nil }
        defer { offset += length }
        return bytes[offset..<(offset + length)]
    }

    mutating func name() -> String? {
        guard let length = uint8(), let part = part(Int(length)) else { return nil }
        return String(decoding: part, as: UTF8.self)
    }

    mutating func lease() -> LeaseName? { name().flatMap(LeaseName.init) }

    /// The outer nil: no record, and not none either.
    mutating func record() -> LeaseRecord?? {
        guard let length = uint8(), let part = part(Int(length)) else { return nil }
        guard length > 0 else { return .some(nil) }
        guard let record = try? LeaseRecord(decoding: Array(part)) else { return nil }
        return record
    }

    private mutating func question() -> WitnessQuestion? {
        guard let kind = uint8(), kind <= 2, let lease = lease(), let subscription = uint16(), let epoch = uint64(),
            let version = uint64()
        else { return nil }
        var question = WitnessQuestion(
            lease: lease, known: LeaseHeight(epoch: Epoch(epoch), version: version),
            subscription: .milliseconds(Int64(subscription)), kind: .read)
        guard kind > 0 else { return question }
        guard case .some(.some(let record)) = record() else { return nil }
        question.kind = .write(record, replacing: nil)
        guard kind == 2 else { return question }
        guard let version = uint64(), let incarnation = uint64(), let request = uint64() else { return nil }
        let stamp = LeaseStamp(version: version, incarnation: Incarnation(incarnation), request: request)
        question.kind = .write(record, replacing: stamp)
        return question
    }

    private mutating func answer() -> WitnessAnswer? {
        guard let outcome = uint8().flatMap(WitnessAnswer.Outcome.init), let record = record() else { return nil }
        return WitnessAnswer(outcome, standing: record)
    }

    private mutating func news() -> WitnessNews? {
        guard let lease = lease(), case .some(.some(let record)) = record() else { return nil }
        return WitnessNews(lease: lease, standing: record)
    }

    private mutating func status(_ count: Int) -> WitnessDatagram.Body? {
        var status = WitnessStatus()
        var counters: [UInt64] = []
        for _ in 0..<WitnessCounters.count {
            guard let value = uint64() else { return nil }
            counters.append(value)
        }
        guard let age = uint64(), age <= UInt64(Int64.max), let total = uint32(), let error = uint32() else {
            return nil
        }
        status.counters = WitnessCounters(counters)
        status.age = .nanoseconds(Int64(clamping: age))
        status.total = total
        status.storageError = error == 0 ? nil : error
        for _ in 0..<count {
            guard let name = lease(), case .some(.some(let record)) = record(), let age = uint64(),
                age <= UInt64(Int64.max) || age == .max
            else { return nil }
            let known: Duration? = age == .max ? nil : .nanoseconds(Int64(clamping: age))
            status.leases.append(WitnessStatus.Lease(name: name, standing: record, age: known))
        }
        return .status(status)
    }
}
