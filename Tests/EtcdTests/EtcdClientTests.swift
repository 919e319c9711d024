import Arbitration
import EtcdGateway
import Glibc
import LinuxWorld
import Primitives
import Testing

@testable import Etcd

/// A server of the test's own, on loopback: it takes connections and answers each request as it is told to, within the test's thread.
private final class ScriptedServer {
    enum Reply {
        case text(String)
        /// Says nothing.
        case silence
        /// Closes the connection.
        case close
    }

    let listener: Int32
    let port: UInt16
    private var connections: [Int32] = []
    private(set) var accepted = 0
    private(set) var requests: [String] = []
    /// Whether connections are taken at all: while they are not, the kernel does it, and nobody answers.
    var accepts = true
    var greets: Reply?
    var reply: (String) -> Reply

    init(_ reply: @escaping (String) -> Reply) throws {
        self.reply = reply
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        try #require(bound)
    }

    deinit { for descriptor in connections + [listener] { close(descriptor) } }

    var endpoint: EtcdEndpoint { EtcdEndpoint(.v4(IPv4Address(127, 0, 0, 1)), port: port) }

    func turn() {
        guard accepts else { return }
        while case let descriptor = accept(listener, nil, nil), descriptor >= 0 {
            accepted += 1
            connections.append(descriptor)
            if let greets { perform(greets, descriptor) }
        }
        for descriptor in connections {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { continue }
            let request = String(decoding: buffer[..<count], as: UTF8.self)
            requests.append(request)
            perform(reply(request), descriptor)
        }
    }

    private func perform(_ reply: Reply, _ descriptor: Int32) {
        switch reply {
        case .text(let text): _ = text.withCString { send(descriptor, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
        case .silence: break
        case .close:
            close(descriptor)
            connections.removeAll { $0 == descriptor }
        }
    }

    static func http(_ body: String, status: String = "200 OK") -> Reply {
        .text("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// An empty etcd: nothing is found under any key.
    static func empty(cluster: Int = 7, revision: Int = 5) -> (String) -> Reply {
        { request in
            let reads = request.components("\"request_range\":").count - 1
            let range = #"{"response_range":{"header":{"revision":"5"}}}"#
            let list = Array(repeating: range, count: reads).joined(separator: ",")
            if request.hasPrefix("POST /v3/watch") { return .silence }
            return http(
                #"{"header":{"cluster_id":"\#(cluster)","revision":"\#(revision)"},"succeeded":true,"responses":[\#(list)]}"#
            )
        }
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [Substring] {
        split(separator: separator, omittingEmptySubsequences: false)
    }
}

/// The client's connections, against servers that behave as etcd never would, or as it does at its worst.
@Suite(.serialized) struct EtcdClients {
    private let lease = LeaseName("c/a")
    private let patience = Duration.milliseconds(200)

    /// Asks one question, and turns until it is answered; how long that took.
    private func ask(
        _ client: EtcdClient, _ servers: [ScriptedServer], _ kind: LeaseQuestion.Kind = .read, request: UInt64 = 1
    ) throws -> (LeaseAnswer?, Duration) {
        let began = BootClock.now()
        client.ask([LeaseQuestion(lease: try #require(lease), request: request, kind: kind)], at: began)
        let answer = turn(client, servers, for: .seconds(3)) { reports in
            for case .answer(request, let answer) in reports.map(\.kind) { return answer }
            return nil as LeaseAnswer?
        }
        return (answer, BootClock.now() - began)
    }

    private func turn<Value>(
        _ client: EtcdClient, _ servers: [ScriptedServer], for duration: Duration, until: ([LeaseReport]) -> Value?
    ) -> Value? {
        let end = BootClock.now() + duration
        while BootClock.now() < end {
            for server in servers { server.turn() }
            client.turn(at: BootClock.now())
            if let value = until(client.takeReports()) { return value }
            usleep(500)
        }
        return nil
    }

    private func makeClient(_ servers: [ScriptedServer]) throws -> EtcdClient {
        try EtcdClient(EtcdSettings(endpoints: servers.map(\.endpoint), patience: patience))
    }

    private func write() throws -> LeaseQuestion.Kind {
        .write(
            LeaseRecord(
                holder: HolderName("left"), incarnation: Incarnation(1), request: 1, epoch: Epoch(1),
                terms: try LeaseTerms(duration: .seconds(5)), version: 1), replacing: nil)
    }

    @Test(
        "a server that takes connections and never answers costs the patience, and nothing is asked of it twice at once"
    )
    func silent() throws {
        let server = try ScriptedServer { _ in .silence }
        let client = try makeClient([server])
        let (answer, time) = try ask(client, [server], try write())
        #expect(answer == .ambiguous)
        #expect(time >= patience && time < patience + .milliseconds(100), "\(time)")
        #expect(server.requests.count { $0.contains("request_txn") } == 1)
        guard case .down(let why, _) = client.standing else {
            Issue.record("\(client.standing)")
            return
        }
        #expect(why.contains("did not answer within 0.2 s"))
    }

    @Test("a read goes to the other member after half of the patience, and the late answer is good as well")
    func yields() throws {
        let slow = try ScriptedServer { _ in .silence }
        let good = try ScriptedServer(ScriptedServer.empty())
        let client = try makeClient([slow, good])
        _ = turn(client, [slow, good], for: .milliseconds(50)) { _ in nil as Bool? }
        let (answer, time) = try ask(client, [slow, good])
        #expect(answer == .found(nil))
        #expect(time >= patience / 2 - .milliseconds(5) && time < patience, "\(time)")
        // From here on the good one is asked first.
        let (again, quick) = try ask(client, [slow, good], request: 2)
        #expect(again == .found(nil) && quick < patience / 2)
    }

    @Test("a server that closes at once, or refuses, is tried with growing pauses; the driver is not woken without end")
    func pauses() throws {
        let closing = try ScriptedServer { _ in .close }
        closing.greets = .close
        let client = try makeClient([closing])
        var wakes = 0
        let end = BootClock.now() + .seconds(1)
        while BootClock.now() < end {
            closing.turn()
            let now = BootClock.now()
            if let deadline = client.nextDeadline, deadline <= now { wakes += 1 }
            client.turn(at: now)
            usleep(200)
        }
        #expect((2...20).contains(closing.accepted), "\(closing.accepted) connections in a second")
        #expect(wakes < 50, "\(wakes)")
        let (answer, _) = try ask(client, [closing])
        #expect(answer == .ambiguous)
    }

    @Test("a connection that is lost once a write was sent leaves it ambiguous, and it is not sent again")
    func lost() throws {
        let server = try ScriptedServer { _ in .close }
        let client = try makeClient([server])
        let (answer, time) = try ask(client, [server], try write())
        #expect(answer == .ambiguous)
        #expect(time < patience)
        _ = turn(client, [server], for: .milliseconds(300)) { _ in nil as Bool? }
        #expect(server.requests.count { $0.contains("request_txn") } == 1)
    }

    @Test("what was refused for its token is asked again with a new one, a wrong password is told and not hurried")
    func tokens() throws {
        var logins = 0
        let server = try ScriptedServer { request in
            if request.hasPrefix("POST /v3/auth/authenticate") {
                logins += 1
                return ScriptedServer.http("{\"header\":{},\"token\":\"t.\(logins)\"}")
            }
            guard request.contains("Authorization: t.2\r\n") else {
                return ScriptedServer.http(
                    "{\"message\":\"etcdserver: invalid auth token\",\"code\":16}", status: "401 No")
            }
            return ScriptedServer.empty()(request)
        }
        var settings = EtcdSettings(endpoints: [server.endpoint], patience: patience)
        settings.user = "aloft"
        settings.password = Secret(Array("heron".utf8))
        let client = try EtcdClient(settings)
        #expect(try ask(client, [server]).0 == .found(nil))
        #expect(logins == 2)
        server.reply = { request in
            logins += request.hasPrefix("POST /v3/auth/authenticate") ? 1 : 0
            return ScriptedServer.http(
                "{\"message\":\"etcdserver: authentication failed, invalid user ID or password\",\"code\":3}",
                status: "400 No")
        }
        logins = 0
        let wrong = try EtcdClient(settings)
        #expect(try ask(wrong, [server]).0 == .ambiguous)
        _ = turn(wrong, [server], for: .milliseconds(800)) { _ in nil as Bool? }
        #expect((1...5).contains(logins), "\(logins) logins in a second")
        guard case .down(let why, _) = wrong.standing else {
            Issue.record("\(wrong.standing)")
            return
        }
        #expect(why.contains("authentication failed"))
    }

    static let nonsense: [(String, String)] = [
        ("SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nNot Found\n", "JSON gateway"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "`header`"),
        (
            "HTTP/1.1 503 No\r\nContent-Length: 45\r\n\r\n{\"message\":\"etcdserver: no leader\",\"code\":14}",
            "no leader"
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "chunk"),
    ]

    @Test("what is no answer is ambiguous, and said", arguments: nonsense)
    func nonsenseIsAmbiguous(_ text: String, _ words: String) throws {
        let server = try ScriptedServer { _ in .text(text) }
        let client = try makeClient([server])
        let (answer, time) = try ask(client, [server], try write())
        #expect(answer == .ambiguous)
        #expect(time < patience)
        guard case .down(let why, _) = client.standing else {
            Issue.record("\(client.standing)")
            return
        }
        #expect(why.contains(words), "\(why)")
    }

    @Test("a member of another cluster is left, and the right ones are believed on") func foreignMember() throws {
        let right = try ScriptedServer(ScriptedServer.empty(cluster: 7))
        let wrong = try ScriptedServer(ScriptedServer.empty(cluster: 8))
        var settings = EtcdSettings(endpoints: [wrong.endpoint, right.endpoint], patience: patience)
        settings.clusterID = 7
        let client = try EtcdClient(settings)
        #expect(try ask(client, [right, wrong]).0 == .unreadable)
        #expect(try ask(client, [right, wrong], request: 2).0 == .found(nil))
        // And where the revision goes back nothing is.
        right.reply = ScriptedServer.empty(cluster: 7, revision: 4)
        #expect(try ask(client, [right, wrong], request: 3).0 == .unreadable)
        right.reply = ScriptedServer.empty(cluster: 7, revision: 400)
        #expect(try ask(client, [right, wrong], request: 4).0 == .unreadable)
    }

    @Test("questions of one moment, and those that come while an answer is awaited, go in one request") func together()
        throws
    {
        let server = try ScriptedServer(ScriptedServer.empty())
        let client = try makeClient([server])
        func questions(_ count: Int, from number: UInt64) throws -> [LeaseQuestion] {
            try (0..<count).map {
                LeaseQuestion(lease: try #require(LeaseName("c/\($0)")), request: number + UInt64($0), kind: .read)
            }
        }
        _ = turn(client, [server], for: .milliseconds(50)) { _ in nil as Bool? }
        client.ask(try questions(30, from: 0), at: BootClock.now())
        client.ask(try questions(1, from: 100), at: BootClock.now())
        client.ask(try questions(2, from: 200), at: BootClock.now())
        var answered = 0
        _ = turn(client, [server], for: .seconds(1)) { reports in
            answered += reports.count
            // Of the lease that was asked for twice while nothing could leave the older question is ambiguous.
            return answered == 33 ? true : nil
        }
        #expect(answered == 33)
        let asked = server.requests.filter { $0.hasPrefix("POST /v3/kv/txn") && $0.contains("request_range") }
        #expect(asked.map { $0.components("request_range").count - 1 } == [30, 2])
    }

    @Test("of equal members the first is taken, of others the one that failed least, and none before its pause")
    func members() {
        let second = Instant(nanoseconds: 1_000_000_000)
        var members = EtcdMembers(count: 3, longestPause: .milliseconds(500))
        #expect(members.best(besides: nil, at: second) == 0)
        #expect(members.best(besides: 0, at: second) == 1)
        #expect(members.best(besides: 0, late: [1], at: second) == 2)
        members.failed(0, at: second)
        #expect(members.best(besides: 1, at: second) == 2)
        members.failed(1, at: second)
        members.failed(2, at: second)
        #expect(members.best(besides: nil, at: second) == nil)
        #expect(members.nextChance(besides: nil) == second + .milliseconds(25))
        #expect(members.best(besides: nil, at: second + .milliseconds(25)) == 0)
        for _ in 0..<40 { members.failed(0, at: second) }
        #expect(members.best(besides: nil, at: second + .milliseconds(500)) == 1)
        #expect(members.best(besides: 1, at: second + .milliseconds(500)) == 2)
        // Failures are forgotten; the one behind the last that failed comes first.
        #expect(members.best(besides: 1, late: [2], at: second + .seconds(31)) == 0)
        members.succeeded(0)
        #expect(members.best(besides: nil, at: second) == 0)
        // Of one there is no other.
        #expect(EtcdMembers(count: 1, longestPause: .zero).best(besides: 0, at: second) == 0)
    }
}
