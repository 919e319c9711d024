import Foundation
import Glibc
import NetworkLab
import Primitives
import Testing

/// `aloft witness` and two nodes that want one lease, each in a namespace of its own.
extension OnTheKernel {
    @Suite("A witness", .needsRoot) struct Witnesses {
        static let secret = "correct-horse-battery-staple"

        final class Scene {
            let lab: Lab
            let witness: Node
            let directory: String
            var process: Child?
            var nodes: [(name: String, child: Child)] = []
            var starts = 0

            init() throws {
                lab = try Programs.lab()
                witness = try lab.makeNode("witness", addresses: ["10.82.0.9/24"])
                directory = try lab.makeDirectory("witness")
                let path = directory + "/keys"
                try File.write("lab \(Witnesses.secret)\n", to: path)
                chmod(path, 0o600)
            }

            var state: String { directory + "/state" }

            func startWitness() throws {
                starts += 1
                process = try witness.start(
                    [
                        Programs.aloft, "witness", "--listen", "10.82.0.9", "--state", state, "--keys",
                        directory + "/keys",
                        "--max-lease", "1",
                    ], log: "witness-\(starts)")
            }

            func startNode(_ name: String, _ number: Int) throws {
                let node = try lab.makeNode(name, addresses: ["10.82.0.\(number)/24"])
                let child = try node.start(
                    [
                        Programs.aloft, "lab-lease", "10.82.0.9", "--name", name, "--secret", Witnesses.secret,
                        "--milliseconds",
                        "1000",
                    ], log: name)
                nodes.append((name, child))
            }

            struct Span {
                var name: String
                var from: Int64
                var until: Int64
                var epoch: UInt64
            }

            /// When each node could have served: from what it was told to the deadline, or to where it was told to stop.
            func spans() -> [Span] {
                var spans: [Span] = []
                for (name, child) in nodes {
                    for line in child.output.lines {
                        let words = line.split(separator: " ")
                        guard words.count >= 2, let time = Int64(words[0]) else { continue }
                        if words[1] == "hold", words.count == 4, let until = Int64(words[2]),
                            let epoch = UInt64(words[3])
                        {
                            spans.append(Span(name: name, from: time, until: until, epoch: epoch))
                        } else if words[1] == "drop", let last = spans.lastIndex(where: { $0.name == name }) {
                            for index in spans[...last].indices where spans[index].name == name {
                                spans[index].until = min(spans[index].until, time)
                            }
                        }
                    }
                }
                return spans
            }

            func holder() -> String? {
                let now = LabClock.now().nanoseconds
                return spans().last { $0.from <= now && now < $0.until }?.name
            }

            func waitForHolder(_ names: Set<String> = ["left", "right"], upTo limit: Duration = .seconds(15)) throws
                -> String
            {
                try LabClock.wait(upTo: limit, for: "\(names.sorted()) to hold") { () throws(LabError) in
                    self.holder().flatMap { names.contains($0) ? $0 : nil }
                }
            }

            /// Never two at once; an epoch has one holder, and who comes later has a higher one.
            func check() {
                let all = spans().sorted { $0.from < $1.from }
                for (index, span) in all.enumerated() {
                    for other in all[(index + 1)...] where other.name != span.name {
                        #expect(other.from >= span.until, "\(span) and \(other)")
                        #expect(other.epoch > span.epoch, "\(span) and \(other)")
                    }
                }
                #expect(!all.isEmpty)
            }
        }

        @Test("A crash and a restart of the witness cost the holder nothing, and nobody else takes") func restart()
            throws
        {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startNode("left", 1)
            let first = try scene.waitForHolder()
            try scene.startNode("right", 2)
            try LabClock.observe(for: .seconds(1))
            scene.process?.signal(SIGKILL)
            try scene.startWitness()
            try LabClock.observe(for: .seconds(3))
            #expect(scene.holder() == first)
            #expect(Set(scene.spans().map(\.name)) == [first], "it went on without a gap")
            // The witness that was started cannot know that its file is the last one: the lease goes on under a higher epoch.
            let spans = scene.spans().sorted { $0.from < $1.from }
            #expect(Set(spans.map(\.epoch)).count == 2)
            for (before, after) in zip(spans, spans.dropFirst()) {
                #expect(after.from <= before.until, "\(before) and \(after)")
                #expect(after.epoch >= before.epoch, "\(before) and \(after)")
            }
            scene.check()
        }

        @Test("A state file that is gone, cut off or damaged makes no second holder, and one soon after") func state()
            throws
        {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startNode("left", 1)
            try scene.startNode("right", 2)
            _ = try scene.waitForHolder()
            for accident in ["gone", "cut", "damaged", "older"] {
                let old = try Data(contentsOf: URL(filePath: scene.state))
                scene.process?.signal(SIGKILL)
                switch accident {
                case "gone": try FileManager.default.removeItem(atPath: scene.state)
                case "cut": truncate(scene.state, off_t(max(0, old.count - 5)))
                case "damaged":
                    var bytes = old
                    bytes[20] ^= 0xff
                    try bytes.write(to: URL(filePath: scene.state))
                default: try old.prefix(44).write(to: URL(filePath: scene.state))
                }
                let restarted = LabClock.now()
                try scene.startWitness()
                // After the quiet time somebody takes, or the holder went on.
                try LabClock.wait(upTo: .seconds(10), for: "a holder after the file was \(accident)") {
                    () throws(LabError) in
                    scene.spans().contains { $0.from > (restarted + .milliseconds(1500)).nanoseconds } ? true : nil
                }
                scene.check()
            }
        }

        @Test("The other takes when the holder's process is gone; status tells who holds") func failover() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startNode("left", 1)
            #expect(try scene.waitForHolder() == "left")
            try scene.startNode("right", 2)
            try LabClock.observe(for: .seconds(1))
            let crash = LabClock.now()
            scene.nodes[0].child.signal(SIGKILL)
            #expect(try scene.waitForHolder(["right"], upTo: .seconds(5)) == "right")
            let taken = try #require(scene.spans().first { $0.name == "right" })
            // L(1+Φ) from the last renewal, which is L/3 old at most, and some for a busy machine.
            #expect(Instant(nanoseconds: taken.from) - crash < .milliseconds(1600))
            scene.check()
            let text = try scene.witness.run([
                Programs.aloft, "witness", "status", "10.82.0.9", "--cluster", "lab", "--keys",
                scene.directory + "/keys",
            ])
            #expect(text.contains("lab/VI_1  held by right"), "\(text)")
            // An orderly end gives the lease back.
            scene.nodes[1].child.signal(SIGTERM)
            _ = try scene.nodes[1].child.wait(upTo: .seconds(5))
            let after = try scene.witness.run([
                Programs.aloft, "witness", "status", "10.82.0.9", "--cluster", "lab", "--keys",
                scene.directory + "/keys", "--json",
            ])
            #expect(!after.contains("\"holder\"") && after.contains("\"releases\":1"), "\(after)")
        }

        @Test("Two processes cannot have one state file; keys that everybody can read are refused") func refusals()
            throws
        {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startNode("left", 1)
            _ = try scene.waitForHolder()
            let second = try scene.witness.start(
                [
                    Programs.aloft, "witness", "--listen", "10.82.0.9:9999", "--state", scene.state, "--keys",
                    scene.directory + "/keys",
                ], log: "second")
            #expect(try second.wait(upTo: .seconds(5)) == 3)
            #expect(second.output.lines.contains { $0.contains("cannot use a state file that process") })
            chmod(scene.directory + "/keys", 0o644)
            let third = try scene.witness.start(
                [
                    Programs.aloft, "witness", "--listen", "10.82.0.9:9999", "--state", scene.state + "2", "--keys",
                    scene.directory + "/keys",
                ], log: "third")
            #expect(try third.wait(upTo: .seconds(5)) == 3)
            #expect(third.output.lines.contains { $0.contains("chmod 600") })
        }

        @Test("Where no witness runs, the client says why") func refusedConnection() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startNode("left", 1)
            try LabClock.wait(upTo: .seconds(5), for: "the reason") { () throws(LabError) in
                scene.nodes[0].child.output.lines.contains { $0.contains("Connection refused: no witness runs there") }
                    ? true : nil
            }
        }
    }
}
