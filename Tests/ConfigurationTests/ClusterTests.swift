import ConfigLanguage
import Configuration
import Foundation
import Primitives
import Testing

/// A directory of Tests/Corpus/cluster: the files of some nodes, each with what is said about it beside the others.
struct ClusterCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// By the name of the file.
    let corpus: Corpus
    var testDescription: String { name }

    static let all: [ClusterCase] = {
        let root = Corpus.root.appending(path: "cluster")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
        return names.sorted().map { ClusterCase(name: $0, corpus: Corpus("cluster/" + $0)) }
    }()

    static func named(_ name: String) throws -> ClusterCase {
        try #require(all.first { $0.name == name })
    }

    func loaded() -> [LoadedConfiguration] {
        corpus.main.map { Configuration.load(main: $0.path, files: corpus.files) }
    }

    func check() throws -> ClusterCheck {
        let nodes = try zip(corpus.main, loaded()).map { file, loaded in
            try #require(ClusterNode(name: file.path, loaded), "\(loaded.renderedDiagnostics())")
        }
        return ClusterCheck(nodes)
    }
}

@Suite struct ClusterTests {
    @Test("Files of a cluster have what is said of them together, each at its place", arguments: ClusterCase.all)
    func findings(_ cluster: ClusterCase) throws {
        let loaded = cluster.loaded()
        for one in loaded {
            // What is wrong shows only beside the others.
            #expect(one.diagnostics.allSatisfy { $0.severity == .note }, "\(one.renderedDiagnostics())")
        }
        let check = try cluster.check()
        var report = Report(loaded.map(\.sources))
        report.add(check)
        for (number, file) in cluster.corpus.main.enumerated() {
            let lines = check.findings.filter { $0.source == number }.map { finding in
                let place = loaded[number].sources.location(of: finding.diagnostic.range)
                return "\(place.line):\(place.column) \(finding.diagnostic.severity) \(finding.diagnostic.rule)"
            }
            #expect(lines.sorted() == file.expected, "\(file.path)\n\(report.text())")
        }
        #expect(check.isCluster != (cluster.name == "fine-strangers"))
        #expect(cluster.name.hasPrefix("fine-") == check.findings.isEmpty)
    }

    @Test("The order of the files does not matter, but for who is said to differ", arguments: ClusterCase.all)
    func order(_ cluster: ClusterCase) throws {
        let check = try cluster.check()
        let turned = ClusterCheck(check.nodes.reversed())
        #expect(turned.isCluster == check.isCluster)
        #expect(turned.routers.count == check.routers.count)
        #expect(
            turned.findings.map(\.diagnostic.rule.description).sorted()
                == check.findings.map(\.diagnostic.rule.description).sorted())
    }

    @Test("No password is shown, wherever the files differ")
    func secrets() throws {
        for name in ["passwords", "password-on-one-node"] {
            let cluster = try ClusterCase.named(name)
            var report = Report(cluster.loaded().map(\.sources))
            report.add(try cluster.check())
            let text = report.text() + report.sarif(version: "0", page: { _ in "" })
            #expect(text.contains("config.cluster.authentication"))
            #expect(!text.contains("one\n") && !text.contains("auth_pass"))
        }
    }

    @Test("A finding shows the place on the other node")
    func rendering() throws {
        let cluster = try ClusterCase.named("intervals-version-2")
        var report = Report(cluster.loaded().map(\.sources))
        report.add(try cluster.check())
        #expect(
            report.text() == """
                b.conf:5:5: error: `VI_1` advertises every 2 s here, and every 1 s on a.conf [config.cluster.interval]
                   5 |     advert_int 2
                     |     ^~~~~~~~~~~~
                    reason: version 2 drops adverts of another interval: both would be master
                    fix: write the same `advert_int` on every node
                a.conf:5:5: note: the other interval
                   5 |     advert_int 1
                     |     ^~~~~~~~~~~~

                1 error

                """)
    }

    // MARK: - Elections

    @Test("The table says who is master, who follows, and what each failing check changes")
    func table() throws {
        let cluster = try ClusterCase.named("weight-too-small")
        #expect(
            ElectionTable(try cluster.check().elections).text() == """
                virtual router 51 (IPv4), `VI_1`: 192.168.1.100/24
                  master  a.conf, 150
                  then    b.conf, 100

                  what fails          node    priority   master
                  script chk_haproxy  a.conf  150 → 130  a.conf, NEVER MOVES: a weight of -51 would do
                  interface eth1      a.conf  fault      b.conf, it moves
                  script chk_haproxy  b.conf  100 → 80   a.conf

                """)
        let sticky = try ClusterCase.named("fine-unicast-three")
        #expect(
            ElectionTable(try sticky.check().elections).text() == """
                virtual router 80 (IPv4), `API`: 10.0.9.100/32
                  master  a.conf, 150, nopreempt
                  then    b.conf, 120, nopreempt
                  then    c.conf, 90, nopreempt
                  nobody preempts: whoever is master stays master while it is well

                  what fails      node    priority  master
                  interface ens6  a.conf  fault     b.conf, it moves
                  interface ens6  b.conf  fault     a.conf
                  interface ens6  c.conf  fault     a.conf

                """)
    }

    @Test("What a group or another member of it tracks counts for a member, its weight where the group says so")
    func groups() throws {
        let elections = try ClusterCase.named("fine-sync-group").check().elections
        let inside = try #require(elections.first { $0.name == "IN" })
        #expect(
            inside.failures.map { "\($0.node) \($0.tracker.name) \($0.before) \($0.after) \($0.master ?? "-")" } == [
                "a.conf chk_uplink 150 90 b.conf", "a.conf eth3 150 0 b.conf", "b.conf chk_uplink 100 40 a.conf",
                "b.conf eth3 100 0 a.conf",
            ])
    }

    /// One node after another: what stands in its instance beside the common part.
    func elect(_ nodes: String...) throws -> Election {
        let cluster = try nodes.enumerated().map { number, extra in
            let text =
                "vrrp_script s {\nscript /bin/true\n}\n"
                + instance(extra + (extra.contains("track_script") ? "" : "\ntrack_script {\ns\n}"))
            return try #require(ClusterNode(name: "n\(number)", Configuration.load(text: text)))
        }
        return try #require(ClusterCheck(cluster).elections.first)
    }

    func verdict(_ extra: String, _ others: String...) throws -> Election.Failure.Verdict {
        let nodes = [extra] + others
        let cluster = try nodes.enumerated().map { number, extra in
            let loaded = Configuration.load(text: instance(extra))
            return try #require(ClusterNode(name: "n\(number)", loaded), "\(loaded.renderedDiagnostics())")
        }
        return try #require(ClusterCheck(cluster).elections.first?.failures.first).verdict
    }

    @Test("A failing weight moves the master only below a peer that preempts, and the weight that would is named")
    func verdicts() throws {
        func track(_ weight: String) -> String { "priority 150\ntrack_interface {\neth1 \(weight)\n}" }
        #expect(try verdict(track("weight -51"), "priority 100") == .moved)
        #expect(try verdict(track("weight -50"), "priority 100") == .unmoved(smallestWeight: -51))
        #expect(try verdict(track("weight -60"), "priority 100\nnopreempt") == .unmoved(smallestWeight: nil))
        // The lower one that preempts is beaten by the higher one that does not, and takes over all the same.
        #expect(try verdict(track("weight -60"), "priority 100\nnopreempt", "priority 95") == .moved)
        #expect(try verdict(track("weight 0"), "priority 100\nnopreempt") == .moved)
        // The weight of the leader alone: without it 150 is still more, whatever it is.
        #expect(try verdict(track("weight 20"), "priority 100") == .unmoved(smallestWeight: nil))
        // On both: without it the other has its own.
        let both = "track_interface {\neth1 weight 20\n}"
        #expect(try verdict("priority 150\n" + both, "priority 100\n" + both) == .unmoved(smallestWeight: 51))
        // A base of 1 cannot be undercut.
        #expect(
            try verdict("priority 2\ntrack_interface {\neth1 weight -9\n}", "priority 1")
                == .unmoved(smallestWeight: nil))
        // It was never master: not even with the check passing.
        #expect(try verdict(track("weight -9"), "priority 200") == .same)
        // Reversed, a failure raises.
        #expect(try verdict(track("weight 60 reverse"), "priority 100") == .gained)
        #expect(try verdict("priority 99\ntrack_interface {\neth1 weight -9 reverse\n}", "priority 100") == .gained)
        #expect(try verdict("priority 150\ntrack_interface {\neth1 weight 0 reverse\n}", "priority 100") == .gained)
    }

    @Test("Equals are told apart by their addresses, and a tie without them is told")
    func ties() throws {
        let known = try elect("mcast_src_ip 10.0.0.8", "mcast_src_ip 10.0.0.9")
        #expect(known.order.map(\.node) == ["n1", "n0"] && !known.isTied)
        let unknown = try elect("", "")
        #expect(unknown.order.map(\.node) == ["n0", "n1"] && unknown.isTied)
        let owner = try elect("priority 255", "priority 254")
        #expect(owner.order.map(\.priority) == [255, 254])
    }

    @Test("JSON has the order and the failures")
    func json() throws {
        var json = JSONWriter()
        let elections = try ClusterCase.named("weight-too-small").check().elections
        json.array { ElectionTable(elections).write(to: &$0) }
        let value = try #require(JSONValue(json.bytes)?.array?.first)
        #expect(value["virtual_router_id"]?.integer == 51)
        #expect(value["order"]?.array?.map { $0["node"]?.string } == ["a.conf", "b.conf"])
        #expect(value["failures"]?.array?.map { $0["verdict"]?.string } == ["unmoved", "moved", "same"])
        #expect(value["failures"]?.array?.first?["smallest_weight"]?.integer == -51)
    }

    @Test("A thousand virtual routers on three nodes are compared in a time that grows with them")
    func size() throws {
        var text = ""
        for n in 0..<1_000 {
            text += "vrrp_instance V\(n) {\ninterface eth\(n)\nvirtual_router_id 1\nvirtual_ipaddress {\n"
            text += "10.\(n >> 8).\(n & 255).1/24\n}\npriority PRIORITY\n}\n"
        }
        let nodes = try [150, 100, 50].map { priority in
            let own = text.replacingOccurrences(of: "PRIORITY", with: String(priority))
            return try #require(ClusterNode(name: "\(priority)", Configuration.load(text: own)))
        }
        let started = ContinuousClock.now
        let check = ClusterCheck(nodes)
        #expect(check.elections.count == 1_000 && check.findings.isEmpty)
        #expect(ContinuousClock.now - started < .seconds(10))
    }
}
