import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// A socket that a test opened in a namespace.
final class TestSocket {
    let number: Int32

    init(_ node: Node, _ family: Int32, _ type: Int32, _ socketProtocol: Int32 = 0) throws {
        number = try NetworkNamespace(named: node.namespace).run { () throws(SystemError) in
            socket(family, type, socketProtocol)
        }
        guard number >= 0 else { throw LabError(.failed, "cannot open a socket: errno \(errno)") }
    }

    deinit { close(number) }

    /// Waits for something to read, at most so many milliseconds.
    func isReadable(within milliseconds: Int32) -> Bool {
        var one = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        return poll(&one, 1, milliseconds) > 0
    }

    func receive() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = recv(number, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    /// `struct sockaddr_in` or `_in6`.
    static func name(_ address: IPAddress, _ port: UInt16) -> [UInt8] {
        var bytes: [UInt8] = []
        address.append(to: &bytes)
        let head: [UInt8] = [
            UInt8(address.family == .ipv4 ? AF_INET : AF_INET6), 0, UInt8(port >> 8), UInt8(port & 255),
        ]
        return head
            + (address.family == .ipv4
                ? bytes + [UInt8](repeating: 0, count: 8) : [0, 0, 0, 0] + bytes + [0, 0, 0, 0])
    }

    func call(_ name: [UInt8], _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) throws {
        let result = name.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { body(number, $0.baseAddress!, socklen_t(raw.count)) }
        }
        guard result == 0 else { throw LabError(.failed, "socket call: errno \(errno)") }
    }

    /// Frames of an interface, in and out: a packet socket that takes all protocols.
    static func wire(_ node: Node) throws -> TestSocket {
        let wire = try TestSocket(node, 17, Int32(SOCK_RAW.rawValue), Int32(UInt16(0x0003).bigEndian))
        let index = try NetworkNamespace(named: node.namespace).run { () throws(SystemError) in if_nametoindex("eth0") }
        var name: [UInt8] = [17, 0, 0, 3]
        withUnsafeBytes(of: index) { name += Array($0) }
        name += [UInt8](repeating: 0, count: 12)
        try wire.call(name) { bind($0, $1, $2) }
        _ = wire.receive()
        return wire
    }

    func send(_ frame: [UInt8]) { _ = Glibc.send(number, frame, frame.count, 0) }

    /// Whether a frame like this comes within the time.
    func sees(within milliseconds: Int32, _ isIt: ([UInt8]) -> Bool) -> Bool {
        let end = BootClock.now() + .milliseconds(Int64(milliseconds))
        while BootClock.now() < end {
            guard isReadable(within: 5) else { continue }
            if let frame = receive(), isIt(frame) { return true }
        }
        return false
    }
}

/// A holder of a service address, fenced, and a client that asks it.
struct FencedScene {
    let lab: Lab
    let holder: Node
    let client: Node
    let interface: InterfaceIndex
    let slot: FenceSlot

    init() throws {
        lab = try Programs.lab()
        holder = try lab.makeNode(
            "holder", addresses: ["10.77.0.1/24", "fd00:77::1/64", "10.77.0.100/32", "fd00:77::100/128"])
        client = try lab.makeNode("client", addresses: ["10.77.0.3/24", "fd00:77::3/64"])
        interface = InterfaceIndex(
            try NetworkNamespace(named: holder.namespace).run { () throws(SystemError) in if_nametoindex("eth0") })
        slot = try #require(FenceSlot(5))
    }

    var guards: [FenceGuard] {
        [Stage.serviceIPv4, Stage.serviceIPv6].map { FenceGuard(interface: interface, address: $0, slot: slot) }
    }

    func inside<Result: ~Copyable>(_ body: () throws(SystemError) -> Result) throws(SystemError) -> Result {
        try NetworkNamespace(named: holder.namespace).run(body)
    }

    /// A pair of sockets of UDP: one at the address, one that asks it. The exchange is made by the test alone, step by step.
    struct Service {
        let server: TestSocket
        let client: TestSocket
        let clientName: [UInt8]

        init(_ scene: FencedScene, _ address: IPAddress, at holder: Node, from asker: Node, _ askerAddress: String)
            throws
        {
            let family = address.family == .ipv4 ? AF_INET : AF_INET6
            server = try TestSocket(holder, family, Int32(SOCK_DGRAM.rawValue))
            client = try TestSocket(asker, family, Int32(SOCK_DGRAM.rawValue))
            try server.call(TestSocket.name(address, 4000)) { bind($0, $1, $2) }
            clientName = TestSocket.name(try #require(IPAddress(askerAddress)), 4001)
            try client.call(clientName) { bind($0, $1, $2) }
            try client.call(TestSocket.name(address, 4000)) { connect($0, $1, $2) }
        }

        /// One question and its answer. The times are those just before each was sent; nil of what did not arrive.
        func exchange() -> (asked: Instant?, answered: Instant?) {
            while server.receive() != nil {}
            while client.receive() != nil {}
            let asked = BootClock.now()
            _ = Glibc.send(client.number, [1], 1, 0)
            guard server.isReadable(within: 1), server.receive() != nil else { return (nil, nil) }
            let answered = BootClock.now()
            _ = clientName.withUnsafeBytes { raw in
                raw.withMemoryRebound(to: sockaddr.self) {
                    sendto(server.number, [2], 1, 0, $0.baseAddress!, socklen_t(raw.count))
                }
            }
            return (asked, client.isReadable(within: 1) ? answered : nil)
        }

        func isServed(within time: Duration = .seconds(2)) -> Bool {
            let end = BootClock.now() + time
            while BootClock.now() < end { if exchange().answered != nil { return true } }
            return false
        }
    }

    func service(_ address: IPAddress) throws -> Service {
        try Service(self, address, at: holder, from: client, address.family == .ipv4 ? "10.77.0.3" : "fd00:77::3")
    }
}

extension OnTheKernel {
    @Suite("The lease fence", .needsRoot) struct Fencing {
        @Test(
            "serves until the deadline and never after it", arguments: [50, 300, 1000],
            [Stage.serviceIPv4, Stage.serviceIPv6])
        func deadline(_ milliseconds: Int64, _ address: IPAddress) throws {
            let scene = try FencedScene()
            defer { scene.lab.close() }
            var fence = try scene.inside { () throws(SystemError) in try LeaseFence() }
            let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
            let service = try scene.service(address)
            #expect(service.isServed())
            try scene.inside { () throws(SystemError) in try fence.setGuards(scene.guards) }
            #expect(!service.isServed(within: .milliseconds(20)), "a new guard is closed")
            deadlines.set(scene.slot, until: BootClock.now() + .seconds(5))
            #expect(service.isServed(), "the neighbours know each other")
            let until = BootClock.now() + .milliseconds(milliseconds)
            deadlines.set(scene.slot, until: until)
            let opened = BootClock.now()
            let before = try fence.drops()
            var lastAsked = Instant.zero
            var lastAnswered = Instant.zero
            while BootClock.now() < until + .milliseconds(100) {
                let (asked, answered) = service.exchange()
                lastAsked = max(lastAsked, asked ?? .zero)
                lastAnswered = max(lastAnswered, answered ?? .zero)
                // Exact, however busy the machine is: what was dropped by now was dropped before now.
                let drops = try fence.drops()
                if BootClock.now() < until { #expect(drops == before, "dropped before the deadline") }
            }
            print(
                "a lease of \(milliseconds) ms of \(address): the last question \((until - lastAsked).nanoseconds / 1000) µs and the last answer "
                    + "\((until - lastAnswered).nanoseconds / 1000) µs before its end")
            #expect(lastAsked < until)
            #expect(lastAnswered < until)
            #expect(lastAnswered > opened)
            // A time that has passed opens nothing.
            deadlines.set(scene.slot, until: BootClock.now() - .nanoseconds(1))
            #expect(!service.isServed(within: .milliseconds(50)))
            try scene.inside { () throws(SystemError) in try fence.remove() }
            #expect(service.isServed())
        }

        @Test(
            "a closed address is not resolved, not announced, and not claimed in a tag; the holder elsewhere can be talked to"
        )
        func neighbours() throws {
            let scene = try FencedScene()
            defer { scene.lab.close() }
            var fence = try scene.inside { () throws(SystemError) in try LeaseFence() }
            let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
            try scene.inside { () throws(SystemError) in try fence.setGuards(scene.guards) }
            let asking = try TestSocket.wire(scene.client)
            let speaking = try TestSocket.wire(scene.holder)
            let request = Frames.arp("10.77.0.3", "10.77.0.100")
            let announcement = Frames.arp("10.77.0.100", "10.77.0.100")
            let tagged = Frames.tagged(announcement)
            let solicitation = Frames.solicitation("fd00:77::3", "fd00:77::100")
            for isOpen in [true, false, true] {
                deadlines.set(scene.slot, until: isOpen ? BootClock.now() + .seconds(60) : nil)
                let time: Int32 = isOpen ? 2000 : 200
                asking.send(request)
                // Operation 2 and the sender's address, in a frame to the client.
                let answered = asking.sees(within: time) {
                    $0.count >= 42 && $0[12...13] == [8, 6] && $0[21] == 2 && $0[28..<32] == [10, 77, 0, 100]
                }
                #expect(answered == isOpen, "ARP")
                asking.send(solicitation)
                let advertised = asking.sees(within: time) {
                    $0.count > 54 && $0[12...13] == [0x86, 0xDD] && $0[54] == 136
                }
                #expect(advertised == isOpen, "neighbour discovery")
                speaking.send(announcement)
                #expect(
                    asking.sees(within: time) { $0.prefix(42) == announcement.prefix(42) } == isOpen, "gratuitous ARP")
                let before = try fence.drops()
                speaking.send(tagged)
                usleep(10_000)
                let after = try fence.drops()
                #expect((after.outgoingClaims == before.outgoingClaims) == isOpen, "gratuitous ARP in a VLAN")
                // In a tag that the kernel takes off before ingress.
                asking.send(Frames.tagged(request))
                usleep(10_000)
                #expect(
                    (try fence.drops().incomingQuestions == after.incomingQuestions) == isOpen, "a question in a VLAN")
            }
            // The address moves to the client; the fenced node, which has lost it, talks to it.
            deadlines.set(scene.slot, until: nil)
            try scene.holder.ip(
                "addr del 10.77.0.100/32 dev eth0", "addr del fd00:77::100/128 dev eth0", "neigh flush all")
            try scene.client.ip("addr add 10.77.0.100/32 dev eth0", "addr add fd00:77::100/128 dev eth0 nodad")
            for (address, own) in [(Stage.serviceIPv4, "10.77.0.1"), (Stage.serviceIPv6, "fd00:77::1")] {
                let service = try FencedScene.Service(scene, address, at: scene.client, from: scene.holder, own)
                #expect(service.isServed(), "a backup reaches \(address) at its holder")
            }
            try scene.inside { () throws(SystemError) in try fence.remove() }
        }

        @Test("SIGKILL of the owner leaves it in force, and the next daemon replaces it without opening it")
        func killed() throws {
            let scene = try FencedScene()
            defer { scene.lab.close() }
            let service = try scene.service(Stage.serviceIPv4)
            #expect(service.isServed())
            let owner = try scene.holder.start([FencingTool.path, "hold", "eth0", "10.77.0.100", "1500"])
            let line = try LabClock.wait(upTo: .seconds(10), for: "the owner to be ready") { () throws(LabError) in
                owner.output.lines.first
            }
            let until = Instant(nanoseconds: try #require(Int64(line.split(separator: " ").last ?? "")))
            #expect(service.isServed(within: .milliseconds(300)))
            owner.signal(SIGKILL)
            try LabClock.wait(upTo: .seconds(1), for: "the owner to end") { () throws(LabError) in
                owner.isRunning ? nil : true
            }
            let killed = BootClock.now()
            #expect(killed < until)
            var last = Instant.zero
            while BootClock.now() < until + .milliseconds(200) {
                last = max(last, service.exchange().answered ?? .zero)
            }
            #expect(last < until)
            #expect(last > killed, "a dead owner's lease lasts to its end")
            var fence = try scene.inside { () throws(SystemError) in try LeaseFence() }
            let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
            #expect(!service.isServed(within: .milliseconds(20)))
            try scene.inside { () throws(SystemError) in try fence.setGuards(scene.guards) }
            #expect(!service.isServed(within: .milliseconds(100)))
            // Were the former program still there, it would be closed.
            deadlines.set(scene.slot, until: BootClock.now() + .seconds(60))
            #expect(service.isServed())
            try scene.inside { () throws(SystemError) in try fence.remove() }
        }

        @Test(
            "where BPF is not allowed nf_tables closes an address too",
            arguments: [Stage.serviceIPv4, Stage.serviceIPv6])
        func fallback(_ address: IPAddress) throws {
            let scene = try FencedScene()
            defer { scene.lab.close() }
            let service = try scene.service(address)
            #expect(service.isServed())
            var fence = try scene.inside { () throws(SystemError) in
                var fence = try NFTablesFence()
                try fence.setGuards(scene.guards)
                return fence
            }
            #expect(!service.isServed(within: .milliseconds(50)), "a new guard is closed")
            // The address is not resolved, and not announced.
            let asking = try TestSocket.wire(scene.client)
            let speaking = try TestSocket.wire(scene.holder)
            let isAnswer: ([UInt8]) -> Bool = {
                $0.count > 54
                    && ($0[12...13] == [8, 6] && $0[21] == 2 || $0[12...13] == [0x86, 0xDD] && $0[54] == 136)
            }
            let isARPAnswer: ([UInt8]) -> Bool = { $0.count >= 42 && $0[12...13] == [8, 6] && $0[21] == 2 }
            for isOpen in [false, true] {
                if isOpen { #expect(try fence.renew([(scene.slot, BootClock.now() + .seconds(20))]) == [scene.slot]) }
                let time: Int32 = isOpen ? 2000 : 150
                asking.send(Frames.arp("10.77.0.3", "10.77.0.100"))
                #expect(asking.sees(within: time, isARPAnswer) == isOpen)
                asking.send(Frames.solicitation("fd00:77::3", "fd00:77::100"))
                #expect(asking.sees(within: time, isAnswer) == isOpen)
                let announcement = Frames.arp("10.77.0.100", "10.77.0.100")
                speaking.send(announcement)
                #expect(asking.sees(within: time) { $0.prefix(42) == announcement.prefix(42) } == isOpen)
            }
            // The forged frames have told both a MAC address that nobody has.
            try scene.holder.ip("neigh flush all")
            try scene.client.ip("neigh flush all")
            #expect(service.isServed())
            let until = BootClock.now() + .milliseconds(400)
            try fence.renew([(scene.slot, until)])
            var last = Instant.zero
            while BootClock.now() < until + .milliseconds(100) {
                last = max(last, service.exchange().answered ?? .zero)
            }
            print(
                "a lease of 400 ms of \(address) by nf_tables: the last answer \((until - last).nanoseconds / 1000) µs before its end"
            )
            // Nobody else commits here, so even this one keeps its time.
            #expect(last < until)
            #expect(last > .zero)
            #expect(try fence.renew([(scene.slot, BootClock.now())]) == [], "what is late is not sent")
            #expect(!service.isServed(within: .milliseconds(50)))
            try scene.inside { () throws(SystemError) in try fence.remove() }
            #expect(service.isServed())
        }

        /// FENCE_RUNS: how many, 1,000 without it.
        @Test("thousands of short leases with stalls before their installation: none serves after its end")
        func storm() throws {
            let scene = try Programs.lab()
            defer { scene.close() }
            let node = try scene.makeNode("storm", addresses: [])
            let runs = ProcessInfo.processInfo.environment["FENCE_RUNS"] ?? "1000"
            // Throws when it ends with 1.
            let output = try node.run([FencingTool.path, "storm", runs, "\(getpid())"])
            print(output, terminator: "")
            #expect(output.contains(" 0 served after the deadline, 0 dropped before it"))
        }
    }
}

/// The tool is built with the tests, and stands beside them.
enum FencingTool {
    static let path: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let beside = URL(filePath: own).deletingLastPathComponent().appending(path: "fence-lab").path()
        return FileManager.default.isExecutableFile(atPath: beside)
            ? beside : Programs.root.appending(path: ".build/debug/fence-lab").path()
    }()
}

/// Frames by the test's own hand.
enum Frames {
    static func bytes(_ address: String) -> [UInt8] {
        var bytes: [UInt8] = []
        IPAddress(address)?.append(to: &bytes)
        return bytes
    }

    static let broadcast: [UInt8] = [255, 255, 255, 255, 255, 255]
    static let mac: [UInt8] = [2, 0, 0, 0, 0, 0x77]

    static func arp(_ sender: String, _ target: String) -> [UInt8] {
        broadcast + mac + [8, 6, 0, 1, 8, 0, 6, 4, 0, 1] + mac + bytes(sender) + [0, 0, 0, 0, 0, 0] + bytes(target)
    }

    static func tagged(_ frame: [UInt8]) -> [UInt8] { Array(frame[0..<12]) + [0x81, 0, 0, 5] + Array(frame[12...]) }

    /// With its checksum (RFC 4861 §4.3), to the solicited-node group of `target`, with our link-layer address.
    static func solicitation(_ source: String, _ target: String) -> [UInt8] {
        let group: [UInt8] = [0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF] + Array(bytes(target)[13...])
        var message: [UInt8] = [135, 0, 0, 0, 0, 0, 0, 0] + bytes(target) + [1, 1] + mac
        let pseudo = bytes(source) + group + [0, 0, 0, UInt8(message.count), 0, 0, 0, 58] + message
        var sum: UInt32 = 0
        for index in stride(from: 0, to: pseudo.count, by: 2) {
            sum += UInt32(pseudo[index]) << 8 | UInt32(pseudo[index + 1])
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        message[2] = UInt8(~sum >> 8 & 255)
        message[3] = UInt8(~sum & 255)
        return [0x33, 0x33] + Array(group[12...]) + mac + [0x86, 0xDD, 0x60, 0, 0, 0, 0, UInt8(message.count), 58, 255]
            + bytes(source) + group + message
    }
}
