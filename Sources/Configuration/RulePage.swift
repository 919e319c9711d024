import Primitives

/// Where a rule is explained: a path of the documentation with its section.
public enum RulePage {
    public static func address(of rule: RuleID) -> String { "docs/configuration.md#" + section(of: rule.description) }

    /// The section by the second part of the rule's name.
    static func section(of rule: String) -> String {
        let parts = rule.split(separator: ".", maxSplits: 2)
        switch parts.count > 1 ? parts[1] : "" {
        case "file", "syntax", "diagnostics", "include": return "the-text-1"
        case "keyword", "block", "value", "command": return "keywords-and-values"
        case "instance", "address": return "instances"
        case "script", "group", "global": return "scripts-groups-globals"
        case "cluster": return "between-nodes"
        case "host": return "on-this-host"
        default: return "rules"
        }
    }
}
