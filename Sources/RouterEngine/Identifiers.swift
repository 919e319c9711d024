/// Handles into the engine's tables: trivial, stable while the thing lives, reused afterwards. An effect
/// carries them, and whoever carries it out asks the engine what they stand for.

/// A virtual router of this node.
public struct RouterID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
    public var description: String { "router \(index)" }
}

/// A sync group of this node: its place in the configuration.
public struct GroupID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
    public var description: String { "group \(index)" }
}

/// A lease that this node takes part in. Its index is its slot in the fence.
public struct LeaseID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
    public var description: String { "lease \(index)" }
}

/// A tracked script. Not reused: a late answer to a script that a reload removed finds nobody.
public struct ScriptID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let number: UInt32
    public init(_ number: UInt32) { self.number = number }
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public var description: String { "script \(number)" }
}

/// An address that this node holds or does not hold, depending on its routers.
public struct AddressID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let index: Int
    public init(_ index: Int) { self.index = index }
    public static func < (a: Self, b: Self) -> Bool { a.index < b.index }
    public var description: String { "address \(index)" }
}
