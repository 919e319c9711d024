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
            private var witnesses: [Child] = []

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

            func killWitness() { witnesses.last?.signal(SIGKILL) }

            func startWitness() throws {
                let child = try witness.start(
                    [
                        Programs.aloft, "witness", "--listen", "10.83.0.9", "--state", directory + "/state", "--keys",
                        directory + "/keys", "--max-lease", "1",
                    ], log: "witness-\(witnesses.count)")
                witnesses.append(child)
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

            /// Tells the fence of this daemon from those of others.
            var number: UInt32 {
                directory.utf8.reduce(UInt32(0x811C_9DC5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
            }

            /// The tables of nf_tables at the node.
            func tables() throws -> String { try node.run(["nft", "list", "tables"]) }

            private func children(of parent: Int32) throws -> [Int32] {
                try String(contentsOfFile: "/proc/\(parent)/task/\(parent)/children", encoding: .utf8)
                    .split(separator: " ").compactMap { Int32($0) }
            }

            func process(named name: String) throws -> Int32? {
                try children(of: try #require(daemon).pid).first { pid in
                    try String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8) == name + "\n"
                }
            }

            func killEverything() throws {
                let child = try #require(daemon)
                let all = [child.pid] + (try children(of: child.pid))
                // Whoever is stopped and loses its parent is continued (setpgid(2)), so that one ends last.
                for signal in [SIGSTOP, SIGKILL] { for pid in all.reversed() { kill(pid, signal) } }
                _ = try child.wait(upTo: .seconds(5))
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
            let number = scene.number
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

        /// What starts a program that may not use bpf(2).
        static let withoutBPF = ["setpriv", "--bounding-set=-bpf,-sys_admin"]

        @Test(
            "supervision.fence.weak: without CAP_BPF a table of nf_tables stands in, and everybody who asks is told that it is weaker"
        )
        func weak() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon(Self.withoutBPF)
            try scene.wait("[supervision.fence.weak]")
            try scene.waitForAddress()
            #expect(try scene.status().contains("the kernel stops serving by timeouts, which may start late"))
            let explained = try scene.node.run([Programs.aloft, "explain", "WEB", "--state-dir", scene.directory])
            #expect(explained.contains("by timeouts"), "\(explained)")
            let live = try scene.node.run(
                Self.withoutBPF + [Programs.aloft, "check", "--live", scene.file])
            #expect(live.contains("fence: timeouts"), "\(live)")
            #expect(live.contains("config.host.fence-weak"), "\(live)")
            #expect(try scene.tables().contains("aloft_fence_"))
            // In order: nothing stays.
            scene.daemon?.signal(SIGTERM)
            #expect(try scene.daemon?.wait(upTo: .seconds(5)) == 0)
            #expect(try scene.tables() == "")
        }

        @Test(
            "supervision.fence.lost: somebody takes the table off, or some of it; it stands again, and the role stays",
            arguments: [
                "flush ruleset", "flush table netdev aloft_fence_NUMBER",
                "delete element netdev aloft_fence_NUMBER guarded4_INDEX { 10.83.0.100 }",
            ])
        func lostTable(_ command: String) throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon(Self.withoutBPF)
            try scene.waitForAddress()
            let text = String(repeating: "0", count: 8) + String(scene.number, radix: 16)
            let index = try NetworkNamespace(named: scene.node.namespace).run { () throws(SystemError) in
                if_nametoindex("eth0")
            }
            let words = command.replacing("NUMBER", with: text.suffix(8)).replacing("INDEX", with: "\(index)")
            _ = try scene.node.run(["nft", words])
            try scene.wait("[supervision.fence.lost]")
            try scene.wait("the lease fence stands again")
            #expect(try scene.node.holds(scene.address))
            #expect(try scene.status().contains("by timeouts"))
            #expect(try scene.node.run(["nft", "list", "ruleset"]).contains("10.83.0.100"))
        }

        @Test(
            "A fence process that dies is replaced, and the role stays; what the daemon left when it was killed, the next one takes over"
        )
        func successors() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon(Self.withoutBPF)
            try scene.waitForAddress()
            let first = try #require(try scene.process(named: "aloftd-fence"))
            kill(first, SIGKILL)
            try scene.wait("the fence process was ended by signal 9")
            try scene.wait("the lease fence stands again")
            #expect(try scene.process(named: "aloftd-fence") != first)
            #expect(try scene.node.holds(scene.address))
            // Everything at once, so that nobody tidies up.
            try scene.killEverything()
            try #require(try scene.tables().contains("aloft_fence_"))
            try LabClock.observe(for: .seconds(2))
            // With BPF this time: a table that nobody renews would close the address for ever.
            try scene.startDaemon()
            // The address is still there, so it says nothing.
            try scene.wait("MASTER STATE")
            try scene.waitForAddress()
            #expect(try scene.tables() == "")
            #expect(try scene.status().contains("the kernel stops serving at the deadline"))
        }

        @Test("Connections of an address that is released under a lease are ended; those of the node's own stay")
        func connections() throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon()
            try scene.waitForAddress()
            let own = try Connection(scene, "10.83.0.1", 4100)
            let served = try Connection(scene, "10.83.0.100", 4101)
            // The lease goes with the witness.
            scene.killWitness()
            let error = try LabClock.poll(upTo: .seconds(5)) { () throws(LabError) in
                let error = served.error
                return error == 0 ? nil : error
            }
            #expect(error == ECONNABORTED, "\(scene.daemon?.output.text ?? "")")
            #expect(own.error == 0)
            try scene.wait("1 connections of released addresses are ended")
            // What comes when the address is back is left alone.
            try scene.startWitness()
            try scene.waitForAddress()
            let later = try Connection(scene, "10.83.0.100", 4102)
            try LabClock.observe(for: .seconds(1))
            #expect(later.error == 0)
        }

        /// A connection of TCP from the witness's host, as its server at the node has it.
        final class Connection {
            let listener: TestSocket
            let client: TestSocket
            let server: Int32

            init(_ scene: Scene, _ address: String, _ port: UInt16) throws {
                listener = try TestSocket(scene.node, AF_INET, Int32(SOCK_STREAM.rawValue))
                client = try TestSocket(scene.witness, AF_INET, Int32(SOCK_STREAM.rawValue))
                let name = TestSocket.name(try #require(IPAddress(address)), port)
                try listener.call(name) { bind($0, $1, $2) }
                guard listen(listener.number, 1) == 0 else { throw LabError(.failed, "listen: errno \(errno)") }
                try client.call(name) { connect($0, $1, $2) }
                server = accept(listener.number, nil, nil)
                guard server >= 0 else { throw LabError(.failed, "accept: errno \(errno)") }
            }

            deinit { close(server) }

            /// Since it was asked last.
            var error: Int32 {
                var value: Int32 = 0
                var length = socklen_t(4)
                getsockopt(server, SOL_SOCKET, SO_ERROR, &value, &length)
                return value
            }
        }

        @Test("A reload that adds an address to a master: it is guarded before it is there", arguments: [true, false])
        func reload(_ hasBPF: Bool) throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon(hasBPF ? [] : Self.withoutBPF)
            try scene.waitForAddress()
            let text = try String(contentsOfFile: scene.file, encoding: .utf8)
            try File.write(
                text.replacing("10.83.0.100/24", with: "10.83.0.100/24\n        10.83.0.101/24"), to: scene.file)
            // The supervisor stands still just after it has passed the reload on.
            let supervisor = try #require(scene.daemon).pid
            let worker = try #require(try scene.process(named: "aloftd-vrrp"))
            kill(worker, SIGSTOP)
            kill(supervisor, SIGHUP)
            try LabClock.observe(for: .milliseconds(50))
            kill(supervisor, SIGSTOP)
            kill(worker, SIGCONT)
            try LabClock.observe(for: .milliseconds(400))
            let added = try #require(IPAddress("10.83.0.101"))
            let early = try scene.node.holds(added)
            kill(supervisor, SIGCONT)
            #expect(!early, "nobody guards it yet")
            let found = try LabClock.poll(upTo: .seconds(5)) { () throws(LabError) in
                try scene.node.holds(added) ? true : nil
            }
            #expect(found == true, "\(scene.daemon?.output.text ?? "")")
            // And it is served.
            _ = try Connection(scene, "10.83.0.101", 4103)
        }

        @Test(
            "An address that is there at the end keeps its fence, and the next start serves it",
            arguments: [true, false])
        func leftBehind(_ hasBPF: Bool) throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            // A hook that has not understood that the address is another node's now. (While the worker waits for its lease to be taken back, it would
            // take the address off again.)
            try File.write(
                "#!/bin/sh\nsleep 0.4\nip address add 10.83.0.100/24 dev eth0\n", to: scene.directory + "/stop.sh")
            chmod(scene.directory + "/stop.sh", 0o755)
            let text = try String(contentsOfFile: scene.file, encoding: .utf8)
            try File.write(
                "global_defs {\n    script_user root\n}\n"
                    + text.replacing(
                        "    advert_int", with: "    notify_stop \(scene.directory)/stop.sh\n    advert_int"),
                to: scene.file)
            try scene.startWitness()
            try scene.startDaemon(hasBPF ? [] : Self.withoutBPF)
            try scene.waitForAddress()
            _ = try Connection(scene, "10.83.0.100", 4104)
            scene.daemon?.signal(SIGTERM)
            #expect(try scene.daemon?.wait(upTo: .seconds(8)) == 0)
            let log = scene.daemon?.output.text ?? ""
            #expect(log.contains("10.83.0.100 could not be taken off, so the lease fence stays"), "\(log)")
            #expect(try scene.node.holds(scene.address), "\(log)")
            let wire = try TestSocket.wire(scene.witness)
            let isServed = { () -> Bool in
                wire.send(Frames.arp("10.83.0.77", "10.83.0.100"))
                return wire.sees(within: 300) { $0.count >= 42 && $0[12...13] == [8, 6] && $0[21] == 2 }
            }
            #expect(!isServed(), "the fence is closed")
            try scene.startDaemon(hasBPF ? [] : Self.withoutBPF)
            let served = try LabClock.poll(upTo: .seconds(15)) { () throws(LabError) in
                isServed() ? true : nil
            }
            #expect(served == true, "\(scene.daemon?.output.text ?? "")")
        }

        @Test(
            "Without an arbiter the next start takes off what a killed one left, and serves", arguments: [true, false])
        func cleared(_ hasBPF: Bool) throws {
            let scene = try Scene()
            defer { scene.lab.close() }
            try scene.startWitness()
            try scene.startDaemon(hasBPF ? [] : Self.withoutBPF)
            try scene.waitForAddress()
            try scene.killEverything()
            try scene.node.ip("address delete 10.83.0.100/24 dev eth0")
            try LabClock.observe(for: .seconds(2))
            let text = try String(contentsOfFile: scene.file, encoding: .utf8)
            try File.write(text.replacing("    arbiter THIRD\n", with: ""), to: scene.file)
            try scene.startDaemon(hasBPF ? [] : Self.withoutBPF)
            try scene.waitForAddress()
            let wire = try TestSocket.wire(scene.witness)
            wire.send(Frames.arp("10.83.0.77", "10.83.0.100"))
            #expect(wire.sees(within: 1000) { $0.count >= 42 && $0[12...13] == [8, 6] && $0[21] == 2 })
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
