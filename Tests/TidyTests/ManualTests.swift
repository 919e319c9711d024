import Foundation
import Testing

/// What is made from the declarations of the commands is what is committed.
@Suite struct Manuals {
    @Test("aloft.8 and the reference are what `aloft reference` writes") func written() throws {
        let aloft = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "aloft")
        try #require(
            FileManager.default.isExecutableFile(atPath: aloft.path),
            "no aloft beside the test; was it built with `swift build --build-tests`?")
        let directory = FileManager.default.temporaryDirectory.appending(path: "aloft-reference-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        for name in ["docs", "Packaging"] {
            try FileManager.default.createDirectory(
                at: directory.appending(path: name), withIntermediateDirectories: true)
        }
        let process = Process()
        process.executableURL = aloft
        process.arguments = ["reference", "--write", directory.path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        var count = 0
        let below = FileManager.default.enumerator(atPath: directory.path)
        while let name = below?.nextObject() as? String {
            guard let text = try? String(contentsOf: directory.appending(path: name), encoding: .utf8) else { continue }
            count += 1
            #expect(Repository.shared.file(name)?.text == text, "\(name): run `aloft reference --write .`")
        }
        #expect(count > 15)
    }

    @Test("scripts/install installs the manual pages and the completion") func installed() throws {
        let script = try #require(Repository.shared.file("scripts/install")).text
        for name in ["Packaging/aloft.conf.5", "Packaging/aloft.8", "completion bash"] {
            #expect(script.contains(name), "\(name)")
        }
    }
}
