import Foundation
import Glibc
import LinuxWorld
import NetworkLab
import Primitives
import Testing

/// A fence that is refused after it stood, or whose process does not come back: what stands of it must not close what this node holds.
extension OnTheKernel.FenceWatch {
    /// The node has a second interface, and a reload puts an address there.
    private static func addSecond(_ scene: Scene) throws {
        try scene.node.ip("link add extra1 type veth peer name extra2")
        try scene.node.ip("link set extra1 up")
        try scene.node.ip("link set extra2 up")
    }

    private static func reload(_ scene: Scene, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: scene.file, encoding: .utf8)
        try #require(text.contains(old))
        try File.write(text.replacing(old, with: new), to: scene.file)
        scene.daemon?.signal(SIGHUP)
    }

    /// Whether it comes within five seconds.
    private static func hasTable(_ scene: Scene) throws -> Bool {
        let end = BootClock.now() + .seconds(5)
        while BootClock.now() < end {
            if try scene.tables().contains("aloft_fence_") { return true }
            try LabClock.observe(for: .milliseconds(20))
        }
        return false
    }

    /// Whether the address answers ARP.
    private static func isServed(_ scene: Scene, _ wire: TestSocket) -> Bool {
        wire.send(Frames.arp("10.83.0.77", "10.83.0.100"))
        return wire.sees(within: 300) { $0.count >= 42 && $0[12...13] == [8, 6] && $0[21] == 2 }
    }

    @Test("A table that cannot be put up any more: the old one is taken off, and the address goes on being served")
    func tableRefused() throws {
        let scene = try Scene()
        defer { scene.lab.close() }
        try Self.addSecond(scene)
        // As many chains as an interface takes.
        let chains = (0..<1024).map { "chain c\($0) { type filter hook ingress device extra1 priority 0; }" }
        try File.write("table netdev full {\n\(chains.joined(separator: "\n"))\n}\n", to: scene.directory + "/full")
        _ = try scene.node.run(["nft", "-f", scene.directory + "/full"])
        try scene.startWitness()
        try scene.startDaemon(Self.withoutBPF)
        try scene.waitForAddress()
        let wire = try TestSocket.wire(scene.witness)
        try #require(Self.isServed(scene, wire))
        try Self.reload(scene, "10.83.0.100/24", "10.83.0.100/24\n        10.84.0.100/24 dev extra1")
        try scene.wait("the lease fence is lost: cannot put the fence of nf_tables up")
        try scene.wait("and nf_tables cannot stand in")
        #expect(try !scene.tables().contains("aloft_fence_"))
        // Longer than the lease.
        for _ in 0..<5 {
            try LabClock.observe(for: .milliseconds(500))
            #expect(Self.isServed(scene, wire), "\(scene.daemon?.output.text ?? "")")
        }
        _ = try scene.node.run(["nft", "delete table netdev full"])
        let back = try Self.hasTable(scene)
        #expect(back, "\(scene.daemon?.output.text ?? "")")
        #expect(Self.isServed(scene, wire))
    }

    @Test("Programs that are refused after they stood close nothing that is under a lease no more, nor after a stop")
    func programsRefused() throws {
        let scene = try Scene()
        defer { scene.lab.close() }
        try Self.addSecond(scene)
        // As many programs as an interface takes, each a fence of another daemon's.
        try NetworkNamespace(named: scene.node.namespace).run { () throws(SystemError) in
            guard let slot = FenceSlot(0), let nobody = IPAddress("240.0.0.1") else { return }
            let interface = InterfaceIndex(if_nametoindex("extra1"))
            for number in 1...64 as ClosedRange<UInt32> {
                var other = try LeaseFence(instance: number)
                do throws(SystemError) {
                    try other.setGuards([FenceGuard(interface: interface, address: nobody, slot: slot)])
                } catch { break }
            }
        }
        try scene.startWitness()
        try scene.startDaemon()
        try scene.waitForAddress()
        let wire = try TestSocket.wire(scene.witness)
        try Self.reload(scene, "10.83.0.100/24", "10.83.0.100/24\n        10.84.0.100/24 dev extra1")
        try scene.wait("the lease fence of BPF cannot be put up")
        let weaker = try Self.hasTable(scene)
        #expect(weaker, "\(scene.daemon?.output.text ?? "")")
        // Under no lease any more: its slot has no deadline from here on.
        try Self.reload(scene, "    arbiter THIRD\n", "")
        let served = try LabClock.poll(upTo: .seconds(8)) { () throws(LabError) in
            Self.isServed(scene, wire) ? true : nil
        }
        for _ in 0..<3 {
            try LabClock.observe(for: .milliseconds(500))
            #expect(Self.isServed(scene, wire), "\(scene.daemon?.output.text ?? "")")
        }
        #expect(served == true)
        scene.daemon?.signal(SIGTERM)
        #expect(try scene.daemon?.wait(upTo: .seconds(8)) == 0)
        #expect(try !scene.tables().contains("aloft_fence_"))
        try scene.node.ip("address add 10.83.0.100/24 dev eth0")
        #expect(Self.isServed(scene, wire), "nothing of the fence is left")
    }

    @Test("A fence process that cannot stop is killed, which the log says, and its table goes all the same")
    func stubborn() throws {
        let scene = try Scene()
        defer { scene.lab.close() }
        try scene.startWitness()
        try scene.startDaemon(Self.withoutBPF)
        try scene.waitForAddress()
        kill(try #require(try scene.process(named: "aloftd-fence")), SIGSTOP)
        scene.daemon?.signal(SIGTERM)
        #expect(try scene.daemon?.wait(upTo: .seconds(10)) == 0)
        #expect(scene.daemon?.output.text.contains("the fence process did not stop in time, and is killed") == true)
        #expect(try scene.tables() == "")
    }

    @Test("A fence process that dies again and again: without its table the address is served until it is back")
    func dying() throws {
        let scene = try Scene()
        defer { scene.lab.close() }
        try scene.startWitness()
        try scene.startDaemon(Self.withoutBPF)
        try scene.waitForAddress()
        kill(try #require(try scene.process(named: "aloftd-fence")), SIGKILL)
        try scene.wait("the lease fence stands again")
        kill(try #require(try scene.process(named: "aloftd-fence")), SIGKILL)
        try scene.wait("until then its table is taken off")
        #expect(try scene.tables() == "")
        let status = try scene.status()
        #expect(status.contains("the fence process has ended"), "\(status)")
        let wire = try TestSocket.wire(scene.witness)
        #expect(Self.isServed(scene, wire))
        let back = try Self.hasTable(scene)
        #expect(back, "\(scene.daemon?.output.text ?? "")")
        try LabClock.observe(for: .seconds(2))
        #expect(Self.isServed(scene, wire))
    }
}
