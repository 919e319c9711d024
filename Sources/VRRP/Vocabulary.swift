import Primitives

/// VRRPv2 (RFC 3768) or VRRPv3 (RFC 5798, RFC 9568).
public enum Version: UInt8, Hashable, Sendable {
    case v2 = 2
    case v3 = 3
}

/// The identifier of a virtual router on its link: 1…255 (RFC 9568 §5.2.3).
public struct VirtualRouterID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt8

    /// Nil for 0, which names no virtual router.
    @inlinable public init?(_ rawValue: UInt8) {
        guard rawValue > 0 else { return nil }
        self.rawValue = rawValue
    }

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}

/// Who wins: 1…254 for routers that back up, 255 for the owner of the addresses, 0 for a master that
/// gives up (RFC 9568 §5.2.4).
public struct Priority: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt8
    @inlinable public init(_ rawValue: UInt8) { self.rawValue = rawValue }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    public static let releasing = Priority(0)
    public static let owner = Priority(255)

    public var description: String { String(rawValue) }
}

/// Hundredths of a second, the unit of VRRPv3's interval field: 12 bits, 0…4095 (RFC 9568 §5.2.7). VRRPv2's
/// whole seconds, 0…255, go up to 25500.
public struct Centiseconds: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt16
    @inlinable public init(_ rawValue: UInt16) { self.rawValue = rawValue }
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

    @inlinable public var duration: Duration { .milliseconds(Int64(rawValue) * 10) }

    /// `duration` in whole hundredths, at least 1 and at most what the version's field holds.
    public init(rounding duration: Duration, for version: Version) {
        let hundredths = duration.nanoseconds / 10_000_000
        rawValue = UInt16(min(max(hundredths, 1), version == .v2 ? 25_500 : 4095))
    }

    public var description: String { duration.formattedSeconds(digits: 2) + " s" }
}

/// What a virtual router is to the outside: the four states of keepalived, which has FAULT beside the
/// RFC's three (RFC 9568 §6.4).
public enum Role: UInt8, Hashable, Sendable, CustomStringConvertible {
    case initialize = 0
    case backup = 1
    case master = 2
    case fault = 3

    public var description: String {
        switch self {
        case .initialize: "INIT"
        case .backup: "BACKUP"
        case .master: "MASTER"
        case .fault: "FAULT"
        }
    }
}
