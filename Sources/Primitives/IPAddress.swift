/// The two families an address, a virtual router or a socket can belong to.
public enum AddressFamily: UInt8, Hashable, Sendable, Comparable {
    case ipv4 = 4
    case ipv6 = 6

    /// Bytes of an address: 4 or 16.
    @inlinable public var addressLength: Int { self == .ipv4 ? 4 : 16 }
    /// Bits of an address: 32 or 128. Also the length of a host prefix.
    @inlinable public var addressBits: UInt8 { self == .ipv4 ? 32 : 128 }

    @inlinable public static func < (a: AddressFamily, b: AddressFamily) -> Bool { a.rawValue < b.rawValue }
}

/// An IPv4 address. `bits` is in host order: 10.0.0.1 is 0x0A000001.
public struct IPv4Address: Hashable, Sendable, Comparable {
    public var bits: UInt32
    @inlinable public init(bits: UInt32) { self.bits = bits }
    @inlinable public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }
    @inlinable public static func < (a: IPv4Address, b: IPv4Address) -> Bool { a.bits < b.bits }
    /// 224.0.0.0/4, RFC 5771.
    @inlinable public var isMulticast: Bool { bits >> 28 == 0xE }
}

/// An IPv6 address as two halves in host order.
public struct IPv6Address: Hashable, Sendable, Comparable {
    public var high: UInt64
    public var low: UInt64
    @inlinable public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
    @inlinable public static func < (a: IPv6Address, b: IPv6Address) -> Bool {
        a.high != b.high ? a.high < b.high : a.low < b.low
    }
    /// fe80::/10, RFC 4291 §2.5.6.
    @inlinable public var isLinkLocal: Bool { high >> 54 == 0x3FA }
    /// ff00::/8, RFC 4291 §2.7.
    @inlinable public var isMulticast: Bool { high >> 56 == 0xFF }
}

/// An IPv4 or IPv6 address. Ordered by family first, then numerically (RFC 9568 §6.4.3 compares the
/// sources of two equal priorities this way, within one family).
public enum IPAddress: Hashable, Sendable, Comparable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    @inlinable public var family: AddressFamily {
        switch self {
        case .v4: .ipv4
        case .v6: .ipv6
        }
    }

    @inlinable public static func < (a: IPAddress, b: IPAddress) -> Bool {
        switch (a, b) {
        case (.v4(let a), .v4(let b)): a < b
        case (.v6(let a), .v6(let b)): a < b
        case (.v4, .v6): true
        case (.v6, .v4): false
        }
    }

    @inlinable public var isMulticast: Bool {
        switch self {
        case .v4(let a): a.isMulticast
        case .v6(let a): a.isMulticast
        }
    }

    @inlinable public var isLinkLocal: Bool {
        switch self {
        case .v4(let a): a.bits >> 16 == 0xA9FE
        case .v6(let a): a.isLinkLocal
        }
    }
}

// MARK: - Bytes

extension IPAddress {
    /// What `append(to:)` wrote; nil of any other number of bytes.
    public init?(networkOrder bytes: [UInt8]) {
        let span = bytes.span.bytes
        switch bytes.count {
        case 4:
            guard let bits = span.uint32(at: 0) else { return nil }
            self = .v4(IPv4Address(bits: bits))
        case 16:
            guard let high = span.uint64(at: 0), let low = span.uint64(at: 8) else { return nil }
            self = .v6(IPv6Address(high: high, low: low))
        default: return nil
        }
    }

    /// Appends the 4 or 16 bytes of the address in network order.
    public func append(to bytes: inout [UInt8]) {
        switch self {
        case .v4(let a): bytes.append(bigEndian: a.bits)
        case .v6(let a):
            bytes.append(bigEndian: a.high)
            bytes.append(bigEndian: a.low)
        }
    }
}

// MARK: - Text

extension IPAddress: CustomStringConvertible, LosslessStringConvertible {
    /// Dotted decimal, or RFC 5952 for IPv6.
    public var description: String {
        switch self {
        case .v4(let a): a.description
        case .v6(let a): a.description
        }
    }

    /// Accepts dotted decimal with four parts, or RFC 4291 §2.2 text (without a zone).
    public init?(_ text: String) {
        self.init(utf8: Array(text.utf8)[...])
    }

    public init?(utf8 text: ArraySlice<UInt8>) {
        if text.contains(UInt8(ascii: ":")) {
            guard let a = IPv6Address(utf8: text) else { return nil }
            self = .v6(a)
        } else {
            guard let a = IPv4Address(utf8: text) else { return nil }
            self = .v4(a)
        }
    }
}

extension IPv4Address: CustomStringConvertible {
    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }

    public init?(utf8 text: ArraySlice<UInt8>) {
        var bits: UInt32 = 0
        var parts = 0
        var value: UInt32 = 0
        var digits = 0
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, parts < 3 else { return nil }
                bits = bits << 8 | value
                parts += 1
                value = 0
                digits = 0
            } else {
                guard byte >= 48, byte <= 57, digits < 3 else { return nil }
                value = value * 10 + UInt32(byte - 48)
                digits += 1
                guard value <= 255 else { return nil }
            }
        }
        guard parts == 3, digits > 0 else { return nil }
        self.init(bits: bits << 8 | value)
    }
}

extension IPv6Address: CustomStringConvertible {
    private var groups: [UInt16] {
        (0..<8).map { UInt16(truncatingIfNeeded: ($0 < 4 ? high : low) >> UInt64(48 - ($0 & 3) * 16)) }
    }

    /// RFC 5952: lower case, the longest run of two or more zero groups as `::`, the first of equals.
    public var description: String {
        let groups = self.groups
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > best.count, end - start > 1 { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ range: Range<Int>) -> String {
            range.map { String(groups[$0], radix: 16) }.joined(separator: ":")
        }
        return best.isEmpty ? text(0..<8) : text(0..<best.lowerBound) + "::" + text(best.upperBound..<8)
    }

    public init?(utf8 text: ArraySlice<UInt8>) {
        var before: [UInt16] = []
        var after: [UInt16] = []
        var compressed = false
        var index = text.startIndex
        var expectGroup = true  // a group (or "::") must follow
        while index < text.endIndex {
            if text[index] == UInt8(ascii: ":") {
                guard index + 1 < text.endIndex, text[index + 1] == UInt8(ascii: ":"), !compressed else { return nil }
                guard expectGroup ? before.isEmpty : true else { return nil }
                compressed = true
                index += 2
                expectGroup = false
                if index == text.endIndex { break }
            } else if !expectGroup && !(compressed && after.isEmpty && text[index - 1] == UInt8(ascii: ":")) {
                return nil
            }
            // An embedded IPv4 address may stand for the last two groups (RFC 4291 §2.2.3).
            let rest = text[index...]
            if rest.contains(UInt8(ascii: ".")), !rest.contains(UInt8(ascii: ":")) {
                guard let v4 = IPv4Address(utf8: rest) else { return nil }
                let pair = [UInt16(v4.bits >> 16), UInt16(v4.bits & 0xFFFF)]
                if compressed { after += pair } else { before += pair }
                index = text.endIndex
                expectGroup = false
                break
            }
            var value: UInt32 = 0
            var digits = 0
            while index < text.endIndex, let digit = hexDigit(text[index]) {
                guard digits < 4 else { return nil }
                value = value << 4 | UInt32(digit)
                digits += 1
                index += 1
            }
            guard digits > 0 else { return nil }
            if compressed { after.append(UInt16(value)) } else { before.append(UInt16(value)) }
            expectGroup = false
            if index < text.endIndex {
                guard text[index] == UInt8(ascii: ":") else { return nil }
                let isDouble = index + 1 < text.endIndex && text[index + 1] == UInt8(ascii: ":")
                if !isDouble {
                    index += 1
                    expectGroup = true
                    guard index < text.endIndex, text[index] != UInt8(ascii: ":") else { return nil }
                }
            }
        }
        let count = before.count + after.count
        guard compressed ? count <= 7 : count == 8 else { return nil }
        let all = before + Array(repeating: 0, count: 8 - count) + after
        let halves = [all[0..<4], all[4..<8]].map { $0.reduce(UInt64(0)) { $0 << 16 | UInt64($1) } }
        self.init(high: halves[0], low: halves[1])
    }
}

@inlinable func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
