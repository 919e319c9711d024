import Foundation
import Glibc
import NetworkLab
import Primitives
import Testing

/// A mail server on a node's own loopback (`mail-server.py`), and what it was given.
struct MailServer {
    /// One mail, but for its date and what names the program.
    struct Mail: Hashable, CustomStringConvertible {
        var helo: String
        var sender: String
        var recipients: [String]
        var lines: [String]
        var subject: String { lines.first { $0.hasPrefix("Subject: ") }.map { String($0.dropFirst(9)) } ?? "" }
        var text: String { lines.drop { !$0.isEmpty }.dropFirst().joined(separator: "\n") }
        var description: String { "\(sender) \(recipients) \(lines)" }
    }

    static let port = 2525
    let path: String
    let child: Child

    /// - Parameter hangs: it takes connections and never says a word.
    init(on node: Node, in lab: Lab, hangs: Bool = false) throws {
        path = try lab.makeDirectory("mail") + "/mails"
        let script = try Farm.script("mail-server.py")
        child = try node.start(
            ["python3", script, "127.0.0.1", "\(Self.port)", path] + (hangs ? ["hang"] : []), log: "mail")
        let output = child.output
        _ = try LabClock.wait(upTo: .seconds(20), for: "the mail server") { () throws(LabError) in
            output.lines.first == "listening" ? true : nil
        }
    }

    private var entries: [[String: Any]] {
        String(decoding: File.read(path) ?? [], as: UTF8.self).split(separator: "\n").compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
    }

    var mails: [Mail] {
        entries.compactMap { entry in
            guard let lines = entry["lines"] as? [String] else { return nil }
            return Mail(
                helo: entry["helo"] as? String ?? "", sender: entry["from"] as? String ?? "",
                recipients: entry["to"] as? [String] ?? [],
                lines: lines.filter { !$0.hasPrefix("Date: ") && !$0.hasPrefix("X-Mailer: ") })
        }
    }

    /// Connections to a server that hangs.
    var connections: Int { entries.count { $0["connection"] != nil } }

    /// Waits until `count` mails came.
    func wait(for count: Int, _ log: @autoclosure () -> String) throws {
        let found = try LabClock.poll(upTo: .seconds(15)) { () throws(LabError) in mails.count >= count ? true : nil }
        try #require(found != nil, "\(mails.count) mails of \(count): \(mails.map(\.subject))\n\(log())")
    }
}

extension OnTheKernel {
    @Suite("Alert mails", .needsRoot) struct Mails {
        static func settings(_ host: String = "127.0.0.1") -> [String] {
            [
                "router_id LVS", "smtp_server \(host) \(MailServer.port)", "smtp_alert",
                "notification_email {", "ops@example.com", "oncall@example.com", "}",
            ]
        }

        /// What a node alone on the link tells of its start, the loss of its link and the end of that, in this order as far as one thing is
        /// told of; then it is stopped.
        private func story(_ implementation: Implementation, _ more: [String]) throws -> [MailServer.Mail] {
            let stage = try Stage()
            defer { stage.lab.close() }
            let server = try MailServer(on: stage.left, in: stage.lab)
            var setting = RouterSetting(.v3, number: 1, priority: 150)
            setting.globalLines = Self.settings() + more
            setting.blocks = ["vrrp_sync_group G {\n    group {\n        VI_1\n    }\n}"]
            let daemon = try DaemonProcess(implementation, on: stage.left, in: stage.lab, setting)
            try daemon.start()
            try stage.waitForHolder(stage.left, upTo: .seconds(15))
            // keepalived loses mails of its first moment.
            func told(_ state: String) -> Int { server.mails.count { $0.subject.hasSuffix("Entering \(state) state") } }
            func wait(_ state: String, _ count: Int) throws {
                let found = try LabClock.poll(upTo: .seconds(10)) { () throws(LabError) in
                    told(state) >= count ? true : nil
                }
                try #require(found != nil, "\(implementation) \(state): \(server.mails.map(\.subject))\n\(daemon.log)")
            }
            try wait("MASTER", 2)
            let before = told("BACKUP")
            try stage.left.setCarrier(false)
            if more.isEmpty {
                try wait("FAULT", 2)
            } else {
                let held = try LabClock.poll(upTo: .seconds(10)) { () throws(LabError) in
                    try stage.left.holds(Stage.serviceIPv4) ? nil : true
                }
                try #require(held != nil)
            }
            try stage.left.setCarrier(true)
            try wait("BACKUP", before + 2)
            try wait("MASTER", 4)
            try daemon.stop()
            return server.mails
        }

        @Test(
            "Instances and groups are told of in keepalived's words, and not at the stop",
            arguments: [[], ["no_email_faults"]])
        func likeKeepalived(_ more: [String]) throws {
            let ours = try story(.aloft, more)
            let theirs = try story(.keepalived, more)
            let states = ["BACKUP", "MASTER"] + (more.isEmpty ? ["FAULT"] : []) + ["BACKUP", "MASTER"]
            for (name, texts) in [
                (
                    "Instance VI_1",
                    [
                        "BACKUP": "=> VRRP Instance is no longer owning VRRP VIPs <=",
                        "FAULT": "=> VRRP Instance is no longer owning VRRP VIPs <=",
                        "MASTER": "=> VRRP Instance is now owning VRRP VIPs <=",
                    ]
                ),
                (
                    "Group G",
                    Dictionary(
                        uniqueKeysWithValues: ["BACKUP", "FAULT", "MASTER"].map {
                            ($0, "=> All VRRP group instances are now in \($0) state <=")
                        })
                ),
            ] {
                let told = ours.filter { $0.subject.contains(name) }
                #expect(told.map(\.subject) == states.map { "[LVS] VRRP \(name) - Entering \($0) state" })
                #expect(told.map(\.text) == states.map { texts[$0] ?? "" })
            }
            #expect(ours.count == states.count * 2)
            // Whatever keepalived told, Aloft told in the same words: HELO, addresses, headers, text. (An empty line at the end is its own.)
            func trimmed(_ mails: [MailServer.Mail]) -> Set<MailServer.Mail> {
                Set(
                    mails.map { mail in
                        var mail = mail
                        while mail.lines.last == "" { mail.lines.removeLast() }
                        return mail
                    })
            }
            #expect(trimmed(theirs) == trimmed(ours))
        }

        @Test("Servers and the quorum are told of, by a mail server that has a name")
        func servers() throws {
            let farm = try Farm(serving: false)
            defer { farm.close() }
            let server = try MailServer(on: farm.director, in: farm.lab)
            var children: [Child] = []
            for number in 1...3 { children.append(try farm.serve(number)) }
            let text = Balanced.configuration(extra: "quorum 2").replacingOccurrences(
                of: "router_id farm", with: Self.settings("localhost").joined(separator: "\n"))
            let director = try Balanced.Director(farm, text)
            let log = { director.daemon.output.text }
            try server.wait(for: 1, log())
            for number in 1...2 {
                children[number - 1].signal(SIGKILL)
                try director.wait("[10.82.0.1\(number)]:tcp:8080 of [10.81.0.100]:tcp:8080 is out", upTo: .seconds(3))
            }
            try server.wait(for: 4, log())
            for number in 1...2 {
                try farm.serve(number)
                try director.wait("[10.82.0.1\(number)]:tcp:8080 of [10.81.0.100]:tcp:8080 is back")
            }
            try server.wait(for: 7, log())
            try director.daemon.stop()
            func real(_ number: Int, _ state: String, _ word: String) -> [String] {
                [
                    "[LVS] Realserver [10.82.0.1\(number)]:tcp:8080 of virtual server [10.81.0.100]:tcp:8080 - \(state)",
                    "=> TCP CHECK \(word) on service <=",
                ]
            }
            func virtual(_ state: String, _ sentence: String) -> [String] {
                ["[LVS] Virtualserver [10.81.0.100]:tcp:8080 - \(state)", "=> \(sentence) <="]
            }
            #expect(
                server.mails.map { [$0.subject, $0.text] } == [
                    virtual("UP", "Starting with quorum up 2+0=2 <= 3"), real(1, "DOWN", "failed"),
                    real(2, "DOWN", "failed"), virtual("DOWN", "Lost quorum 2-0=2 > 1"), real(1, "UP", "succeed"),
                    virtual("UP", "Gained quorum 2+0=2 <= 2"), real(2, "UP", "succeed"),
                ])
            #expect(server.mails.allSatisfy { $0.recipients == ["<ops@example.com>", "<oncall@example.com>"] })
        }

        /// How the mail server is of no use.
        enum Trouble: CaseIterable {
            /// It takes the connection and says nothing.
            case silentServer
            /// The mail process itself stands still, as in a resolver that has no answer.
            case stoppedProcess
        }

        @Test("A mail server that hangs delays neither adverts nor checks, nor the stop", arguments: Trouble.allCases)
        func hanging(_ trouble: Trouble) throws {
            try withoutStarvation { meter in try figures(trouble, meter) }
        }

        private func figures(_ trouble: Trouble, _ meter: StarvationMeter) throws -> [Figure] {
            let farm = try Farm(serving: false)
            defer { farm.close() }
            let server = try MailServer(on: farm.director, in: farm.lab, hangs: true)
            var children: [Child] = []
            for number in 1...3 { children.append(try farm.serve(number)) }
            let text =
                Balanced.configuration().replacingOccurrences(
                    of: "router_id farm", with: (Self.settings() + ["vrrp_version 3"]).joined(separator: "\n"))
                    + """
                    vrrp_instance VI_1 {
                        interface eth0
                        virtual_router_id 51
                        priority 150
                        advert_int 0.1
                        virtual_ipaddress {
                            10.81.0.101/24
                        }
                    }

                    """
            let director = try Balanced.Director(farm, text)
            try director.wait("(VI_1) MASTER STATE")
            let connected = try LabClock.poll(upTo: .seconds(10)) { () throws(LabError) in
                server.connections > 0 ? true : nil
            }
            try #require(connected != nil, "\(director.daemon.output.text)")
            if trouble == .stoppedProcess {
                let found = try farm.director.run(["pgrep", "-P", "\(director.daemon.pid)", "-x", "aloftd-mail"])
                kill(try #require(Int32(found.trimmingCharacters(in: .whitespacesAndNewlines))), SIGSTOP)
            }
            let capture = try farm.lab.capture(bridge: "front")
            _ = try LabClock.wait(upTo: .seconds(5), for: "adverts") { () throws(LabError) in
                capture.adverts.count > 5 ? true : nil
            }
            var figures: [Figure] = []
            for number in 1...2 {
                let event = meter.event()
                children[number - 1].signal(SIGKILL)
                let line = "[10.82.0.1\(number)]:tcp:8080 of [10.81.0.100]:tcp:8080 is out"
                try director.wait(line, upTo: .seconds(3))
                figures.append(Figure("dead to out", LabClock.now() - event, atMost: .milliseconds(600)))
            }
            for number in 1...2 {
                children[number - 1] = try farm.serve(number)
                try director.wait("[10.82.0.1\(number)]:tcp:8080 of [10.81.0.100]:tcp:8080 is back")
            }
            try capture.stop()
            let times = capture.adverts.map(\.time)
            let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
            figures.append(Figure("advert to advert", gaps.max() ?? .zero, atMost: .milliseconds(120)))
            let stop = LabClock.now()
            try director.daemon.stop()
            figures.append(Figure("SIGTERM to exit", LabClock.now() - stop, atMost: .milliseconds(1500)))
            let log = director.daemon.output.text
            #expect(log.contains("alert mails are lost [supervision.mail.lost]"), "\(log)")
            return figures
        }
    }
}
