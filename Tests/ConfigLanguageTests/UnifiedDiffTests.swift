import ConfigLanguage
import Primitives
import Testing

@Suite struct UnifiedDiffTests {
    func diff(_ old: String, _ new: String) -> String {
        let (a, b) = (UnifiedDiff.lines(Array(old.utf8)), UnifiedDiff.lines(Array(new.utf8)))
        return UnifiedDiff(a, b).text(
            name: "f", old: { String(decoding: a[$0], as: UTF8.self) }, new: { String(decoding: b[$0], as: UTF8.self) })
    }

    @Test("Equal texts have no difference")
    func equal() {
        #expect(diff("", "") == "")
        #expect(diff("a\nb\n", "a\nb\n") == "")
    }

    @Test("A change stands between three lines of context, and far ones are apart")
    func hunks() {
        let old = (1...20).map { "\($0)\n" }.joined()
        let new = old.replacing("\n5\n", with: "\nfive\n").replacing("\n18\n", with: "\n18\neighteen and a half\n")
        #expect(
            diff(old, new) == """
                --- f
                +++ f
                @@ -2,7 +2,7 @@
                 2
                 3
                 4
                -5
                +five
                 6
                 7
                 8
                @@ -16,5 +16,6 @@
                 16
                 17
                 18
                +eighteen and a half
                 19
                 20

                """)
    }

    @Test("A last line without an end is told")
    func noEnd() {
        #expect(
            diff("a", "b\n") == "--- f\n+++ f\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n")
        #expect(diff("", "b\n") == "--- f\n+++ f\n@@ -0,0 +1,1 @@\n+b\n")
        #expect(diff("a\n", "") == "--- f\n+++ f\n@@ -1,1 +0,0 @@\n-a\n")
    }

    /// Applies a difference, as patch(1) does.
    func patched(_ old: String, _ diff: String) -> String? {
        let source = old.split(separator: "\n", omittingEmptySubsequences: false)
        var result: [Substring] = []
        var position = 0
        for line in diff.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(2).dropLast() {
            if line.hasPrefix("@@") {
                guard let start = Int(line.dropFirst(4).prefix { $0 != "," }) else { return nil }
                while position < start - 1 {
                    result.append(source[position])
                    position += 1
                }
                continue
            }
            switch line.first {
            case " ", "-":
                guard position < source.count, source[position] == line.dropFirst() else { return nil }
                if line.first == " " { result.append(source[position]) }
                position += 1
            case "+": result.append(line.dropFirst())
            default: return nil
            }
        }
        return (result + source[position...]).joined(separator: "\n")
    }

    @Test("The difference of any two texts turns one into the other", arguments: 1...40)
    func random(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        func text() -> String {
            (0..<Int.random(in: 1...40, using: &random)).map { _ in
                ["a", "b", "c", "d"][Int.random(in: 0..<4, using: &random)] + "\n"
            }.joined()
        }
        let (old, new) = (text(), text())
        if old != new { #expect(patched(old, diff(old, new)) == new) }
    }

    @Test("Texts that have nothing in common are told in a bounded time")
    func bounded() {
        let old = (0..<3_000).map { "old \($0)\n" }.joined()
        let new = (0..<3_000).map { "new \($0)\n" }.joined()
        #expect(patched(old, diff(old, new)) == new)
    }
}
