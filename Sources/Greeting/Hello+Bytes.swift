import Arbitration
import Primitives
import VRRP

/// The bytes of a hello, in network order: a fixed part, four texts, echoes, and the seal where there is a key. Nothing follows.
///
///      0  mark "ALHI"        4  format (1)         5  flags            6  length of the fixed part
///      7  virtual router     8  family (4, 6)      9  VRRP version    10  role
///     11  priority          12  authentication    13  echoes          14  advert interval, 1/100 s (2)
///     16  incarnation (8)   24  sequence (8)      32  addresses (8)   40  authentication's digest (8)
///     48  lease's digest (8)                      56  lease, ns (8)   64  epoch (8)
///     72  successor (8)     80  slot, µs (4)      84  request, ms (4)
///     88  promise: incarnation (8), 96 sequence (8), 104 ms (4)
///    108  drift (2)        110  0 (2)            112  lengths of name, program, obstacle, holder (4)
///    116  became master, ms ago (4)          120  let go, ms ago (4); each one more than that, and 0 for never
///    124  texts, then echoes: incarnation (8), sequence (8), age in µs (4); then the seal (32)
///
/// A later version may make the fixed part longer without changing the format: what is more than 124 bytes is passed over. What
/// is less than 124 and at least 116 says nothing of when its speaker was master.
extension Hello {
    private static let mark: UInt32 = 0x414C_4849
    private static let format: UInt8 = 1
    private static let fixedLength = 124
    /// Of the first version.
    private static let shortestFixed = 116

    private struct Flags: OptionSet {
        var rawValue: UInt8
        static let sealed = Flags(rawValue: 1)
        static let claims = Flags(rawValue: 2)
        static let departing = Flags(rawValue: 4)
        static let preempts = Flags(rawValue: 8)
        static let lease = Flags(rawValue: 16)
    }

    private var texts: [[UInt8]] {
        [facts.name.description, facts.program.description, facts.obstacle?.description, facts.holder?.description].map
        {
            Array(($0 ?? "").utf8)
        }
    }

    /// How many echoes fit beside the texts: 5 beside the longest, and never more than 16.
    public var roomForEchoes: Int {
        let used = Self.fixedLength + HelloSeal.length + texts.reduce(0) { $0 + $1.count }
        return min(16, max(0, Self.longest - used) / Echo.length)
    }

    /// At most ``longest``; echoes that do not fit are left out, the last first.
    public func encoded(seal: HelloSeal?) -> [UInt8] {
        let texts = texts
        let echoes = echoes.prefix(roomForEchoes)
        var flags: Flags = seal == nil ? [] : .sealed
        if facts.claims { flags.insert(.claims) }
        if facts.isDeparting { flags.insert(.departing) }
        if facts.preempts { flags.insert(.preempts) }
        if facts.lease != nil { flags.insert(.lease) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.longest)
        bytes.append(bigEndian: Self.mark)
        bytes += [Self.format, flags.rawValue, UInt8(Self.fixedLength), router.rawValue]
        bytes += [family == .ipv4 ? 4 : 6, facts.version.rawValue, facts.role.rawValue, facts.priority.rawValue]
        bytes += [facts.authentication.kind.rawValue, UInt8(truncatingIfNeeded: echoes.count)]
        bytes.append(bigEndian: facts.interval.rawValue)
        bytes.append(bigEndian: incarnation.rawValue)
        bytes.append(bigEndian: sequence)
        bytes.append(bigEndian: facts.addresses)
        bytes.append(bigEndian: facts.authentication.digest)
        bytes.append(bigEndian: facts.lease?.digest ?? 0)
        bytes.append(bigEndian: UInt64(bitPattern: facts.lease?.terms.duration.nanoseconds ?? 0))
        bytes.append(bigEndian: facts.epoch.rawValue)
        bytes.append(bigEndian: successor?.rawValue ?? 0)
        bytes.append(bigEndian: Self.count(slot, in: .microseconds(1)))
        bytes.append(bigEndian: Self.count(request ?? .zero, in: .milliseconds(1)))
        bytes.append(bigEndian: promise?.incarnation.rawValue ?? 0)
        bytes.append(bigEndian: promise?.sequence ?? 0)
        bytes.append(bigEndian: Self.count(promise?.duration ?? .zero, in: .milliseconds(1)))
        bytes.append(bigEndian: facts.lease?.terms.drift ?? 0)
        bytes.append(bigEndian: UInt16(0))
        for text in texts { bytes.append(UInt8(truncatingIfNeeded: text.count)) }
        bytes.append(bigEndian: Self.age(masterFor))
        bytes.append(bigEndian: Self.age(notMasterFor))
        for text in texts { bytes += text }
        for echo in echoes {
            bytes.append(bigEndian: echo.incarnation.rawValue)
            bytes.append(bigEndian: echo.sequence)
            bytes.append(bigEndian: Self.count(echo.age, in: .microseconds(1)))
        }
        if let seal { bytes += seal.code(of: bytes) }
        return bytes
    }

    /// Milliseconds and one more; 0 for nil.
    private static func age(_ age: Duration?) -> UInt32 {
        age.map { min(count($0, in: .milliseconds(1)), .max - 1) + 1 } ?? 0
    }

    private static func age(_ field: UInt32?) -> Duration? {
        guard let field, field > 0 else { return nil }
        return .milliseconds(Int64(field - 1))
    }

    /// Whole units, rounded down, within 32 bits.
    private static func count(_ duration: Duration, in unit: Duration) -> UInt32 {
        UInt32(clamping: max(0, duration.nanoseconds) / unit.nanoseconds)
    }

    /// Reads what someone wrote: any bytes. The seal is looked at before anything else that it covers.
    ///
    /// - Parameter seal: the instance's; nil where it has no key, and then nothing sealed is read either: who sealed it expects
    ///   the same of others.
    public init(decoding bytes: [UInt8], seal: HelloSeal?) throws(HelloRejection) {
        let span = bytes.span.bytes
        guard bytes.count <= Self.longest, let mark = span.uint32(at: 0), mark == Self.mark,
            let format = span.uint8(at: 4), let flags = span.uint8(at: 5).map(Flags.init), let fixed = span.uint8(at: 6)
        else { throw .malformed }
        guard format == Self.format else { throw .format }
        guard flags.contains(.sealed) == (seal != nil) else { throw .seal }
        var end = bytes.count
        if let seal {
            end -= HelloSeal.length
            guard end >= 0, seal.isValid(bytes[end...], for: bytes[..<end]) else { throw .seal }
        }
        guard let hello = Hello(body: span, fixed: Int(fixed), end: end, flags) else { throw .malformed }
        self = hello
    }

    private init?(body span: RawSpan, fixed: Int, end: Int, _ flags: Flags) {
        guard fixed >= Self.shortestFixed, fixed <= end,
            let router = span.uint8(at: 7).flatMap({ VirtualRouterID($0) }),
            let family = Self.family(span.uint8(at: 8)),
            let incarnation = span.uint64(at: 16), incarnation != 0, let sequence = span.uint64(at: 24),
            let slot = span.uint32(at: 80), let request = span.uint32(at: 84),
            let promised = span.uint32(at: 104), let promisee = span.uint64(at: 88), let to = span.uint64(at: 96),
            (promised == 0) == (promisee == 0), let successor = span.uint64(at: 72), let echoes = span.uint8(at: 13)
        else { return nil }
        var texts: [String] = []
        var offset = fixed
        for index in 0..<4 {
            let length = Int(span.uint8(at: 112 + index) ?? 0)
            guard let text = Self.text(span, at: offset, length: length, end: end) else { return nil }
            texts.append(text)
            offset += length
        }
        guard let facts = GreetingFacts(span, texts: texts, hasLease: flags.contains(.lease)),
            end - offset == Int(echoes) * Echo.length
        else { return nil }
        self.init(
            router: router, family: family, incarnation: Incarnation(incarnation), sequence: sequence, facts: facts,
            slot: .microseconds(Int64(slot)), successor: successor == 0 ? nil : Incarnation(successor),
            request: request == 0 ? nil : .milliseconds(Int64(request)),
            promise: promised == 0
                ? nil : Promise(to: Incarnation(promisee), sequence: to, duration: .milliseconds(Int64(promised))))
        if fixed >= Self.fixedLength {
            masterFor = Self.age(span.uint32(at: 116))
            notMasterFor = masterFor == nil ? nil : Self.age(span.uint32(at: 120))
        }
        self.facts.claims = flags.contains(.claims)
        self.facts.isDeparting = flags.contains(.departing)
        self.facts.preempts = flags.contains(.preempts)
        while offset < end {
            guard let incarnation = span.uint64(at: offset), let sequence = span.uint64(at: offset + 8),
                let age = span.uint32(at: offset + 16)
            else { return nil }
            self.echoes.append(
                Echo(incarnation: Incarnation(incarnation), sequence: sequence, age: .microseconds(Int64(age))))
            offset += Echo.length
        }
    }

    private static func family(_ byte: UInt8?) -> AddressFamily? {
        switch byte {
        case 4: .ipv4
        case 6: .ipv6
        default: nil
        }
    }

    /// Printable ASCII.
    private static func text(_ span: RawSpan, at offset: Int, length: Int, end: Int) -> String? {
        guard length <= HelloText.longest, offset + length <= end else { return nil }
        let bytes = (0..<length).compactMap { span.uint8(at: offset + $0) }
        guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension GreetingFacts {
    fileprivate init?(_ span: RawSpan, texts: [String], hasLease: Bool) {
        guard let name = HolderName(texts[0]), !texts[1].isEmpty, let version = span.uint8(at: 9).flatMap(Version.init),
            let role = span.uint8(at: 10).flatMap(Role.init), let priority = span.uint8(at: 11),
            let kind = span.uint8(at: 12).flatMap(Authentication.Kind.init), let interval = span.uint16(at: 14),
            let addresses = span.uint64(at: 32), let secret = span.uint64(at: 40), let lease = span.uint64(at: 48),
            let duration = span.uint64(at: 56), let epoch = span.uint64(at: 64), let drift = span.uint16(at: 108)
        else { return nil }
        let holder = HolderName(texts[3])
        guard texts[3].isEmpty || holder != nil else { return nil }
        self.init(
            name: name, program: HelloText(texts[1]), role: role, priority: Priority(priority),
            obstacle: texts[2].isEmpty ? nil : HelloText(texts[2]), version: version, interval: Centiseconds(interval),
            addresses: addresses, authentication: Authentication(kind, digest: secret), epoch: Epoch(epoch),
            holder: holder)
        guard hasLease else {
            // What is not said must not differ.
            guard lease == 0, duration == 0, drift == 0 else { return nil }
            return
        }
        guard let terms = try? LeaseTerms(duration: .nanoseconds(Int64(clamping: duration)), drift: drift) else {
            return nil
        }
        self.lease = Lease(digest: lease, terms: terms)
    }
}
