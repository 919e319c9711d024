import ConfigLanguage
import Configuration
import Foundation
import Testing

/// What `fmt` does to a file changes nothing of what `dump` lists of it: over every configuration of Tests/Corpus, faulty ones
/// included as far as they have a meaning.
@Suite struct RoundTripTests {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Corpus").path
    /// Every file, by its path within the corpus.
    static let files: [ProvidedFile] = ((try? FileManager.default.subpathsOfDirectory(atPath: directory)) ?? [])
        .sorted()
        .compactMap { path in
            FileManager.default.contents(atPath: directory + "/" + path).map {
                ProvidedFile(path: path, bytes: Array($0))
            }
        }

    private func dump(_ main: ProvidedFile) -> (text: String?, faults: [String]) {
        let others = Self.files.filter { $0.path != main.path }
        let loaded = Configuration.load(main: main.path, files: MemoryFiles(others + [main]), leniency: .keepalived)
        let faults = loaded.diagnostics.filter { $0.rule != SyntaxRule.braceSpace }.map { "\($0.rule) \($0.message)" }
        return (loaded.understood.map { ConfigurationDump($0).text }, faults)
    }

    @Test("fmt then dump is dump, and has the same to say") func roundTrip() throws {
        var compared = 0
        for file in Self.files where file.path.hasSuffix(".conf") {
            let before = dump(file)
            let laidOut: [UInt8]
            do throws(FormatRefusal) {
                laidOut = try Configuration.format(file.bytes, name: file.path)
            } catch {
                // What is not closed is a fault to whoever reads it, too.
                #expect(!before.faults.isEmpty, "\(file.path) is refused: \(error.diagnostics.map(\.message))")
                continue
            }
            let after = dump(ProvidedFile(path: file.path, bytes: laidOut))
            #expect(after.text == before.text, "\(file.path)")
            #expect(after.faults == before.faults, "\(file.path)")
            #expect(try Configuration.format(laidOut, name: file.path) == laidOut, "\(file.path)")
            compared += 1
        }
        #expect(compared >= 13)
    }
}
