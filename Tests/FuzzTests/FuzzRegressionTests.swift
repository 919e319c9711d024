import ConfigLanguage
import Configuration
import Foundation
import FuzzTargets
import Primitives
import Testing

/// What the fuzzers found once, and what they begin with, goes through the same checks for ever.
@Suite struct FuzzRegressionTests {
    /// An input with the target that it is for.
    struct Input: Sendable, CustomTestStringConvertible {
        var target: FuzzTarget
        var path: String
        var testDescription: String { "\(target.rawValue): \(path)" }

        static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()

        static let all: [Input] = FuzzTarget.allCases.flatMap { target in
            ["Tests/Seeds/fuzz/", "Fuzzing/Corpus/"].flatMap { directory in
                let path = directory + target.rawValue
                let names =
                    (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)) ?? []
                return names.sorted().map { Input(target: target, path: path + "/" + $0) }
            }
        }

        func bytes() throws -> [UInt8] { Array(try Data(contentsOf: Self.root.appending(path: path))) }
    }

    @Test("An input that was found breaks no promise any more", arguments: Input.all)
    func replay(_ input: Input) throws {
        let bytes = try input.bytes()
        let digest = try input.target.check(bytes)
        #expect(try input.target.check(bytes) == digest, "it is read in another way the second time")
    }

    @Test("Every target has inputs to begin with", arguments: FuzzTarget.allCases)
    func seeds(_ target: FuzzTarget) {
        #expect(Input.all.contains { $0.target == target && $0.path.hasPrefix("Fuzzing/") })
    }

    @Test(
        "Configurations with faults that people make are read to their ends, and keep every promise", arguments: 1...4)
    func mutations(seed: Int) throws {
        let originals = try Input.all.filter { $0.target == .configuration }.map { try $0.bytes() }
        var random = SplitMix64(seed: UInt64(seed))
        for _ in 0..<60 {
            let original = originals[Int.random(in: 0..<originals.count, using: &random)]
            let other = originals[Int.random(in: 0..<originals.count, using: &random)]
            var mutator = ConfigurationMutator(seed: random.next(), limit: 4096)
            var text = mutator.mutate(original)
            if Int.random(in: 0..<4, using: &random) == 0 { text = mutator.splice(text, other) }
            for target in [FuzzTarget.configuration, .language] {
                do throws(Violation) {
                    try target.check(text)
                } catch {
                    Issue.record("\(target.rawValue): \(error)\n\(String(decoding: text, as: UTF8.self))")
                }
            }
        }
    }

    @Test("The mutator makes other texts, from one seed the same, none too long")
    func mutator() throws {
        let text = Array("vrrp_instance A {\n    priority 1\n}\nvrrp_script s {\n    script /bin/true\n}\n".utf8)
        var results: Set<[UInt8]> = []
        for seed in 0..<200 as Range<UInt64> {
            var first = ConfigurationMutator(seed: seed, limit: 100)
            var second = ConfigurationMutator(seed: seed, limit: 100)
            let result = first.mutate(text)
            #expect(result == second.mutate(text))
            #expect(result.count <= 100)
            results.insert(result)
            var empty = ConfigurationMutator(seed: seed, limit: 100)
            #expect(empty.splice(empty.mutate([]), []).count <= 100)
        }
        #expect(results.count > 150)
    }
}

/// The checks find what they are for.
@Suite struct FuzzPromiseTests {
    private func check(_ diagnostic: Diagnostic, in text: String, secret: Bool = false) -> Bool {
        var sources = Configuration.load(text: text, name: "a").sources
        if !secret { sources = SyntaxTree(main: "a", files: MemoryFiles("a", text)).sources }
        do throws(Violation) {
            try DiagnosticPromises.check([diagnostic], sources)
            return true
        } catch { return false }
    }

    @Test("A diagnostic beyond the text, without words, or with a password in it is found")
    func diagnostics() {
        let rule = SyntaxRule.extraBrace
        let here = SourceRange(start: 0, end: 1)
        #expect(check(Diagnostic(.error, rule, at: here, "x"), in: "abc"))
        #expect(!check(Diagnostic(.error, rule, at: SourceRange(start: 2, end: 4), "x"), in: "abc"))
        #expect(!check(Diagnostic(.error, rule, at: here, ""), in: "abc"))
        let beyond = Diagnostic.Related(SourceRange(start: 9, end: 9), "y")
        #expect(!check(Diagnostic(.error, rule, at: here, "x", related: [beyond]), in: "abc"))
        let text = "vrrp_instance A {\nauthentication {\nauth_pass hunter2-hunter3\n}\n}\n"
        #expect(check(Diagnostic(.error, rule, at: here, "x"), in: text, secret: true))
        #expect(!check(Diagnostic(.error, rule, at: here, "it is hunter2-hunter3"), in: text, secret: true))
    }
}
