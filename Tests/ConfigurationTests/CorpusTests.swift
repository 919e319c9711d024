import ConfigLanguage
import Configuration
import Foundation
import Testing

/// A configuration of Tests/Corpus, with what is to be said about it.
///
/// The expectations are comments of the file itself, one a diagnostic: `#: 12:5 error config.instance.priority-range`, and
/// `#: parts/a.conf:3:5 error …` for a place in a file that it includes. What cannot hold a comment has them beside it, in
/// `NAME.expected`.
struct CorpusFile: Sendable, CustomTestStringConvertible {
    /// Relative to its directory.
    let path: String
    let expected: [String]
    var testDescription: String { path }
}

/// A directory of the corpus: its main files, and all files for includes.
struct Corpus: Sendable {
    let main: [CorpusFile]
    let files: MemoryFiles

    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Corpus")

    init(_ directory: String) {
        let root = Corpus.root.appending(path: directory)
        var found: [ProvidedFile] = []
        let below = FileManager.default.enumerator(atPath: root.path)
        while let name = below?.nextObject() as? String {
            let url = root.appending(path: name)
            guard (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true,
                let data = try? Data(contentsOf: url)
            else { continue }
            found.append(ProvidedFile(path: name, bytes: Array(data)))
        }
        files = MemoryFiles(found)
        main = files.files.filter { $0.path.hasSuffix(".conf") && !$0.path.contains("/") }.map { file in
            let beside = found.first { $0.path == file.path + ".expected" }
            return CorpusFile(path: file.path, expected: Corpus.expectations(beside?.bytes ?? file.bytes))
        }
    }

    static func expectations(_ bytes: [UInt8]) -> [String] {
        String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).filter { $0.hasPrefix("#: ") }
            .map { String($0.dropFirst(3)) }.sorted()
    }

    /// What is said about a main file, as expectations have it: warnings and errors, sorted.
    func findings(_ path: String, _ leniency: Leniency = .strict) -> (LoadedConfiguration, [String]) {
        let loaded = Configuration.load(main: path, files: files, leniency: leniency)
        let lines = loaded.diagnostics.filter { $0.severity > .note }.map { diagnostic in
            let place = loaded.sources.location(of: diagnostic.range)
            let file = place.file == path ? "" : place.file + ":"
            return "\(file)\(place.line):\(place.column) \(diagnostic.severity) \(diagnostic.rule)"
        }
        return (loaded, lines.sorted())
    }
}

/// Configurations as operators write them, with the mistakes that they make.
@Suite struct CorpusTests {
    static let faulty = Corpus("faulty")
    static let fine = Corpus("fine")

    @Test("A faulty file has its diagnostics, each at its place, and no others", arguments: faulty.main)
    func faultyFile(_ file: CorpusFile) {
        let (loaded, findings) = Self.faulty.findings(file.path)
        #expect(findings == file.expected, "\(loaded.renderedDiagnostics())")
        #expect(!file.expected.isEmpty)
    }

    @Test("A fine file has neither an error nor a warning, under both readings", arguments: fine.main)
    func fineFile(_ file: CorpusFile) {
        for leniency in [Leniency.strict, .keepalived] {
            let (loaded, findings) = Self.fine.findings(file.path, leniency)
            #expect(findings == [], "\(loaded.renderedDiagnostics())")
            #expect(loaded.isValid)
        }
    }

    @Test(
        "Under keepalived's leniency no faulty file has more errors than in the strict reading", arguments: faulty.main)
    func lenientReading(_ file: CorpusFile) {
        let strict = Self.faulty.findings(file.path).1.filter { $0.contains(" error ") }
        let lenient = Self.faulty.findings(file.path, .keepalived).1.filter { $0.contains(" error ") }
        #expect(lenient.count <= strict.count, "\(lenient)")
    }

    @Test("What waits for the rest of the language is read to its end")
    func pending() {
        for directory in ["pending/faulty", "pending/fine"] {
            let corpus = Corpus(directory)
            for file in corpus.main {
                for leniency in [Leniency.strict, .keepalived] {
                    let (loaded, _) = corpus.findings(file.path, leniency)
                    #expect(loaded.diagnostics.allSatisfy { Int($0.range.end) <= loaded.sources.bytes.count })
                }
            }
        }
    }

    @Test("The corpus is as large as it says")
    func size() {
        #expect(Self.faulty.main.count >= 220)
        #expect(Self.fine.main.count >= 45)
    }
}
