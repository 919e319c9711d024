/// Bytes that must not be printed: a password or a key. Its descriptions are `•••`.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The bytes themselves, for the one place that puts them on the wire or compares them.
    public let revealed: [UInt8]

    public init(_ bytes: [UInt8]) { revealed = bytes }

    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
}
