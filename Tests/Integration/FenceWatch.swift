import Foundation
import Glibc
import LinuxWorld
import NetworkLab
import Primitives
import Testing

/// What a daemon says of its fence, and does about it; and `aloft check --live` beforehand.
extension OnTheKernel {
    @Suite("The fence of a running daemon", .needsRoot) struct FenceWatch {
        /// A witness, and a node that holds an address by a lease from it.
        final class Scene {
            let lab: Lab
            let node: Node
            let witness: Node
            let directory: String
            let file: String
            let address = IPAddress("10.83.0.100")!
            private(set) var daemon: Child?

            init() throws {
                lab = try Programs.lab()
                node = try lab.makeNode("left", addresses: ["10.83.0.1/24"])
                witness = try lab.makeNode("witness", addresses: ["10.83.0.9/24"])
                directory = try lab.makeDirectory("fence")
                file = directory + "/aloft.conf"
                try secret("web \(Witnesses.secret)\n", in: "keys")
                try secret("\(Witnesses.secret)\n", in: "key")
                try File.write(
                    """
                    arbiter THIRD {
                        type witness
                        address 10.83.0.9
                        key_file \(directory)/key
                        cluster web
                        node left
                    }
                    vrrp_instance WEB {
                        state BACKUP
                        interface eth0
                        virtual_router_id 51
                        priority 150
                        advert_int 0.1
                        arbiter THIRD
                        virtual_ipaddress {
                            10.83.0.100/24
                        }
                    }

                    """, to: file)
            }

            private func secret(_ text: String, in name: String) throws {
                try File.write(text, to: "\(directory)/\(name)")
                chmod("\(directory)/\(name)", 0o600)
            }

            func startWitness() throws {
                _ = try witness.start(
                    [
                        Programs.aloft, "witness", "--listen", "10.83.0.9", "--state", directory + "/state", "--keys",
                        directory + "/keys", "--max-lease", "1",
                    ], log: "witness")
            }

            /// - Parameter prefix: what starts the daemon, such as setpriv(1).
            func startDaemon(_ prefix: [String] = []) throws {
                daemon = try node.start(
                    prefix + [Programs.aloftd, "run", "-n", "-l", "-f", file, "--state-dir", directory], log: "daemon")
            }

            func wait(_ text: String, upTo limit: Duration = .seconds(15)) throws {
                let output = try #require(daemon).output
                let found = try LabClock.poll(upTo: limit) { () throws(LabError) in
                    output.text.contains(text) ? true : nil
                }
                try #require(found != nil, "no `\(text)` in\n\(output.text)")
            }

            func waitForAddress() throws {
                let found = try LabClock.poll(upTo: .seconds(15)) { () throws(LabError) in
                    try node.holds(address) ? true : nil
                }
                try #require(found != nil, "\(daemon?.output.text ?? "")")
            }

            func status() throws -> String {
                try node.run([Programs.aloft, "status", "--json", "--state-dir", directory])
            }
        }

        @Test("supervision.fence.lost: somebody takes the programs off; they stand again, and the role stays")
        func lost() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon()
            try scene.waitForAddress()
            #expect(try scene.status().contains("the kernel stops serving at the deadline"))
            // Whoever has the same number takes the programs for a dead daemon's.
            let number = scene.directory.utf8.reduce(UInt32(0x811C_9DC5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
            try NetworkNamespace(named: scene.node.namespace).run { () throws(SystemError) in
                var thief = try LeaseFence(instance: number)
                guard let slot = FenceSlot(0), let nobody = IPAddress("240.0.0.1") else { return }
                try thief.setGuards([FenceGuard(interface: InterfaceIndex(1), address: nobody, slot: slot)])
                try thief.remove()
            }
            try scene.wait("[supervision.fence.lost]")
            try scene.wait("the lease fence stands again")
            #expect(try scene.node.holds(scene.address))
            #expect(try scene.status().contains("the kernel stops serving at the deadline"))
        }

        @Test("supervision.fence.weak: without CAP_BPF the daemon says what is missing, and holds all the same")
        func weak() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon(["setpriv", "--bounding-set=-bpf,-sys_admin"])
            try scene.wait("[supervision.fence.weak]")
            try scene.waitForAddress()
            #expect(try scene.status().contains("only the lifetimes of the addresses"))
        }

        @Test("aloft check --live tries the fence, and asks the witness: one that answers, and one that is not there")
        func live() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            func check(_ arguments: String...) throws -> String {
                try scene.node.run([Programs.aloft, "check", "--live"] + arguments + [scene.file])
            }
            let silent = try check()
            #expect(silent.contains("config.host.arbiter-silent"), "\(silent)")
            #expect(silent.contains("fence: kernel: BPF programs load here and passed their test"), "\(silent)")
            try scene.startWitness()
            let found = try LabClock.poll(upTo: .seconds(10)) { () throws(LabError) in
                let text = try scene.node.run([Programs.aloft, "check", "--live", "--json", scene.file])
                return text.contains(#""state":"answers""#) && text.contains("round_trip_ns") ? text : nil
            }
            #expect(found?.contains(#""kind":"kernel""#) == true)
            let text = try check()
            #expect(text.contains("arbiter THIRD (witness) answers within"), "\(text)")
            #expect(!text.contains("config.host"), "\(text)")
        }
    }
}
