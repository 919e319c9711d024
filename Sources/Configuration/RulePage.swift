import Primitives

/// Where a rule is explained: a path of the documentation with its section.
public enum RulePage {
    public static func address(of rule: RuleID) -> String { "docs/configuration.md#" + section(of: rule.description) }

    /// Rules of servers that are about their checkers.
    private static let checkers = [
        "incomplete-check", "unknown-track-file", "unknown-bfd", "no-check", "check-protocol", "check-port",
        "check-source",
        "slow-check", "url-default", "url-path", "regex-option", "hexadecimal", "reply-length",
    ]

    /// The section by the second part of the rule's name.
    public static func section(of rule: String) -> String {
        let parts = rule.split(separator: ".", maxSplits: 2)
        switch parts.count > 1 ? parts[1] : "" {
        case "file", "syntax", "diagnostics", "include": return "the-text-1"
        case "condition", "variable", "loop": return "conditions-variables-loops"
        case "keyword", "block", "value", "command", "entry": return "keywords-and-values"
        case "instance", "address": return "instances"
        case "script", "group", "global": return "scripts-groups-globals"
        case "tracker", "static", "interface", "hmac": return "trackers-statics-signatures"
        case "arbiter": return "arbiters"
        case "server": return parts.count > 2 && checkers.contains(String(parts[2])) ? "checkers" : "virtual-servers"
        case "check": return "checkers"
        case "plane": return "data-planes"
        case "cluster": return "between-nodes"
        case "host": return "on-this-host"
        default: return "rules"
        }
    }
}
