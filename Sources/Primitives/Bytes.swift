/// Reads network-order integers from bytes that someone else wrote. Every read is checked and returns
/// nil past the end: a decoder built on it cannot trap, whatever arrives.
extension RawSpan {
    @inlinable public func uint8(at offset: Int) -> UInt8? {
        guard offset >= 0, offset < byteCount else { return nil }
        return unsafeLoadUnaligned(fromByteOffset: offset, as: UInt8.self)
    }

    @inlinable public func uint16(at offset: Int) -> UInt16? {
        guard offset >= 0, offset <= byteCount - 2 else { return nil }
        return UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inlinable public func uint32(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= byteCount - 4 else { return nil }
        return UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inlinable public func uint64(at offset: Int) -> UInt64? {
        guard offset >= 0, offset <= byteCount - 8 else { return nil }
        return UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The 4 or 16 bytes at `offset` as an address; nil when the span ends before them.
    @inlinable public func address(_ family: AddressFamily, at offset: Int) -> IPAddress? {
        switch family {
        case .ipv4:
            guard let bits = uint32(at: offset) else { return nil }
            return .v4(IPv4Address(bits: bits))
        case .ipv6:
            guard offset >= 0, offset <= byteCount - 16, let high = uint64(at: offset),
                let low = uint64(at: offset + 8)
            else { return nil }
            return .v6(IPv6Address(high: high, low: low))
        }
    }
}

extension [UInt8] {
    /// Appends `value` in network order.
    @inlinable public mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        var shift = Value.bitWidth
        while shift > 0 {
            shift -= 8
            append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }

    /// Overwrites two bytes at `offset` in network order. `offset + 1` must be a valid index.
    @inlinable public mutating func write(bigEndian value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value >> 8)
        self[offset + 1] = UInt8(truncatingIfNeeded: value)
    }
}
