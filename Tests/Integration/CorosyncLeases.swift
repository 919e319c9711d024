import Foundation
import NetworkLab
import Primitives
import Testing

extension OnTheKernel {
    @Suite(
        "The arbiter Corosync", .needsRoot,
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: CorosyncCluster.corosync),
            "needs Debian's corosync (scripts/setup)"))
    struct CorosyncLeases {
        static let lease: Duration = .seconds(2)

        @Test("Never two holders, whatever befalls one node of three; and soon another one", .timeLimit(.minutes(4)))
        func faults() throws {
            let cluster = try CorosyncCluster(nodes: 3, lease: Self.lease)
            defer { cluster.close() }
            try cluster.start()
            try cluster.waitForAll()
            var took: [String] = []

            func fault(
                _ name: String, _ begin: (CorosyncCluster.Member) throws -> Void,
                end: (CorosyncCluster.Member) throws -> Void
            )
                throws
            {
                let old = try cluster.waitForHolder()
                let began = LabClock.now()
                try begin(old)
                let new = try cluster.waitForHolder(other: old)
                took.append("\(name) \((LabClock.now() - began).formattedSeconds())")
                #expect(new !== old)
                // What the old one does when it comes back is the point.
                try end(old)
                try cluster.waitForAll()
                try LabClock.observe(for: .milliseconds(500))
                #expect(cluster.violations() == [], "\(name)")
            }

            try fault("cut off", { try $0.node.unplug() }, end: { try $0.node.plug() })
            try fault(
                "corosync stopped", { $0.corosync?.signal(SIGSTOP) },
                end: {
                    // Long enough for its queue to be full: whoever goes on sending would wait.
                    try LabClock.observe(for: .seconds(3))
                    $0.corosync?.signal(SIGCONT)
                })
            try fault("corosync killed", { $0.corosync?.signal(SIGKILL) }, end: { try cluster.startCorosync($0) })
            try fault(
                "hears nothing",
                {
                    try $0.node.run(["nft", "add table inet t"])
                    try $0.node.run(["nft", "add chain inet t in { type filter hook input priority 0; }"])
                    try $0.node.run(["nft", "add rule inet t in udp dport 5405 drop"])
                }, end: { try $0.node.run(["nft", "delete table inet t"]) })
            try fault(
                "all of it stopped",
                { for child in [$0.holder, $0.corosync] { child?.signal(SIGSTOP) } },
                end: { for child in [$0.corosync, $0.holder] { child?.signal(SIGCONT) } })

            // Power: everything at once, and from disk.
            let epoch = cluster.members.flatMap(cluster.spans).map(\.epoch).max() ?? 0
            for member in cluster.members {
                for child in [member.holder, member.corosync] { child?.killAll() }
            }
            let began = LabClock.now()
            try cluster.start()
            _ = try cluster.waitForHolder(since: began)
            took.append("everything restarted \((LabClock.now() - began).formattedSeconds())")
            try cluster.waitForAll()
            let newer = cluster.members.flatMap(cluster.spans).filter { $0.from > began }.map(\.epoch)
            #expect(!newer.isEmpty && newer.allSatisfy { $0 > epoch })
            #expect(cluster.violations() == [])
            // No turn of a loop waited for a corosync that was stopped.
            let late = cluster.members.flatMap { cluster.lines($0) }.filter { $0.words.first == "late" }
                .compactMap { $0.words.last.flatMap { Int($0) } }
            #expect(late.allSatisfy { $0 < 1500 })
            let trips = cluster.members.flatMap { cluster.lines($0) }.filter { $0.words.first == "roundtrip" }
                .map { $0.words.dropFirst().joined(separator: "/") }
            print(
                "corosync, lease \(Self.lease.formattedSeconds()) s, taken after (s): \(took.joined(separator: ", "));",
                "late turns (ms): \(late); round trips (µs, p50/p99 of 500): \(trips.joined(separator: ", "))")
        }

        @Test("A cluster of two nodes is refused, with what to do", .timeLimit(.minutes(1))) func twoNodes() throws {
            let cluster = try CorosyncCluster(nodes: 2, lease: Self.lease, quorum: "two_node: 1")
            defer { cluster.close() }
            try cluster.start()
            try LabClock.wait(upTo: .seconds(20), for: "the refusal") { () throws(LabError) in
                cluster.standings().allSatisfy { $0.contains("two_node") && $0.contains("arbiter witness") }
                    ? true : nil
            }
            #expect(cluster.holderNow() == nil)
        }
    }
}
