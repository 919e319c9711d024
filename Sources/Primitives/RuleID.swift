/// The name of the rule that decided something, such as `vrrp.backup.master-down`.
///
/// The same id stands in the code, a test's name, the log line, the metric's label, `aloft explain` and
/// docs/rules.md, so that a search for it finds all of them. `TidyTests` holds it to that.
public struct RuleID: Hashable, Sendable, CustomStringConvertible {
    public let name: StaticString

    public init(_ name: StaticString) { self.name = name }

    public var description: String { name.description }

    public static func == (a: RuleID, b: RuleID) -> Bool { a.description == b.description }
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
