import Primitives
import SimulatedWorld
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Simulation") struct SimulationTests {
    @Test("SAFE-1, LIVE-1, KERN-1: a dozen short seeds break no promise", arguments: 1...12)
    func seedHoldsItsPromises(_ seed: Int) {
        let result = Campaign(duration: 200).run(seed: UInt64(seed))
        #expect(result.failure == nil, "\(result.failure?.summary ?? "")")
    }

    @Test("a seed decides everything: twice the same seed is twice the same trace")
    func isDeterministic() {
        for seed in [UInt64(5), 11] {
            let first = Campaign(duration: 200).run(seed: seed)
            let second = Campaign(duration: 200).run(seed: seed)
            #expect(first.traceHash == second.traceHash)
            #expect(first.events == second.events)
            #expect(Campaign(duration: 200).run(seed: seed, tellsStory: true).traceHash == first.traceHash)
        }
    }

    @Test("every seed that once found a bug passes")
    func regressionsPass() throws {
        for seed in try regressions() {
            let result = Campaign(duration: 200).run(seed: seed)
            #expect(result.failure == nil, "\(result.failure?.summary ?? "")")
        }
    }

    @Test("SAFE-2, LIVE-1: a dozen seeds with arbiters break no promise", arguments: 1...12)
    func leasesHold(_ seed: Int) {
        let result = Campaign(duration: 200, arbiters: .always).run(seed: UInt64(seed))
        #expect(result.hadArbiter)
        #expect(result.failure == nil, "\(result.failure?.summary ?? "")")
    }

    @Test("every seed with an arbiter that once found a bug passes")
    func leaseRegressionsPass() throws {
        for seed in try regressions("arbiters") {
            let result = Campaign(duration: 600, arbiters: .always).run(seed: seed)
            #expect(result.failure == nil, "\(result.failure?.summary ?? "")")
        }
    }

    private func regressions(_ name: String = "regressions") throws -> [UInt64] {
        let text = try Files.read(Files.tests + "/Seeds/\(name).txt")
        let seeds = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap {
            $0.split(separator: " ").first.flatMap { UInt64($0) }
        }
        try #require(!seeds.isEmpty)
        return seeds
    }
}

/// Reading and writing what stands beside the tests.
enum Files {
    /// The folder Tests.
    static let tests: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        return parts.dropLast(2).joined(separator: "/")
    }()

    struct Unreadable: Error { var path: String }

    static func read(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = fread(&buffer, 1, buffer.count, file)
            if count == 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw Unreadable(path: path) }
        defer { fclose(file) }
        let bytes = Array(text.utf8)
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Unreadable(path: path) }
    }

    /// Names of the files in a folder that end in `suffix`, sorted.
    static func list(_ folder: String, _ suffix: String) throws -> [String] {
        guard let directory = opendir(folder) else { throw Unreadable(path: folder) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(suffix) { names.append(name) }
        }
        return names.sorted()
    }
}

@Suite("Stories") struct StoryTests {
    static let folder = Files.tests + "/Stories"
    static let names = (try? Files.list(folder, ".story")) ?? []

    @Test("there are stories") func thereAreStories() { #expect(Self.names.count >= 15) }

    /// ALOFT_REWRITE_STORIES=1 writes what the engine does now. Commit only what you can explain.
    @Test("the engine does what the story tells", arguments: names)
    func storyHolds(_ name: String) throws {
        let path = Self.folder + "/" + name
        let told = try Files.read(path)
        let played = try Playbook.play(told)
        if getenv("ALOFT_REWRITE_STORIES") != nil {
            try Files.write(played, to: path)
            return
        }
        let (expected, seen) = (told.split(separator: "\n"), played.split(separator: "\n"))
        let line = zip(expected, seen).enumerated().first { $0.element.0 != $0.element.1 }
        #expect(
            told == played,
            "\(name), line \(line.map { $0.offset + 1 } ?? min(expected.count, seen.count)): told \(line?.element.0 ?? "more"), happened \(line?.element.1 ?? "more")"
        )
    }
}
