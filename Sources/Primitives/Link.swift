/// The kernel's number of a network interface (`ifindex`); at least 1. It is not reused while the
/// interface lives, unlike its name.
public struct InterfaceIndex: Hashable, Sendable, Comparable, CustomStringConvertible {
    public var rawValue: UInt32
    @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    @inlinable public static func < (a: InterfaceIndex, b: InterfaceIndex) -> Bool { a.rawValue < b.rawValue }
    public var description: String { "if\(rawValue)" }
}

/// A 48-bit Ethernet address.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
    /// The six octets in the low 48 bits, the first transmitted octet highest.
    public var bits: UInt64
    @inlinable public init(bits: UInt64) { self.bits = bits & 0xFFFF_FFFF_FFFF }

    public static let broadcast = MACAddress(bits: 0xFFFF_FFFF_FFFF)
    public static let zero = MACAddress(bits: 0)

    /// The six octets in transmission order.
    public var octets: [UInt8] { (0..<6).map { UInt8(truncatingIfNeeded: bits >> UInt64(40 - 8 * $0)) } }

    public func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: UInt16(truncatingIfNeeded: bits >> 32))
        bytes.append(bigEndian: UInt32(truncatingIfNeeded: bits))
    }

    public var description: String {
        octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}
