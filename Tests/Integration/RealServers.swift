import Foundation
import NetworkLab
import Primitives
import Testing

/// `aloft realserver` on the real kernel: who answers for a virtual address that several hosts carry.
extension OnTheKernel {
    @Suite("Real servers", .needsRoot) struct RealServers {
        /// A director that carries both addresses on eth0, and a server as distributions leave them: it would answer ARP for all.
        struct Scene {
            let lab: Lab
            let director: Node
            let server: Node
            let client: Node
            let state: String

            static let addresses = [Stage.serviceIPv4, Stage.serviceIPv6]

            init() throws {
                let lab = try Programs.lab()
                func node(_ name: String, _ number: Int) throws -> Node {
                    try lab.makeNode(
                        name, addresses: ["10.77.0.\(number)/24", "fe80::\(number)/64", "fd00:77::\(number)/64"])
                }
                self.lab = lab
                director = try node("director", 1)
                server = try node("server", 2)
                client = try node("client", 3)
                state = try lab.makeDirectory("state")
                try director.ip(
                    "addr add \(Stage.serviceIPv4)/24 dev eth0", "addr add \(Stage.serviceIPv6)/64 dev eth0 nodad")
                try server.run([
                    "sh", "-c",
                    "for i in all lo eth0; do echo 0 >/proc/sys/net/ipv4/conf/$i/arp_ignore; echo 0 >/proc/sys/net/ipv4/conf/$i/arp_announce; done",
                ])
                for node in [director, server] { try node.answerProbes(to: Self.addresses) }
            }

            /// `aloft realserver` on the server.
            func realserver(_ arguments: String..., on node: Node? = nil) throws -> (output: String, status: Int32) {
                let child = try (node ?? server).start(
                    [Programs.aloft, "realserver", "--state-dir", state] + arguments)
                let status = try child.wait(upTo: .seconds(10))
                return (child.output.text, status)
            }

            /// All addresses, routes and settings of the server.
            func picture() throws -> String {
                try server.run([
                    "sh", "-c",
                    "ip addr; ip route show table all; ip -6 route show table all; grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf | grep -v stable_secret",
                ])
            }

            func mac(of node: Node) throws -> String {
                try node.run(["cat", "/sys/class/net/eth0/address"]).split(separator: "\n").map(String.init)[0]
            }

            /// Lets the client ask for `address` several times, and says whose answers the wire carried.
            func answerers(for address: IPAddress) throws -> Set<String> {
                let capture = try lab.capture()
                defer { try? capture.stop() }
                let probe = try client.probe(address, every: .milliseconds(5))
                defer { try? probe.stop() }
                func answers() -> [Frame] {
                    capture.frames.filter {
                        address.family == .ipv4
                            ? $0.kind == .arp && $0["operation"] == "2" && $0["sender"] == "\(address)"
                            : $0.kind == .neighbourAdvertisement && $0["target"] == "\(address)"
                    }
                }
                let server = try mac(of: server)
                for round in 1...5 {
                    try client.ip("neigh flush dev eth0")
                    try LabClock.wait(upTo: .seconds(5), for: "answer \(round) for \(address)") { () throws(LabError) in
                        answers().count { $0["mac"] != server } >= round ? true : nil
                    }
                }
                return Set(answers().compactMap { $0["mac"] })
            }

            /// Lets the client send to the server's own link-layer address, as a director forwards, and waits for its answers.
            func forward(_ address: IPAddress) throws {
                try client.ip("neigh replace \(address) lladdr \(try mac(of: server)) dev eth0 nud permanent")
                let probe = try client.probe(address, every: .milliseconds(5))
                defer { try? probe.stop() }
                try LabClock.wait(upTo: .seconds(5), for: "the server's answers from \(address)") {
                    () throws(LabError) in
                    probe.timeline.answers.count { $0.node == "server" } >= 20 ? true : nil
                }
                try client.ip("neigh del \(address) dev eth0")
            }
        }

        @Test("only the director answers for the addresses, the server serves them, and after down it is what it was")
        func silent() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            let director = try scene.mac(of: scene.director)
            let server = try scene.mac(of: scene.server)
            let before = try scene.picture()

            // By hand, as everyone does it first: the server answers ARP. For IPv6 it never does.
            try scene.server.ip("addr add 10.77.0.100/32 dev lo", "addr add fd00:77::100/128 dev lo")
            #expect(try scene.answerers(for: Stage.serviceIPv4) == [director, server])
            #expect(try scene.answerers(for: Stage.serviceIPv6) == [director])
            try scene.server.ip("addr del 10.77.0.100/32 dev lo", "addr del fd00:77::100/128 dev lo")
            #expect(try scene.picture() == before)

            let (up, done) = try scene.realserver("up", "10.77.0.100", "fd00:77::100/128")
            #expect(done == 0 && up.contains("10.77.0.100/32 added to lo"), "\(up)")
            for address in Scene.addresses {
                #expect(try scene.answerers(for: address) == [director])
            }
            let capture = try scene.lab.capture()
            try scene.server.ip("neigh flush dev eth0")
            for address in Scene.addresses { try scene.forward(address) }
            try LabClock.wait(upTo: .seconds(5), for: "the server's own questions") { () throws(LabError) in
                capture.frames.contains { $0.kind == .arp && $0["operation"] == "1" && $0["mac"] == server }
                    ? true : nil
            }
            try capture.stop()
            // Whoever hears a question learns its sender.
            #expect(
                !capture.frames.contains { $0.kind == .arp && $0["mac"] == server && $0["sender"] == "10.77.0.100" })

            let (status, right) = try scene.realserver("status")
            #expect(right == 0, "\(status)")
            #expect(try scene.realserver("down").status == 0)
            #expect(try scene.picture() == before)
            #expect(try scene.realserver("status").status == 1)
            #expect(!FileManager.default.fileExists(atPath: scene.state + "/realserver.json"))
        }

        @Test("up and down may be repeated, for more and for fewer addresses; what stood before stays")
        func repeated() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.server.ip("addr add 10.77.0.101/32 dev lo")
            let before = try scene.picture()
            #expect(try scene.realserver("up", "10.77.0.100", "10.77.0.101").status == 0)
            let set = try scene.picture()
            #expect(try scene.realserver("up", "10.77.0.101", "10.77.0.100").output == "Nothing to do.\n")
            #expect(try scene.realserver("up", "--dry-run", "10.77.0.102").output.contains("10.77.0.102/32 added"))
            #expect(try scene.picture() == set)
            #expect(try scene.realserver("up", "10.77.0.102").status == 0)
            #expect(try scene.realserver("down", "10.77.0.100", "10.77.0.102").status == 0)
            #expect(try scene.realserver("down", "10.77.0.100", "10.77.0.102").output == "Nothing to do.\n")
            #expect(try scene.realserver("status", "10.77.0.101").status == 0)
            #expect(try scene.realserver("down").status == 0)
            #expect(try scene.picture() == before)
            #expect(try scene.realserver("down").status == 0)
            // Not Aloft's to remove.
            #expect(try scene.realserver("down", "10.77.0.101").status == 1)
            #expect(try scene.picture() == before)
        }

        @Test("status names what someone broke, and its remedy helps") func broken() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            let before = try scene.picture()
            #expect(try scene.realserver("up", "10.77.0.100").status == 0)
            try scene.server.run(["sh", "-c", "echo 3 >/proc/sys/net/ipv4/conf/eth0/arp_ignore"])
            try scene.server.ip("addr del 10.77.0.100/32 dev lo")
            let (text, status) = try scene.realserver("status")
            #expect(status == 1)
            #expect(text.contains("WRONG  10.77.0.100: does not stand on lo"), "\(text)")
            #expect(text.contains("WRONG  arp_ignore on eth0: 3"), "\(text)")
            let (json, _) = try scene.realserver("status", "--json")
            let value = try #require(JSONValue(Array(json.utf8)), "\(json)")
            #expect(value["right"]?.bool == false)
            #expect(
                value["findings"]?.array?.contains { $0["remedy"]?.string == "aloft realserver up 10.77.0.100" } == true
            )

            #expect(try scene.realserver("up", "10.77.0.100").status == 0)
            #expect(try scene.realserver("status").status == 0)
            #expect(try scene.answerers(for: Stage.serviceIPv4) == [try scene.mac(of: scene.director)])
            #expect(try scene.realserver("down").status == 0)
            // The 3 was theirs; with it the host was when `up` came again.
            try scene.server.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_ignore"])
            #expect(try scene.picture() == before)
        }

        @Test("an address that neighbours are told of is refused, and nothing is changed") func refused() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            let (text, status) = try scene.realserver("up", "10.77.0.100", on: scene.director)
            #expect(status == 1 && text.contains("10.77.0.100 stands on eth0"), "\(text)")
            let before = try scene.picture()
            for arguments in [["10.77.0.9", "--interface", "eth0"], ["10.77.0.9", "224.0.0.9"], ["fe80::9"]] {
                let child = try scene.server.start(
                    [Programs.aloft, "realserver", "up", "--state-dir", scene.state] + arguments)
                #expect(try child.wait(upTo: .seconds(10)) == 1, "\(arguments): \(child.output.text)")
            }
            #expect(try scene.realserver("up", "10.77.0.9/24").status == 2)
            #expect(try scene.realserver("up", "--tun", "10.77.0.9").status == 2)
            #expect(try scene.picture() == before)
        }

        @Test("a director is told that it directs the address itself") func director() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            let daemon = try DaemonProcess(
                .aloft, on: stage.left, in: stage.lab, RouterSetting(.v3, number: 1, priority: 150))
            try daemon.start()
            try stage.waitForHolder(stage.left, upTo: .seconds(8))
            let child = try stage.left.start([
                Programs.aloft, "realserver", "up", "--state-dir", daemon.directory, "\(Stage.serviceIPv4)",
            ])
            #expect(try child.wait(upTo: .seconds(10)) == 1)
            #expect(child.output.text.contains("VI_1 of its own daemon"), "\(child.output.text)")
            #expect(child.output.text.contains("and master"), "\(child.output.text)")
        }
    }
}
