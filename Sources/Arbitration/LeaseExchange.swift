import Primitives

/// How questions and reports pass between the processes of one daemon. Total: what is damaged is no message.
public enum LeaseExchange {
    /// What the arbiter worker says.
    public struct Reports: Hashable, Sendable {
        public var arbiter: String
        public var standing: ArbiterStanding
        public var reports: [LeaseReport]

        public init(arbiter: String, standing: ArbiterStanding, reports: [LeaseReport]) {
            self.arbiter = arbiter
            self.standing = standing
            self.reports = reports
        }
    }

    /// What the VRRP worker asks.
    public struct Questions: Hashable, Sendable {
        public var arbiter: String
        public var questions: [LeaseQuestion]

        public init(arbiter: String, questions: [LeaseQuestion]) {
            self.arbiter = arbiter
            self.questions = questions
        }
    }
}

extension LeaseExchange.Questions {
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + questions.count * 160)
        bytes.append(text: arbiter)
        bytes.append(bigEndian: UInt32(questions.count))
        for question in questions {
            bytes.append(text: question.lease.description)
            bytes.append(bigEndian: question.request)
            switch question.kind {
            case .read: bytes.append(0)
            case .write(let record, let replacing):
                bytes.append(1)
                bytes.append(record: record)
                bytes.append(record: replacing)
            }
        }
        return bytes
    }

    public init?(decoding bytes: [UInt8]) {
        var reader = ExchangeReader(bytes)
        guard let arbiter = reader.text(), let count = reader.uint32() else { return nil }
        var questions: [LeaseQuestion] = []
        for _ in 0..<count {
            guard let lease = reader.text().flatMap(LeaseName.init), let request = reader.uint64() else { return nil }
            switch reader.uint8() {
            case 0: questions.append(LeaseQuestion(lease: lease, request: request, kind: .read))
            case 1:
                guard let record = reader.record(), let record, let replacing = reader.record() else { return nil }
                questions.append(
                    LeaseQuestion(lease: lease, request: request, kind: .write(record, replacing: replacing)))
            default: return nil
            }
        }
        guard reader.isAtEnd else { return nil }
        self.init(arbiter: arbiter, questions: questions)
    }
}

extension LeaseExchange.Reports {
    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + reports.count * 100)
        bytes.append(text: arbiter)
        switch standing {
        case .connecting: bytes.append(0)
        case .answering(let roundTrip):
            bytes.append(1)
            bytes.append(bigEndian: UInt64(bitPattern: roundTrip.nanoseconds))
        case .settling(let why, let until):
            bytes.append(2)
            bytes.append(text: why)
            bytes.append(bigEndian: until.map { UInt64(bitPattern: $0.nanoseconds) } ?? 0)
        case .down(let why, let since):
            bytes.append(3)
            bytes.append(text: why)
            bytes.append(bigEndian: UInt64(bitPattern: since.nanoseconds))
        }
        bytes.append(bigEndian: UInt32(reports.count))
        for report in reports {
            bytes.append(text: report.lease.description)
            switch report.kind {
            case .news(let record):
                bytes.append(0)
                bytes.append(record: record)
            case .answer(let request, let answer):
                bytes.append(1)
                bytes.append(bigEndian: request)
                switch answer {
                case .granted: bytes.append(0)
                case .refused(let record):
                    bytes.append(1)
                    bytes.append(record: record)
                case .found(let record):
                    bytes.append(2)
                    bytes.append(record: record)
                case .unreadable: bytes.append(3)
                case .ambiguous: bytes.append(4)
                }
            }
        }
        return bytes
    }

    public init?(decoding bytes: [UInt8]) {
        var reader = ExchangeReader(bytes)
        guard let arbiter = reader.text(), let standing = reader.standing(), let count = reader.uint32() else {
            return nil
        }
        var reports: [LeaseReport] = []
        for _ in 0..<count {
            guard let lease = reader.text().flatMap(LeaseName.init) else { return nil }
            switch reader.uint8() {
            case 0:
                guard let record = reader.record() else { return nil }
                reports.append(LeaseReport(lease: lease, kind: .news(record)))
            case 1:
                guard let request = reader.uint64(), let answer = reader.answer() else { return nil }
                reports.append(LeaseReport(lease: lease, kind: .answer(request: request, answer)))
            default: return nil
            }
        }
        guard reader.isAtEnd else { return nil }
        self.init(arbiter: arbiter, standing: standing, reports: reports)
    }
}

extension [UInt8] {
    /// UTF-8 behind its length, at most 65,535 bytes.
    fileprivate mutating func append(text: String) {
        let utf8 = Array(text.utf8.prefix(Int(UInt16.max)))
        append(bigEndian: UInt16(utf8.count))
        append(contentsOf: utf8)
    }

    /// A record behind its length; nothing is length 0.
    fileprivate mutating func append(record: LeaseRecord?) {
        let encoded = record?.encoded ?? []
        append(bigEndian: UInt16(truncatingIfNeeded: encoded.count))
        append(contentsOf: encoded)
    }
}

private struct ExchangeReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= bytes.count - offset else { return nil }
        defer { offset += count }
        return bytes[offset..<offset + count]
    }

    private mutating func integer<Integer: FixedWidthInteger>() -> Integer? {
        take(Integer.bitWidth / 8).map { $0.reduce(0) { $0 << 8 | Integer($1) } }
    }

    mutating func uint8() -> UInt8? { take(1)?.first }
    mutating func uint32() -> UInt32? { integer() }
    mutating func uint64() -> UInt64? { integer() }
    private mutating func uint16() -> UInt16? { integer() }
    private mutating func instant() -> Instant? { uint64().map { Instant(nanoseconds: Int64(bitPattern: $0)) } }

    mutating func text() -> String? {
        guard let length = uint16(), let utf8 = take(Int(length)) else { return nil }
        return String(decoding: utf8, as: UTF8.self)
    }

    /// Nil: no record can be read there; a nil within: there is none.
    mutating func record() -> LeaseRecord?? {
        guard let length = uint16(), let encoded = take(Int(length)) else { return nil }
        guard length > 0 else { return .some(nil) }
        guard let record = try? LeaseRecord(decoding: Array(encoded)) else { return nil }
        return record
    }

    mutating func standing() -> ArbiterStanding? {
        switch uint8() {
        case 0: return .connecting
        case 1: return uint64().map { .answering(roundTrip: .nanoseconds(Int64(bitPattern: $0))) }
        case 2:
            guard let why = text(), let until = instant() else { return nil }
            return .settling(why, until: until == .zero ? nil : until)
        case 3:
            guard let why = text(), let since = instant() else { return nil }
            return .down(why, since: since)
        default: return nil
        }
    }

    mutating func answer() -> LeaseAnswer? {
        switch uint8() {
        case 0: return .granted
        case 1: return record().map { .refused(standing: $0) }
        case 2: return record().map { .found($0) }
        case 3: return .unreadable
        case 4: return .ambiguous
        default: return nil
        }
    }
}
