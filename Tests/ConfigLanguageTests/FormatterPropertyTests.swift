import Primitives
import Testing

@testable import ConfigLanguage

/// Texts from a seed: a plausible file, and then mutations that make it less so.
private struct TextSource {
    var random: SplitMix64

    mutating func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    mutating func pick(_ choices: [String]) -> String { choices[below(choices.count)] }

    static let words = [
        "a", "state", "MASTER", "10.0.0.1/24", "\"q  {x} # y\"", "b\\#c", "$X", "${X}", "${_RANDOM 1  9}", "script",
        "'s  {'", "\"\"", "vrrp_instance", "virtual_ipaddress", "auth_pass", "x!y", "é", "\\", "~", "@", "in",
    ]
    static let starts = [
        "@one ", "@^one ", "@two  ", "~SEQ(i, 1, 3)  ", "~LST({a, b}, {1, 2}) ", "include  ", "$Y=", "",
    ]
    static let gaps = [" ", "  ", "\t", " \r ", "\u{0B}", ""]
    static let ends = ["\n", "\n", "\n", "\r\n", "\n\n\n", "  \n", " # c  d\n", "!e\n", " \\\n", "\n# f\n"]
    static let braces = [" {", "{", " }", "}", "\n{", " { a }", "{}", " { a { b } c }"]

    mutating func statement() -> String {
        var text = below(8) == 0 ? pick(Self.starts) : pick(Self.gaps)
        for _ in 0..<below(4) + 1 { text += pick(Self.words) + pick(Self.gaps) }
        return text
    }

    /// Its braces match, unless its words happen to hide one.
    mutating func balanced() -> String {
        var text = below(16) == 0 ? "\u{FEFF}" : ""
        var depth = 0
        for _ in 0..<below(30) {
            text += statement()
            switch below(6) {
            case 0, 1:
                text += pick([" {", "{", "\n{", "  \n\n{"])
                depth += 1
            case 2 where depth > 0:
                text += pick(["}", " }", "\n}"])
                depth -= 1
            default: break
            }
            text += pick(Self.ends)
        }
        return text + String(repeating: pick(["}", "}\n", " } "]), count: depth)
    }

    mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return bytes.append(UInt8(below(256))) }
        let index = below(bytes.count)
        switch below(5) {
        case 0: bytes[index] = UInt8(below(256))
        case 1: bytes.remove(at: index)
        case 2: bytes.insert(Array("{}\"'#!\\$@~ \n\r\0".utf8)[below(14)], at: index)
        case 3: bytes.insert(contentsOf: pick(Self.braces + Self.words + Self.ends).utf8, at: index)
        default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + below(40))], at: below(bytes.count))
        }
    }
}

/// What the reader makes of a text: words, blocks and complaints, without their places; and its comments.
private struct Reading: Equatable {
    var words: [[UInt8]] = []
    var blocks: [UInt32?] = []
    var faults: [String] = []
    var comments: [[UInt8]] = []

    init(_ text: [UInt8], _ rules: LexicalRules) {
        let tree = SyntaxTree(main: "a", files: MemoryFiles([ProvidedFile(path: "a", bytes: text)]), rules: rules)
        for statement in tree.statements {
            let first = Int(statement.firstToken)
            for token in tree.tokens[first..<first + Int(statement.tokenCount)] {
                words.append(Array(tree.sources.bytes(in: token.range)))
            }
            blocks += [statement.parent, statement.tokenCount, statement.open == nil ? nil : 1]
        }
        // A missing space before a brace is what a layout mends.
        faults = tree.diagnostics.filter { $0.rule != SyntaxRule.braceSpace }.map { fault in
            // Where one is missing the layout tells.
            "\(fault.rule) \(fault.rule == SyntaxRule.missingBrace ? "" : fault.message)"
        }
        .sorted()
        // Between the words there is nothing but blank space, braces and comments; of lines that are expanded the words lie elsewhere.
        guard tree.tokens.allSatisfy({ Int($0.end) <= text.count }) else { return }
        var position = 0
        for token in tree.tokens + [Token(start: UInt32(text.count), end: UInt32(text.count))] {
            var index = position
            while index < Int(token.start) {
                guard text[index] == UInt8(ascii: "#") || text[index] == UInt8(ascii: "!") else {
                    index += 1
                    continue
                }
                let end = text[index...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
                var last = end
                while last > index, [0x20, 0x09, 0x0B, 0x0C, 0x0D].contains(text[last - 1]) { last -= 1 }
                comments.append(Array(text[index..<last]))
                index = end
            }
            position = Int(token.end)
        }
    }
}

extension Reading {
    /// The first thing that another reading has otherwise.
    func difference(_ other: Reading) -> String? {
        func first<Value: Equatable>(_ a: [Value], _ b: [Value], _ name: String, _ shown: (Value) -> String) -> String?
        {
            guard a != b else { return nil }
            let index = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
            func side(_ list: [Value]) -> String { index < list.count ? shown(list[index]) : "none" }
            return "\(name) \(index): \(side(a)), \(side(b))"
        }
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self).debugDescription }
        return first(words, other.words, "word", text) ?? first(blocks, other.blocks, "block") { "\($0 ?? 0)" }
            ?? first(faults, other.faults, "fault") { $0 } ?? first(comments, other.comments, "comment", text)
    }
}

@Suite struct FormatterPropertyTests {
    static let rules = LexicalRules(shellQuoted: ["script"], secret: ["auth_pass"], topLevel: ["vrrp_instance"])

    private func solid(_ text: [UInt8]) -> [UInt8] {
        text.filter { ![0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D].contains($0) }
    }

    @Test("A layout loses nothing, means the same, and is its own layout", arguments: 0..<8)
    func lossless(_ part: Int) throws {
        var accepted = 0
        var refused = 0
        for seed in part * 1_000..<(part + 1) * 1_000 {
            var source = TextSource(random: SplitMix64(seed: UInt64(seed)))
            var text = Array(source.balanced().utf8)
            for _ in 0..<max(0, source.below(8) - 2) { source.mutate(&text) }
            let result: [UInt8]
            do throws(FormatRefusal) {
                result = try SourceFormatter.format(text, name: "a", rules: Self.rules)
            } catch {
                refused += 1
                #expect(error.diagnostics.allSatisfy { $0.severity == .error }, "seed \(seed)")
                continue
            }
            accepted += 1
            let shown = "seed \(seed): \(String(decoding: text, as: UTF8.self).debugDescription)"
            #expect(solid(result) == solid(text), "\(shown)")
            let difference = Reading(text, Self.rules).difference(Reading(result, Self.rules))
            #expect(difference == nil, "\(shown)")
            let again = try? SourceFormatter.format(result, name: "a", rules: Self.rules)
            #expect(again == result, "\(shown)")
        }
        // Both ways are walked.
        #expect(accepted > 200)
        #expect(refused > 50)
    }
}
