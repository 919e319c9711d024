import Foundation
import NetworkLab
import Primitives
import Testing

/// Corosync on nodes of a lab, each with its own files, and a `corosync-holder` beside it that wants one lease.
///
/// Corosync's sockets are in the abstract namespace, which goes with the network namespace; `/run` and `/var/lib/corosync` are
/// bound over for its process alone.
final class CorosyncCluster {
    let lab: Lab
    var members: [Member] = []
    let lease: Duration

    final class Member {
        let node: Node
        let number: Int
        let directory: String
        var corosync: Child?
        var holder: Child?
        var holders: [Child] = []

        init(_ node: Node, _ number: Int, _ directory: String) {
            self.node = node
            self.number = number
            self.directory = directory
        }
    }

    static let corosync = "/usr/sbin/corosync"

    /// Where it was built: beside the daemon that is tested, or where `swift build` puts it.
    static var holder: String? {
        [Programs.directory, Programs.root.appending(path: ".build/debug").path()].map { $0 + "/corosync-holder" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Detection takes 2.2 tokens at most: 0.7 s.
    init(nodes: Int, lease: Duration, quorum: String = "") throws {
        lab = try Lab(agent: "")
        self.lease = lease
        for number in 1...nodes {
            let node = try lab.makeNode("n\(number)", addresses: ["10.78.0.\(number)/24"])
            let directory = "\(lab.directory)/n\(number)"
            for name in ["", "/run", "/state"] {
                try FileManager.default.createDirectory(atPath: directory + name, withIntermediateDirectories: true)
            }
            members.append(Member(node, number, directory))
        }
        let list = (1...nodes).map {
            "  node {\n    nodeid: \($0)\n    name: n\($0)\n    ring0_addr: 10.78.0.\($0)\n  }\n"
        }
        let text = """
            totem {
              version: 2
              cluster_name: test
              transport: knet
              token: 300
              token_coefficient: 0
              consensus: 360
              crypto_cipher: none
              crypto_hash: none
            }
            quorum {
              provider: corosync_votequorum
              \(quorum)
            }
            system {
              sched_rr: no
              move_to_root_cgroup: no
            }
            logging {
              to_syslog: no
              to_stderr: yes
            }
            nodelist {
            \(list.joined())}
            """
        for member in members {
            try text.write(toFile: member.directory + "/corosync.conf", atomically: true, encoding: .utf8)
        }
    }

    func startCorosync(_ member: Member) throws {
        let directory = member.directory
        let script = """
            mount --bind \(directory)/run /run && mount --bind \(directory)/state /var/lib/corosync \
            && exec \(Self.corosync) -f -c \(directory)/corosync.conf
            """
        member.corosync = try member.node.start(["unshare", "-m", "sh", "-c", script], log: "corosync")
    }

    func startHolder(_ member: Member) throws {
        let program = try #require(Self.holder, "corosync-holder is missing: swift build --build-tests makes it")
        let child = try member.node.start(
            [
                program, "test", member.directory + "/memory", "n\(member.number)",
                "\(lease.nanoseconds / 1_000_000)",
            ], log: "holder")
        member.holder = child
        member.holders.append(child)
    }

    func start() throws {
        for member in members { try startCorosync(member) }
        for member in members { try startHolder(member) }
    }

    /// What a node said, over all its processes.
    func lines(_ member: Member) -> [(time: Instant, words: [Substring])] {
        var paths: Set<String> = []
        return member.holders.filter { paths.insert($0.output.path).inserted }.flatMap(\.output.lines).compactMap {
            line in
            let words = line.split(separator: " ")
            guard let time = words.first.flatMap({ Int64($0) }) else { return nil }
            return (Instant(nanoseconds: time), Array(words.dropFirst()))
        }.sorted { $0.time < $1.time }
    }

    /// One promise to serve: from when until when at most.
    struct Span {
        var node: Int
        var from: Instant
        var until: Instant
        var epoch: UInt64
    }

    /// Until when a node may serve, as it said: a deadline that nothing took back stands, whatever became of the process.
    func spans(_ member: Member) -> [Span] {
        var spans: [Span] = []
        for (time, words) in lines(member) {
            if words.first == "hold", words.count == 3, let until = Int64(words[1]), let epoch = UInt64(words[2]) {
                if let last = spans.indices.last, spans[last].until > time { spans[last].until = time }
                spans.append(
                    Span(node: member.number, from: time, until: Instant(nanoseconds: until), epoch: epoch))
            } else if words.first == "lost", let last = spans.indices.last, spans[last].until > time {
                spans[last].until = time
            }
        }
        return spans
    }

    /// Who serves now.
    func holderNow() -> Member? {
        let now = LabClock.now()
        return members.first { spans($0).last.map { $0.until > now } ?? false }
    }

    /// Somebody who holds and is not `than`, by a promise from after `time`: one of a process that died stands to its end.
    func waitForHolder(
        other than: Member? = nil, since time: Instant = .zero, upTo limit: Duration = .seconds(25)
    ) throws -> Member {
        try LabClock.wait(upTo: limit, for: "a holder") { () throws(LabError) in
            guard let holder = holderNow(), holder !== than, let last = spans(holder).last, last.from > time else {
                return nil
            }
            return holder
        }
    }

    /// Until every node's register works.
    func waitForAll(upTo limit: Duration = .seconds(25)) throws {
        try LabClock.wait(upTo: limit, for: "all members: \(standings())") { () throws(LabError) in
            standings().allSatisfy { $0 == "ready" } ? true : nil
        }
    }

    func standings() -> [String] {
        members.map { member in
            lines(member).last { $0.words.first == "standing" }?.words.dropFirst().joined(separator: " ") ?? "nothing"
        }
    }

    /// Pairs that served at the same time, and epochs that two nodes had.
    func violations() -> [String] {
        let all = members.flatMap(spans)
        var found: [String] = []
        for (index, one) in all.enumerated() {
            for other in all[(index + 1)...] where one.node != other.node {
                if max(one.from, other.from) < min(one.until, other.until) {
                    found.append("nodes \(one.node) and \(other.node) at \(max(one.from, other.from))")
                }
                if one.epoch == other.epoch { found.append("nodes \(one.node) and \(other.node): epoch \(one.epoch)") }
            }
        }
        return found
    }

    func close() { lab.close() }
}
