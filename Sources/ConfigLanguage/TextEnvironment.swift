/// What a configuration may ask about the node that reads it, and how much text it may make.
public struct TextEnvironment: Sendable {
    /// Which lines behind `@id` are read, and what `${_INSTANCE}` is: the option `-i`, or the host's name up to its first
    /// dot.
    public var id: String
    /// The working directory, without a last slash: what a relative path in `${_PWD}` begins with. Empty when unknown.
    public var directory: String
    /// What `${_ENV NAME}` is; nil is nothing.
    public var variable: @Sendable (String) -> String?

    public var limits = ExpansionLimits()

    public init(
        id: String = "", directory: String = "", variable: @escaping @Sendable (String) -> String? = { _ in nil }
    ) {
        self.id = id
        self.directory = directory
        self.variable = variable
    }
}

/// How much text variables and loops may make.
public struct ExpansionLimits: Sendable {
    /// Bytes in all.
    public var bytes = 64 << 20
    /// Passes of loops in all.
    public var passes = 100_000
    /// References replaced in all.
    public var references = 2_000_000
    /// Values within values, loops within loops.
    public var depth = 32

    public init() {}
}
