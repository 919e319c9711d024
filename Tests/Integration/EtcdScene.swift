import Arbitration
import Etcd
import EtcdGateway
import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

/// Debian's etcd on one node or three, and a node that asks it, all in 10.79.0.0/24.
final class EtcdScene {
    final class Member {
        let number: Int
        let node: Node
        var child: Child?
        var data: String

        init(_ number: Int, _ node: Node, data: String) {
            self.number = number
            self.node = node
            self.data = data
        }

        var address: String { "10.79.0.\(number)" }
    }

    let lab: Lab
    let client: Node
    private(set) var members: [Member] = []
    private var certificates: String?
    /// `http` or `https`.
    var scheme: String { certificates == nil ? "http" : "https" }

    /// What members are started with besides.
    let options: [String]

    init(members count: Int, tls: Bool = false, more: [String] = []) throws {
        options = more
        lab = try Lab(agent: Programs.aloft)
        client = try lab.makeNode("client", addresses: ["10.79.0.100/24"])
        for number in 1...count {
            let node = try lab.makeNode("etcd\(number)", addresses: ["10.79.0.\(number)/24"])
            members.append(Member(number, node, data: try lab.makeDirectory("etcd\(number)")))
        }
        if tls { certificates = try makeCertificates() }
        for member in members { try start(member) }
        for member in members { try waitForHealth(member) }
    }

    func close() { lab.close() }

    // MARK: - Members

    func start(_ member: Member, more: [String] = []) throws {
        let peers = members.map { "m\($0.number)=http://\($0.address):2380" }.joined(separator: ",")
        let urls = "\(scheme)://\(member.address):2379" + (certificates == nil ? "" : ",http://127.0.0.1:2379")
        var arguments = [
            "etcd", "--name", "m\(member.number)", "--data-dir", member.data, "--listen-client-urls", urls,
            "--advertise-client-urls", "\(scheme)://\(member.address):2379",
            "--listen-peer-urls", "http://\(member.address):2380",
            "--initial-advertise-peer-urls", "http://\(member.address):2380", "--initial-cluster", peers,
            "--initial-cluster-state", "new", "--logger", "zap", "--log-outputs", "stderr",
        ]
        if let certificates {
            arguments += [
                "--cert-file", "\(certificates)/server.pem", "--key-file", "\(certificates)/server.key",
                "--trusted-ca-file", "\(certificates)/ca.pem", "--client-cert-auth",
            ]
        }
        member.child = try member.node.start(arguments + options + more, log: "etcd\(member.number)")
    }

    /// Until it answers a linearizable read.
    func waitForHealth(_ member: Member, upTo limit: Duration = .seconds(15)) throws {
        let asker = try Asker(self, settings([member], patience: .milliseconds(300)))
        let deadline = LabClock.now() + limit
        while LabClock.now() < deadline {
            if case .found? = try asker.read("c/health") { return }
            try LabClock.observe(for: .milliseconds(20))
        }
        let log = member.child?.output.lines.suffix(5).joined(separator: "\n") ?? ""
        Issue.record("etcd \(member.number) is not healthy: \(asker.client.standing)\n\(log)")
    }

    func kill(_ member: Member) {
        member.child?.killAll()
        member.child = nil
    }

    func etcdctl(_ member: Member, _ arguments: [String]) throws -> String {
        let endpoint = certificates == nil ? "http://\(member.address):2379" : "http://127.0.0.1:2379"
        var command = ["env", "ETCDCTL_API=3", "etcdctl", "--endpoints", endpoint]
        if certificates != nil, let certificates {
            command += ["--cacert", "\(certificates)/ca.pem", "--cert", "\(certificates)/client.pem"]
            command += ["--key", "\(certificates)/client.key"]
            command[4] = "https://\(member.address):2379"
        }
        return try member.node.run(command + arguments)
    }

    /// The member that leads.
    func leader() throws -> Member {
        for member in members where member.child != nil {
            let status = try etcdctl(member, ["endpoint", "status", "-w", "json"])
            let list = try JSONSerialization.jsonObject(with: Data(status.utf8)) as? [[String: Any]]
            let inner = list?.first?["Status"] as? [String: Any]
            let id = (inner?["header"] as? [String: Any])?["member_id"] as? NSNumber
            if let id, id == inner?["leader"] as? NSNumber { return member }
        }
        return try #require(nil, "no member leads")
    }

    // MARK: - Asking

    func settings(_ some: [Member]? = nil, patience: Duration = .milliseconds(400)) throws -> EtcdSettings {
        let endpoints = try (some ?? members).map { try EtcdEndpoint("\(scheme)://\($0.address):2379") }
        var settings = EtcdSettings(endpoints: endpoints, patience: patience)
        if let certificates {
            settings.tls = EtcdSettings.TLS(
                authority: "\(certificates)/ca.pem", certificate: "\(certificates)/client.pem",
                key: "\(certificates)/client.key", name: "etcd.example")
        }
        return settings
    }

    /// An authority, a server's certificate for `etcd.example` and a client's.
    private func makeCertificates() throws -> String {
        let directory = try lab.makeDirectory("tls")
        // The JSON gateway connects to its own member with the server's certificate: it must be a client's, too.
        let script = """
            set -e; cd \(directory)
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 9
            for name in server client; do
                openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $name.key -out $name.csr -subj /O=$name
                printf 'subjectAltName=DNS:etcd.example,IP:127.0.0.1,IP:10.79.0.1\\nextendedKeyUsage=serverAuth,clientAuth\\n' >ext
                openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem -days 9 -extfile ext
            done
            """
        _ = try client.run(["sh", "-c", script + " 2>/dev/null"])
        return directory
    }
}

/// A client in the namespace of the scene's client node, and what it is asked.
final class Asker {
    let client: EtcdClient
    private let namespace: String
    private var poller: Poller
    private var requests: UInt64 = 100
    private(set) var news: [LeaseReport] = []
    /// How often the loop went round.
    private(set) var turns = 0

    init(_ scene: EtcdScene, _ settings: EtcdSettings) throws {
        namespace = scene.client.namespace
        client = try EtcdClient(settings)
        poller = try Poller()
        try client.watch(by: poller, token: 1)
    }

    /// One round of a driver's loop: at most until `limit`. Sockets are made in the client's namespace.
    func turn(until limit: Instant, asking questions: [LeaseQuestion] = []) throws -> [LeaseReport] {
        try NetworkNamespace(named: namespace).run { () throws(SystemError) in
            if !questions.isEmpty { client.ask(questions, at: BootClock.now()) }
            _ = try poller.wait(until: min(limit, client.nextDeadline ?? .distantFuture))
            client.turn(at: BootClock.now())
        }
        turns += 1
        let reports = client.takeReports()
        for report in reports { if case .news = report.kind { news.append(report) } }
        return reports
    }

    /// Why it is down; nil when it is not.
    var trouble: String? { if case .down(let why, _) = client.standing { why } else { nil } }

    /// Turns until `lease` was told to have changed to `record`.
    func hears(_ lease: String, _ record: LeaseRecord?) throws -> Bool {
        let report = LeaseReport(lease: try #require(LeaseName(lease)), kind: .news(record))
        let end = BootClock.now() + .seconds(5)
        while !news.contains(report), BootClock.now() < end { _ = try turn(until: end) }
        return news.contains(report)
    }

    func run(for duration: Duration) throws {
        let end = BootClock.now() + duration
        while BootClock.now() < end { _ = try turn(until: end) }
    }

    /// The answers to questions of one moment, in their order; nil: none came within `limit`.
    func ask(_ asked: [(String, LeaseQuestion.Kind)], upTo limit: Duration = .seconds(5)) throws -> [LeaseAnswer?] {
        let questions = try asked.map { name, kind in
            requests += 1
            return LeaseQuestion(lease: try #require(LeaseName(name)), request: requests, kind: kind)
        }
        var answers: [UInt64: LeaseAnswer] = [:]
        let end = BootClock.now() + limit
        var unsent = questions
        while answers.count < questions.count, BootClock.now() < end {
            for report in try turn(until: end, asking: unsent) {
                if case .answer(let request, let answer) = report.kind,
                    questions.contains(where: { $0.request == request })
                {
                    answers[request] = answer
                }
            }
            unsent = []
        }
        return questions.map { answers[$0.request] }
    }

    func read(_ lease: String) throws -> LeaseAnswer? { try ask([(lease, .read)])[0] }

    func write(_ lease: String, _ record: LeaseRecord, replacing old: LeaseRecord?) throws -> LeaseAnswer? {
        try ask([(lease, .write(record, replacing: old))])[0]
    }

    /// Asks until the answer is none of `ambiguous`; how long that took.
    @discardableResult
    func wait(
        for lease: String, upTo limit: Duration = .seconds(10), until isIt: (LeaseAnswer?) -> Bool
    ) throws -> Duration {
        let began = BootClock.now()
        var last: LeaseAnswer?
        while BootClock.now() < began + limit {
            last = try read(lease)
            if isIt(last) { return BootClock.now() - began }
            try run(for: .milliseconds(20))
        }
        Issue.record("\(lease) is \(String(describing: last)) after \(limit); \(client.standing)")
        return limit
    }
}

func leaseRecord(_ holder: String, version: UInt64, epoch: UInt64 = 1) throws -> LeaseRecord {
    LeaseRecord(
        holder: HolderName(holder), incarnation: Incarnation(1), request: version, epoch: Epoch(epoch),
        terms: try LeaseTerms(duration: .seconds(5)), version: version)
}
