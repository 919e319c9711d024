import Foundation
import NetworkLab
import Testing

/// Each fault once, with real daemons; `Benchmarks/SplitBrain` makes a hundred of each, and the table.
extension OnTheKernel {
    @Suite("Two nodes that lose sight of each other", .needsRoot) struct SplitBrain {
        /// A run as the tool records it; times in milliseconds.
        struct Run: Decodable {
            var daemon: String
            var fault: String
            var failed: String?
            /// The longest time that two nodes served at once.
            var both: Double?
            /// ARP that said one node had the address while the other served.
            var claims: Int?
            /// The longest time without an answer.
            var gap: Double?
            /// How often another node answered than before.
            var changes: Int?
        }

        static func runs(_ daemon: String, _ faults: String = "") throws -> [Run] {
            let results = FileManager.default.temporaryDirectory.appending(path: "splitbrain-\(UUID()).jsonl")
            defer { try? FileManager.default.removeItem(at: results) }
            let tool = Programs.root.appending(path: "Benchmarks/SplitBrain/splitbrain").path()
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [
                tool, "--bin", Programs.directory, "--daemons", daemon, "--faults", faults, "--runs", "1", "--lanes",
                "2", "--keep", "--results", results.path(),
            ]
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            let lines = try String(contentsOf: results, encoding: .utf8).split(separator: "\n")
            return try lines.map { try JSONDecoder().decode(Run.self, from: Data($0.utf8)) }
        }

        /// - Parameter limits: how long nobody may serve, by fault; a crash without one.
        func check(_ runs: [Run], count: Int, crash: Double, limits: [String: Double] = [:]) {
            #expect(runs.count == count)
            for run in runs {
                let name = "\(run.daemon), \(run.fault)"
                print("\(name): nobody for \(run.gap ?? -1) ms, \(run.changes ?? -1) changes")
                #expect(run.failed == nil, "\(name)")
                #expect(run.both == 0, "\(name): served by two nodes")
                #expect(run.claims == 0, "\(name): claimed beside the holder")
                #expect(run.gap ?? .infinity <= limits[run.fault] ?? crash, "\(name): nobody served")
                if limits[run.fault] == 100 { #expect(run.changes == 0, "\(name): the role changed") }
            }
        }

        @Test("a witness: whatever breaks, one serves") func witness() throws {
            // max(3A + S, L(1 + Φ)) + 0.2 s; where nobody is to notice, what a busy machine takes to schedule.
            let limits: [String: Double] = [
                "arbiter kill -9, restart": 100, "worker killed": 100, "20,000 foreign chains": 1600,
                "orderly stop": 200, "supervisor killed": 300,
            ]
            check(try Self.runs("witness"), count: 15, crash: 1300, limits: limits)
        }

        @Test("without bpf(2): a fence of nf_tables, and still one serves") func withoutBPF() throws {
            let faults =
                "^(crash|SIGSTOP|cut to both|fence removed|orderly stop|worker killed|supervisor killed|20,000)"
            let limits: [String: Double] = [
                "20,000 foreign chains": 1600, "worker killed": 100, "orderly stop": 200, "supervisor killed": 300,
            ]
            check(try Self.runs("witness-nft", faults), count: 8, crash: 1300, limits: limits)
        }

        @Test("three members of etcd: whatever breaks, one serves") func etcd() throws {
            let faults = "^(crash|SIGSTOP|cut to both|orderly stop)"
            // Its lease is 3 s; while its members elect a leader, nothing of theirs is seen to change.
            check(try Self.runs("etcd-3", faults), count: 4, crash: 3500, limits: ["orderly stop": 300])
        }

        @Test("without an arbiter two serve, and this lab sees it") func without() throws {
            for run in try Self.runs("keepalived,aloft", "^cut between") { #expect(run.both ?? 0 > 1000) }
        }
    }
}
