import Primitives

/// The arguments that a keyword takes, as data: what checks, documentation and completion read.
public enum ArgumentShape: Hashable, Sendable {
    /// The keyword alone.
    case none
    /// `on`, `off`, `true`, `false`, `yes`, `no`; nothing means on.
    case boolean
    /// A whole number within a range, with its unit or an empty text.
    case integer(ClosedRange<Int>, unit: String)
    /// Whole numbers, one or more.
    case integers(ClosedRange<Int>, String)
    /// Seconds with up to six decimals; the range is in microseconds.
    case seconds(ClosedRange<Int>)
    /// Milliseconds with up to three decimals; the range is in microseconds.
    case milliseconds(ClosedRange<Int>)
    /// Percent with one decimal; the range is in parts per thousand.
    case percent(ClosedRange<Int>)
    /// One word, described.
    case word(String)
    /// Words up to the end of the line, at least one.
    case words(String)
    /// One word in the shell's quoting, described.
    case quoted(String)
    /// One of a few words.
    case choice([String])
    /// The name of a network interface.
    case interface
    case address
    /// `ADDRESS[/LENGTH]`, or one of a few words.
    case prefix([String])
    /// A path that begins with a slash.
    case path
    /// A command in the shell's quoting, and perhaps a user and a group.
    case command
    /// A command in the shell's quoting, alone.
    case program
    /// `USER [[:]GROUP]`.
    case user
    /// A number, decimal or hexadecimal, or a name that the system's tables know.
    case numberOrName(ClosedRange<Int>)
    /// `A[-B]`.
    case interval(ClosedRange<Int>)
    /// `N[/MASK]`, decimal or hexadecimal.
    case masked
    /// `[FROM/]TO`: two realms, each a number or a name.
    case realms
    /// One after the other.
    case sequence([ArgumentShape])
    /// Or nothing.
    indirect case optional(ArgumentShape)
    /// What only a description can say.
    case other(String)
    /// A block of its own, with or without a name.
    case block(named: Bool)
    /// A block of its own, with more than a name before it, described.
    case headedBlock(String)
    /// A block whose entries are values, described.
    case list(String)
}

extension ArgumentShape {
    /// The arguments as a manual writes them, such as `ADDRESS [PORT]`; empty where there are none.
    public var text: String {
        switch self {
        case .none: ""
        case .boolean: "[on|off]"
        case .integer(_, let unit): Self.number(of: unit)
        case .integers(_, let what): "\(what) …"
        case .seconds: "SECONDS"
        case .milliseconds: "MILLISECONDS"
        case .percent: "PERCENT"
        case .word(let what), .quoted(let what): Self.placeholder(what)
        case .words(let what): Self.placeholder(what) + " …"
        case .choice(let words): words.joined(separator: "|")
        case .interface: "INTERFACE"
        case .address: "ADDRESS"
        case .prefix(let words): (["ADDRESS[/LENGTH]"] + words).joined(separator: "|")
        case .path: "PATH"
        case .command: "COMMAND [USER [[:]GROUP]]"
        case .program: "COMMAND"
        case .user: "USER [[:]GROUP]"
        case .numberOrName: "N|NAME"
        case .interval: "A[-B]"
        case .masked: "N[/MASK]"
        case .realms: "[FROM/]TO"
        case .sequence(let parts): parts.map(\.text).joined(separator: " ")
        case .optional(let part): "[\(part.text)]"
        case .other(let text): text
        case .block(let named): named ? "NAME { … }" : "{ … }"
        case .headedBlock(let head): "\(head) { … }"
        case .list(let what): "{ \(what) … }"
        }
    }

    /// The values that are allowed, such as `1…255`; empty where the text says all.
    public var rangeText: String {
        switch self {
        case .integer(let range, let unit):
            "\(range.lowerBound)…\(range.upperBound)" + (unit.isEmpty ? "" : " \(unit)")
        case .integers(let range, _), .numberOrName(let range), .interval(let range):
            "\(range.lowerBound)…\(range.upperBound)"
        case .seconds(let range):
            Self.span(range, scale: 1) + " s"
        case .milliseconds(let range):
            Self.span(range, scale: 1_000) + " ms"
        case .percent(let range):
            Self.span(range, scale: 100_000) + " %"
        case .sequence(let parts):
            parts.map(\.rangeText).filter { !$0.isEmpty }.joined(separator: ", ")
        case .optional(let part): part.rangeText
        default: ""
        }
    }

    /// It opens a block.
    var wantsBlock: Bool {
        switch self {
        case .block, .headedBlock, .list: true
        default: false
        }
    }

    /// Its words follow the shell's quoting.
    var isShellQuoted: Bool {
        switch self {
        case .command, .program, .quoted: true
        case .optional(let part): part.isShellQuoted
        default: false
        }
    }

    private static func number(of unit: String) -> String {
        switch unit {
        case "s": "SECONDS"
        case "µs": "MICROSECONDS"
        case "bytes": "BYTES"
        default: "N"
        }
    }

    /// A description in one lower-case word becomes a placeholder; what is written otherwise stays.
    private static func placeholder(_ what: String) -> String {
        what.utf8.allSatisfy { $0 >= 0x61 && $0 <= 0x7A || $0 == 0x20 } ? what.uppercased() : what
    }

    private static func span(_ range: ClosedRange<Int>, scale: Int) -> String {
        let low = Duration.microseconds(range.lowerBound * scale).formattedSeconds(digits: 6)
        let high = Duration.microseconds(range.upperBound * scale).formattedSeconds(digits: 6)
        return "\(low)…\(high)"
    }
}
