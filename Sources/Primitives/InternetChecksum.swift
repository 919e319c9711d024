/// The one's complement sum of RFC 1071, over any number of pieces.
///
/// Pieces must have an even number of bytes, but for the last.
public struct InternetChecksum: Sendable {
    @usableFromInline var sum: UInt64 = 0

    @inlinable public init() {}

    @inlinable public mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

    @inlinable public mutating func add(_ address: IPAddress) {
        switch address {
        case .v4(let a): add(bits: UInt64(a.bits))
        case .v6(let a):
            add(bits: a.high)
            add(bits: a.low)
        }
    }

    @inlinable mutating func add(bits: UInt64) {
        sum &+= bits >> 48 &+ (bits >> 32 & 0xFFFF) &+ (bits >> 16 & 0xFFFF) &+ (bits & 0xFFFF)
    }

    /// Adds bytes as big-endian words; an odd last byte is padded with zero.
    @inlinable public mutating func add(_ bytes: RawSpan) {
        var offset = 0
        let count = bytes.byteCount
        while offset + 2 <= count {
            sum &+= UInt64(UInt16(bigEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)))
            offset += 2
        }
        if offset < count {
            sum &+= UInt64(bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)) << 8
        }
    }

    /// The complement of the folded sum: what goes into a checksum field, and 0 over data that carries
    /// a right one.
    @inlinable public var value: UInt16 {
        var folded = sum
        while folded >> 16 != 0 { folded = (folded & 0xFFFF) &+ (folded >> 16) }
        return ~UInt16(truncatingIfNeeded: folded)
    }
}
