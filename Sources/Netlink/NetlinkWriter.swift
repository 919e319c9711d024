import Primitives

/// Writing messages: headers whose length is set when the body is known, attributes with their padding.
extension [UInt8] {
    /// Appends a header whose length is set by `endMessage(at:)`. Returns where it starts.
    mutating func beginMessage(_ type: UInt16, flags: UInt16, sequence: UInt32) -> Int {
        while count & 3 != 0 { append(0) }
        let start = count
        append(hostOrder: UInt32(0))
        append(hostOrder: type)
        append(hostOrder: flags)
        append(hostOrder: sequence)
        append(hostOrder: UInt32(0))
        return start
    }

    mutating func endMessage(at start: Int) {
        write(hostOrder: UInt32(truncatingIfNeeded: count - start), at: start)
    }

    /// Appends one attribute and its padding. `value` is at most 65,531 bytes.
    mutating func append(attribute type: UInt16, _ value: some Collection<UInt8>) {
        append(hostOrder: UInt16(truncatingIfNeeded: NetlinkAttribute.headerLength + value.count))
        append(hostOrder: type)
        append(contentsOf: value)
        while count & 3 != 0 { append(0) }
    }

    mutating func append(attribute type: UInt16, hostOrder value: UInt32) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 4))
        append(hostOrder: type)
        append(hostOrder: value)
    }

    mutating func append(attribute type: UInt16, _ address: IPAddress) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + address.family.addressLength))
        append(hostOrder: type)
        address.append(to: &self)
    }

    /// A name as the kernel takes it: at most 15 bytes (IFNAMSIZ) and a NUL.
    mutating func append(attribute type: UInt16, text: String) {
        append(attribute: type, Array(text.utf8.prefix(15)) + [0])
    }

    /// A NUL-terminated string of any length (`NLA_NUL_STRING`).
    mutating func append(attribute type: UInt16, string: String) {
        append(attribute: type, Array(string.utf8.prefix(65_000)) + [0])
    }

    /// Begins an attribute that holds attributes (NLA_F_NESTED); `endNested(at:)` sets its length.
    mutating func beginNested(_ type: UInt16) -> Int {
        let start = count
        append(hostOrder: UInt16(0))
        append(hostOrder: type | 0x8000)
        return start
    }

    /// What was nested must stay below 65,536 bytes.
    mutating func endNested(at start: Int) {
        write(hostOrder: UInt16(truncatingIfNeeded: count - start), at: start)
    }
}
