import Foundation
import NetworkLab
import Primitives
import Testing

/// The picture of Examples/lvs-dr: two directors, three machines behind 192.168.1.10, and clients, all in 192.168.1.0/24.
private struct Picture {
    let lab: Lab
    let client: Node
    let machines: [Node]
    let directors: [Node]
    var daemons: [Child] = []
    var directories: [String] = []
    var servers: [Child] = []

    static let service = "192.168.1.10"

    init() throws {
        lab = try Programs.lab()
        let lab = lab
        client = try lab.makeNode("client", addresses: ["192.168.1.100/24"])
        machines = try (1...3).map { number in
            let node = try lab.makeNode("machine\(number)", addresses: ["192.168.1.1\(number)/24"])
            try node.run([
                "sh", "-c",
                "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce",
            ])
            try node.ip("addr add \(Self.service)/32 dev lo")
            return node
        }
        directors = try zip(["left", "right"], 2...3).map {
            try lab.makeNode($0, addresses: ["192.168.1.\($1)/24"])
        }
        for number in 1...3 { servers.append(try serve(number)) }
    }

    func serve(_ number: Int) throws -> Child {
        let child = try machines[number - 1].start(
            ["python3", try Farm.script("farm-server.py"), "machine\(number)", "80"], log: "machine\(number)")
        _ = try LabClock.wait(upTo: .seconds(20), for: "machine \(number) to listen") { () throws(LabError) in
            child.output.lines.first == "ready" ? true : nil
        }
        return child
    }

    /// Both directors with their files, as they are.
    mutating func direct() throws {
        let examples = Programs.root.appending(path: "Examples/lvs-dr").path()
        for (director, name) in zip(directors, ["left", "right"]) {
            let directory = try lab.makeDirectory(name)
            directories.append(directory)
            daemons.append(
                try director.start(
                    [
                        Programs.aloftd, "run", "-n", "-l", "-f", "\(examples)/\(name).conf", "--state-dir", directory,
                    ], log: name))
        }
        for daemon in daemons { try wait(for: "in the table", in: daemon) }
        let left = directors[0]
        _ = try LabClock.wait(upTo: .seconds(15), for: "left to have the address") { () throws(LabError) in
            try left.holds(IPAddress(Self.service)!) ? true : nil
        }
    }

    func wait(for text: String, in daemon: Child, upTo limit: Duration = .seconds(15)) throws {
        let output = daemon.output
        let found = try LabClock.poll(upTo: limit) { () throws(LabError) in output.text.contains(text) ? true : nil }
        try #require(found != nil, "no `\(text)` in\n\(output.text)")
    }

    /// Who answered so many connections; `-` for each that none did.
    func ask(_ count: Int) throws -> [String: Int] {
        try Farm.ask(count, Self.service, port: 80, by: client)
    }

    /// Connections that stay open, and ask every 20 ms.
    func stay(_ count: Int) throws -> [Child] {
        let children = try (0..<count).map { number in
            try client.start(
                ["python3", try Farm.script("farm-client.py"), "stay", Self.service, "80", "30"], log: "stay\(number)")
        }
        try waitForMore(children)
        return children
    }

    /// Waits until each of them was answered again; the same machine as ever answers, and none has broken.
    func waitForMore(_ children: some Sequence<Child>, upTo limit: Duration = .seconds(20)) throws {
        for child in children {
            let output = child.output
            let count = output.lines.count
            _ = try LabClock.wait(upTo: limit, for: "answers: \(output.lines.last ?? "none")") { () throws(LabError) in
                output.lines.count > count + 3 || output.text.contains("broken") ? true : nil
            }
            #expect(Set(output.lines).count == 1, "\(output.lines.suffix(3))")
        }
    }
}

extension OnTheKernel {
    @Suite("Examples/lvs-dr", .needsRoot) struct DirectExample {
        @Test("serves, puts tables right, drains, loses a machine, and connections outlive the master")
        func picture() throws {
            var picture = try Picture()
            defer { picture.lab.close() }
            try picture.direct()
            let left = picture.directors[0]
            let spread = try picture.ask(60)
            #expect(Set(spread.keys) == ["machine1", "machine2", "machine3"], "\(spread)")

            // Someone empties the kernel's tables. Until they are back the director answers itself, so connections may be lost.
            try left.run(["nft", "flush", "ruleset"])
            try picture.wait(for: "put right", in: picture.daemons[0])
            #expect(try picture.ask(30)["-"] == nil)

            // One machine leaves the service while its connections go on.
            let connections = try picture.stay(12)
            for director in 0...1 {
                try picture.directors[director].run([
                    Programs.aloft, "drain", "192.168.1.11", "--state-dir", picture.directories[director],
                ])
            }
            try picture.waitForMore(connections)
            let drained = try picture.ask(30)
            #expect(Set(drained.keys) == ["machine2", "machine3"], "\(drained)")
            for director in 0...1 {
                try picture.directors[director].run([
                    Programs.aloft, "undrain", "192.168.1.11", "--state-dir", picture.directories[director],
                ])
            }
            try picture.waitForMore(connections)
            #expect(try picture.ask(60)["machine1"] != nil)

            // A machine dies, and takes nobody else's connections along.
            let survivors = connections.filter { $0.output.lines.first != "machine3" }
            picture.servers[2].signal(SIGKILL)
            let lost = "[192.168.1.13]:tcp:80 of [192.168.1.10]:tcp:80 is out"
            for daemon in picture.daemons { try picture.wait(for: lost, in: daemon) }
            try picture.waitForMore(survivors)
            let without = try picture.ask(60)
            #expect(Set(without.keys) == ["machine1", "machine2"], "\(without)")

            // The master's machine dies. Whoever was connected notices a pause.
            let right = picture.directors[1]
            try left.unplug()
            _ = try LabClock.wait(upTo: .seconds(15), for: "right to take over") { () throws(LabError) in
                try right.holds(IPAddress(Picture.service)!) ? true : nil
            }
            try picture.waitForMore(survivors)
            let after = try picture.ask(60)
            #expect(Set(after.keys) == ["machine1", "machine2"], "\(after)")
            for connection in connections { connection.signal(SIGKILL) }

            // An orderly stop leaves nothing behind.
            try picture.daemons[1].stop()
            #expect(try !right.run(["nft", "list", "ruleset"]).contains(Picture.service))
            #expect(try !right.run(["nft", "list", "tables"]).contains("netdev"))
        }

        @Test("a master that is stopped hands its connections over")
        func handover() throws {
            var picture = try Picture()
            defer { picture.lab.close() }
            try picture.direct()
            let connections = try picture.stay(12)
            try picture.daemons[0].stop()
            let right = picture.directors[1]
            _ = try LabClock.wait(upTo: .seconds(15), for: "right to take over") { () throws(LabError) in
                try right.holds(IPAddress(Picture.service)!) ? true : nil
            }
            try picture.waitForMore(connections)
            for connection in connections { connection.signal(SIGKILL) }
            #expect(try !picture.directors[0].run(["nft", "list", "tables"]).contains("netdev"))
        }
    }
}
