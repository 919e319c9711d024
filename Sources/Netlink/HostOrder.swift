/// Netlink speaks the machine's own byte order (RFC 3549 §2.2). Every read is checked and nil past the end.
extension RawSpan {
    @inlinable public func hostUInt16(at offset: Int) -> UInt16? {
        guard offset >= 0, offset <= byteCount - 2 else { return nil }
        return unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)
    }

    @inlinable public func hostUInt32(at offset: Int) -> UInt32? {
        guard offset >= 0, offset <= byteCount - 4 else { return nil }
        return unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
    }

    @inlinable public func hostUInt64(at offset: Int) -> UInt64? {
        guard offset >= 0, offset <= byteCount - 8 else { return nil }
        return unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}

extension [UInt8] {
    /// Appends `value` in the machine's order.
    @inlinable public mutating func append<Value: FixedWidthInteger>(hostOrder value: Value) {
        Swift.withUnsafeBytes(of: value) { append(contentsOf: $0) }
    }

    /// Overwrites four bytes at `offset` in the machine's order. `offset + 3` must be a valid index.
    @inlinable mutating func write(hostOrder value: UInt32, at offset: Int) {
        Swift.withUnsafeBytes(of: value) { bytes in
            for index in 0..<4 { self[offset + index] = bytes[index] }
        }
    }

    /// Overwrites two bytes at `offset` in the machine's order. `offset + 1` must be a valid index.
    @inlinable mutating func write(hostOrder value: UInt16, at offset: Int) {
        Swift.withUnsafeBytes(of: value) { bytes in
            for index in 0..<2 { self[offset + index] = bytes[index] }
        }
    }
}
