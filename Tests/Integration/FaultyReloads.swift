import Foundation
import NetworkLab
import Primitives
import Testing

/// Every faulty file of the corpus in turn replaces the file of a running master, which is told to reload. keepalived drops
/// the address or ends on some of them.
extension OnTheKernel {
    @Suite("Faulty reloads", .needsRoot) struct FaultyReloads {
        @Test("a master that is told to reload each faulty file of the corpus keeps its address and misses no advert")
        func corpus() throws {
            let faults = try Fault.all()
            try #require(faults.count >= 120, "only \(faults.count) files of \(Fault.directory.path) are refused")
            try withoutStarvation { meter in
                let pair = try Pair { setting, _ in setting.isStrict = true }
                defer { pair.close() }
                let left = pair.left
                try Fault.copyParts(to: left.directory)
                let worker = try pair.worker()
                let watch = try pair.stage.left.watchAddresses()
                let begin = meter.event()
                var starts: [(name: String, time: Instant)] = []
                for fault in faults {
                    starts.append((fault.name, LabClock.now()))
                    try fault.bytes.write(to: URL(filePath: left.configuration))
                    let said = left.log.utf8.count
                    let isAccepted = try left.reload()
                    // Each has an advert of its own to spoil.
                    try LabClock.observe(for: pair.settings[0].interval)
                    let text = String(decoding: left.log.utf8.dropFirst(said), as: UTF8.self)
                    #expect(!isAccepted, "\(fault.name) was accepted: \(text)")
                    #expect(fault.rules.contains { text.contains("[\($0)]") }, "\(fault.name): \(text)")
                }
                #expect(LabClock.now() - begin < .seconds(30), "\(faults.count) reloads took too long")
                #expect(left.workerPID == worker, pair.log)
                #expect(!watch.events.contains { !$0.isPresent }, "addresses went: \(watch.events)")
                #expect(try pair.stage.holders() == ["left"])
                #expect(pair.adverts(from: pair.stage.right, after: begin).isEmpty, pair.log)
                let (silence, end) = longestSilence(of: pair, after: begin)
                let during = starts.last { $0.time < end }?.name ?? "the first file"

                // And a good one is taken.
                try left.configure(pair.settings[0])
                #expect(try left.reload(), pair.log)
                try LabClock.observe(for: pair.settings[0].interval * 3)
                #expect(left.workerPID == worker, pair.log)
                #expect(!watch.events.contains { !$0.isPresent }, "addresses went: \(watch.events)")
                let last = pair.longestSilence(from: pair.stage.left, after: begin)
                return [
                    Figure("between two adverts, during \(during)", silence, atMost: .milliseconds(150)),
                    Figure("between two adverts, the good file's reload included", last, atMost: .milliseconds(150)),
                ]
            }
        }

        /// The longest time between two adverts of left, and when it ended.
        private func longestSilence(of pair: Pair, after event: Instant) -> (Duration, Instant) {
            let times = pair.adverts(from: pair.stage.left, after: event - pair.settings[0].interval * 2).map(\.time)
            let gaps = zip(times, times.dropFirst()).map { ($1 - $0, $1) }
            return gaps.max { $0.0 < $1.0 } ?? (.seconds(3600), event)
        }
    }
}

/// A file of the corpus that is refused.
private struct Fault {
    let name: String
    let bytes: Data
    /// Of its errors.
    let rules: [String]

    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Corpus/faulty")

    /// All of them, by name. A file with warnings alone would be accepted, and is none.
    static func all() throws -> [Fault] {
        try #require(
            FileManager.default.fileExists(atPath: directory.path),
            "\(directory.path) is missing: there is nothing to reload")
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        return try names.filter { $0.hasSuffix(".conf") }.compactMap { name -> Fault? in
            let bytes = try Data(contentsOf: directory.appending(path: name))
            // `#: 12:5 error config.…` in the file, or beside it where it can hold no comment.
            let beside = try? Data(contentsOf: directory.appending(path: name + ".expected"))
            let text = String(decoding: beside ?? bytes, as: UTF8.self)
            var rules: [String] = []
            for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("#: ") {
                let words = line.split(separator: " ")
                if words.count >= 4, words[2] == "error" { rules.append(String(words[3])) }
            }
            return rules.isEmpty ? nil : Fault(name: name, bytes: bytes, rules: rules)
        }
    }

    /// What they include lies beside them.
    static func copyParts(to destination: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            let source = directory.appending(path: name).path
            try FileManager.default.copyItem(atPath: source, toPath: destination + "/" + name)
        }
    }
}

extension DaemonProcess {
    /// Sends SIGHUP and waits for the supervisor's word: whether the file was accepted.
    fileprivate func reload() throws -> Bool {
        let said = log.utf8.count
        current.signal(SIGHUP)
        return try LabClock.wait(upTo: .seconds(5), for: "the answer to a reload") { () throws(LabError) in
            let lines = String(decoding: log.utf8.dropFirst(said), as: UTF8.self).split(separator: "\n")
            // A time, a level, and the text.
            for line in lines.map({ $0.split(separator: " ", maxSplits: 2) }) where line.count == 3 {
                if line[2].hasPrefix("the reload is rejected") { return false }
                if line[2].hasPrefix("reloaded") { return true }
            }
            return nil
        }
    }
}
