import Primitives
import Testing

@testable import ConfigLanguage

@Suite struct LineDifferenceTests {
    private func difference(_ old: String, _ new: String, context: Int = 3) -> String {
        let bytes = LineDifference.unified(
            Array(old.utf8), Array(new.utf8), oldName: "a", newName: "b", context: context)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("Equal texts have none")
    func equal() { #expect(difference("x\n", "x\n") == "") }

    @Test("Changes stand between the lines around them, and near ones share a hunk")
    func hunks() {
        let old = (1...20).map { "\($0)\n" }.joined()
        #expect(
            difference(old, old.replacing("7\n", with: "x\n", maxReplacements: 1))
                == "--- a\n+++ b\n@@ -4,7 +4,7 @@\n 4\n 5\n 6\n-7\n+x\n 8\n 9\n 10\n")
        #expect(
            difference(old, "0\n" + old.replacing("9\n", with: "", maxReplacements: 1), context: 1)
                == "--- a\n+++ b\n@@ -1 +1,2 @@\n+0\n 1\n@@ -8,3 +9,2 @@\n 8\n-9\n 10\n")
        #expect(
            difference(old, old.replacing("\n3\n", with: "\n").replacing("\n9\n", with: "\nx\n"), context: 3)
                == "--- a\n+++ b\n@@ -1,12 +1,11 @@\n 1\n 2\n-3\n 4\n 5\n 6\n 7\n 8\n-9\n+x\n 10\n 11\n 12\n")
    }

    @Test("A missing end of the last line is said")
    func lastLine() {
        #expect(difference("x", "x\n") == "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n")
        #expect(difference("", "x\n") == "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n")
        #expect(difference("x\n", "") == "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n")
    }

    /// Applies a difference as `patch` would.
    private func apply(_ difference: [UInt8], to old: [UInt8]) -> [UInt8] {
        guard !difference.isEmpty else { return old }
        let lines = old.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        var result: [[UInt8]] = []
        var position = 0
        for line in difference.split(separator: 0x0A, omittingEmptySubsequences: false).dropFirst(2) {
            let text = String(decoding: line, as: UTF8.self)
            if text.hasPrefix("@@") {
                let span = text.dropFirst(4).prefix { $0 != " " }.split(separator: ",")
                let first = Int(span[0])! - (span.last == "0" && span.count == 2 ? 0 : 1)
                while position < first {
                    result.append(lines[position])
                    position += 1
                }
            } else if let mark = line.first {
                if mark != UInt8(ascii: "+") { position += 1 }
                if mark != UInt8(ascii: "-") { result.append(Array(line.dropFirst())) }
            }
        }
        return Array((result + lines[position...]).joined(separator: [0x0A]))
    }

    @Test("What it says turns the one text into the other")
    func roundTrip() {
        var random = SplitMix64(seed: 7)
        func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
        for _ in 0..<2_000 {
            let letters = below(12) + 1
            var old = (0..<below(40)).map { _ in "l\(below(letters))\n" }
            let first = old.joined()
            for _ in 0..<below(8) {
                let index = below(old.count + 1)
                if below(2) == 0 || index == old.count {
                    old.insert("l\(below(letters))\n", at: index)
                } else {
                    old.remove(at: index)
                }
            }
            let second = Array(old.joined().utf8)
            let difference = LineDifference.unified(Array(first.utf8), second, oldName: "a", newName: "b")
            #expect(apply(difference, to: Array(first.utf8)) == second)
        }
    }

    @Test("What may not be shown is not, and still differs")
    func shown() {
        let (old, new) = ("a secret1\nb\n", "a secret2\nb\n")
        let bytes = LineDifference.unified(
            Array(old.utf8), Array(new.utf8), oldName: "f", newName: "f",
            shown: (Array("a *******\nb\n".utf8), Array("a *******\nb\n".utf8)))
        #expect(String(decoding: bytes, as: UTF8.self) == "--- f\n+++ f\n@@ -1,2 +1,2 @@\n-a *******\n+a *******\n b\n")
    }

    @Test("Large and unfriendly texts take no longer than their length asks", .timeLimit(.minutes(5)))
    func giants() {
        let many = (0..<30_000).map { "\($0)\n" }
        let old = many.joined()
        #expect(difference(old, many.reversed().joined()).utf8.count > 300_000)
        #expect(difference(old, many.map { " " + $0 }.joined()).utf8.count > 300_000)
        let braces = String(repeating: "}\n", count: 30_000)
        #expect(difference(braces, "x\n" + braces + "y\n").utf8.count < 100)
        #expect(
            difference(String(repeating: "a\nb\n", count: 20_000), String(repeating: "b\na\nc\n", count: 20_000))
                != "")
    }
}
