import Primitives

/// What members of a register say to each other.
///
/// In network order: `ALRG`, format (1), kind (1), two zeros, the view: ring's sequence (8), its node (4), digest (8); then what
/// the kind has. Nothing follows. A record is the bytes of ``LeaseRecord``, with its length (1) before; a name likewise.
struct RegisterMessage: Hashable, Sendable {
    /// A member's state, or one part of it.
    struct State: Hashable, Sendable {
        /// The sender's number of this state: parts of different ones are not put together.
        var serial: UInt64
        var part: UInt16
        /// 1…
        var parts: UInt16
        var isVoter: Bool
        var primary: PrimaryID
        /// Every epoch and version that was acknowledged is below it, unless the table has it.
        var floor: UInt64
        var leases: [Lease]

        /// A voter that acknowledged what it knows no longer, and has waited until nobody holds by that.
        var hasForgotten: Bool { primary == .none && floor > 0 }
    }

    struct Lease: Hashable, Sendable {
        var name: LeaseName
        var record: LeaseRecord
    }

    struct Item: Hashable, Sendable {
        var name: LeaseName
        /// Nil: a read.
        var write: Write?
    }

    struct Write: Hashable, Sendable {
        var record: LeaseRecord
        var replacing: LeaseRecord?
    }

    enum Kind: Hashable, Sendable {
        case state(State)
        /// Questions, in order; `number` is the sender's.
        case request(number: UInt64, [Item])
        /// The sender has carried out this many requests of the view.
        case acknowledgement(count: UInt64)
        /// All send their states anew: someone came to see the view later than others.
        case gather
    }

    var view: ViewTag
    var kind: Kind

    init(view: ViewTag, kind: Kind) {
        self.view = view
        self.kind = kind
    }

    private static let mark: UInt32 = 0x414C_5247
    private static let format: UInt8 = 1
    static let headerLength = 28
    /// No message is longer: Corosync carries messages of up to 1 MB, and the short ones go between.
    static let longest = 32_768
    static let longestLease = 2 + LeaseName.longest + LeaseRecord.longest
    static let longestItem = 3 + LeaseName.longest + 2 * LeaseRecord.longest

    enum Unreadable: Error, Hashable, Sendable {
        case notOurs
        case format(UInt8)
        case damaged
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Self.mark)
        bytes.append(Self.format)
        switch kind {
        case .state: bytes.append(1)
        case .request: bytes.append(2)
        case .acknowledgement: bytes.append(3)
        case .gather: bytes.append(4)
        }
        bytes += [0, 0]
        bytes.append(bigEndian: view.ring.sequence)
        bytes.append(bigEndian: view.ring.node)
        bytes.append(bigEndian: view.digest)
        switch kind {
        case .state(let state):
            bytes.append(bigEndian: state.serial)
            bytes.append(bigEndian: state.part)
            bytes.append(bigEndian: state.parts)
            bytes.append(state.isVoter ? 1 : 0)
            bytes.append(bigEndian: state.primary.ring.sequence)
            bytes.append(bigEndian: state.primary.ring.node)
            bytes.append(bigEndian: state.primary.ordinal)
            bytes.append(bigEndian: state.floor)
            bytes.append(bigEndian: UInt16(truncatingIfNeeded: state.leases.count))
            for lease in state.leases {
                Self.append(Array(lease.name.description.utf8), to: &bytes)
                Self.append(lease.record.encoded, to: &bytes)
            }
        case .request(let number, let items):
            bytes.append(bigEndian: number)
            bytes.append(bigEndian: UInt16(truncatingIfNeeded: items.count))
            for item in items {
                Self.append(Array(item.name.description.utf8), to: &bytes)
                // An empty record: there is none.
                Self.append(item.write?.record.encoded ?? [], to: &bytes)
                if let write = item.write { Self.append(write.replacing?.encoded ?? [], to: &bytes) }
            }
        case .acknowledgement(let count): bytes.append(bigEndian: count)
        case .gather: break
        }
        return bytes
    }

    private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
        bytes.append(UInt8(truncatingIfNeeded: part.count))
        bytes += part
    }

    /// Reads what someone in the group sent: any bytes.
    init(decoding bytes: [UInt8]) throws(Unreadable) {
        var reader = Reader(bytes: bytes)
        guard bytes.count >= 4, bytes.count <= Self.longest, try reader.uint32() == Self.mark else { throw .notOurs }
        let format = try reader.uint8()
        guard format == Self.format else { throw .format(format) }
        let kind = try reader.uint8()
        guard try reader.uint8() == 0, try reader.uint8() == 0 else { throw .damaged }
        let ring = RingID(sequence: try reader.uint64(), node: try reader.uint32())
        view = ViewTag(ring: ring, digest: try reader.uint64())
        switch kind {
        case 1: self.kind = .state(try reader.state())
        case 2: self.kind = .request(number: try reader.uint64(), try reader.items())
        case 3: self.kind = .acknowledgement(count: try reader.uint64())
        case 4: self.kind = .gather
        default: throw .damaged
        }
        guard reader.offset == bytes.count else { throw .damaged }
    }
}

extension RegisterMessage {
    private struct Reader {
        let bytes: [UInt8]
        var offset = 0

        mutating func uint8() throws(Unreadable) -> UInt8 {
            guard let value = bytes.span.bytes.uint8(at: offset) else { throw .damaged }
            offset += 1
            return value
        }

        mutating func uint16() throws(Unreadable) -> UInt16 {
            guard let value = bytes.span.bytes.uint16(at: offset) else { throw .damaged }
            offset += 2
            return value
        }

        mutating func uint32() throws(Unreadable) -> UInt32 {
            guard let value = bytes.span.bytes.uint32(at: offset) else { throw .damaged }
            offset += 4
            return value
        }

        mutating func uint64() throws(Unreadable) -> UInt64 {
            guard let value = bytes.span.bytes.uint64(at: offset) else { throw .damaged }
            offset += 8
            return value
        }

        mutating func part() throws(Unreadable) -> [UInt8] {
            let length = Int(try uint8())
            guard bytes.count - offset >= length else { throw .damaged }
            defer { offset += length }
            return Array(bytes[offset..<(offset + length)])
        }

        mutating func name() throws(Unreadable) -> LeaseName {
            guard let name = LeaseName(String(decoding: try part(), as: UTF8.self)) else { throw .damaged }
            return name
        }

        mutating func record() throws(Unreadable) -> LeaseRecord? {
            let part = try part()
            if part.isEmpty { return nil }
            do { return try LeaseRecord(decoding: part) } catch { throw .damaged }
        }

        mutating func state() throws(Unreadable) -> State {
            var state = State(
                serial: try uint64(), part: try uint16(), parts: try uint16(), isVoter: false, primary: .none,
                floor: 0, leases: [])
            guard state.part < state.parts else { throw .damaged }
            switch try uint8() {
            case 0: break
            case 1: state.isVoter = true
            default: throw .damaged
            }
            let ring = RingID(sequence: try uint64(), node: try uint32())
            state.primary = PrimaryID(ring: ring, ordinal: try uint64())
            state.floor = try uint64()
            for _ in 0..<(try uint16()) {
                let name = try name()
                guard let record = try record() else { throw .damaged }
                state.leases.append(Lease(name: name, record: record))
            }
            return state
        }

        mutating func items() throws(Unreadable) -> [Item] {
            var items: [Item] = []
            for _ in 0..<(try uint16()) {
                let name = try name()
                let record = try record()
                let write: Write? =
                    if let record { Write(record: record, replacing: try self.record()) } else { nil }
                items.append(Item(name: name, write: write))
            }
            return items
        }
    }
}
