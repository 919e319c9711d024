import CLinux
import Netlink
import Primitives
import Testing

@testable import LinuxWorld

/// Programs at real interfaces, with tcx and with the classifiers of kernels before it.
@Suite(.enabled(if: isRoot, rootNeeded)) struct LeaseFenceTests {
    let slot = FenceSlot(3)
    let address = IPAddress("10.77.0.50")

    func guards(_ interfaces: InterfaceIndex...) throws -> [FenceGuard] {
        try interfaces.map {
            FenceGuard(interface: $0, address: try #require(address), slot: try #require(slot))
        }
    }

    func index(_ name: String, in namespace: borrowing NetworkNamespace) throws -> InterfaceIndex {
        InterfaceIndex(try namespace.run { () throws(SystemError) in aloft_interface_index(name) })
    }

    @Test(
        "what somebody takes off is seen and put back; what somebody puts before it is overtaken",
        arguments: [FenceHook.tcx, .classifier])
    func foreignHands(_ hook: FenceHook) throws {
        let network = try TestNetwork(hook == .tcx ? "fft" : "ffc")
        let inside = try NetworkNamespace(named: network.left)
        let eth0 = try index("eth0", in: inside)
        let guards = try guards(eth0)
        try inside.run { () throws(SystemError) in
            var fence = try LeaseFence(instance: 0x7E57_0010, hook: hook)
            try fence.setGuards(guards)
            #expect(try fence.check() == [])
            for way in FenceDirection.allCases {
                let ours = try require2(fence.loaded).programs.program(way, isBare: false)
                let entry = try require2(try hook.entries(eth0, way)?.first { $0.program == ours.identifier })
                try hook.detach(entry, ours.descriptor, eth0, way)
                let fault = FenceFault(interface: eth0, direction: way, kind: .missing)
                #expect(try fence.check() == [fault])
                #expect(try fence.repair() == [fault])
                #expect(try fence.check() == [])
            }
            // Another's program, which would let everything pass by and end the walk.
            let stranger = try LeaseFence.Loaded(
                try FenceMaps(deadlines: fence.deadlines), named: FenceName(instance: 0x7E57_00FF))
            if hook == .tcx {
                let program = stranger.programs.ethernetIngress.descriptor.rawValue
                #expect(try hook.attach(program, named: "stranger", eth0, .ingress))
                let fault = FenceFault(interface: eth0, direction: .ingress, kind: .preceded(by: 1))
                #expect(try fence.check() == [fault])
                #expect(try fence.repair() == [fault])
                #expect(try fence.check() == [])
                // The stranger is still there, and our first copy is not.
                #expect(try hook.entries(eth0, .ingress)?.count == 2)
                #expect(try hook.entries(eth0, .egress)?.count == 1)
            }
            try fence.remove()
            #expect(try hook.entries(eth0, .ingress)?.count == (hook == .tcx ? 1 : 0))
            #expect(try hook.entries(eth0, .egress) == [])
            withExtendedLifetime(stranger) {}
        }
    }

    @Test("narrowed, it guards what is still wanted of what stands, adds nothing, and leaves the rest")
    func narrow() throws {
        let network = try TestNetwork("fnr")
        let inside = try NetworkNamespace(named: network.left)
        let (eth0, lo) = (try index("eth0", in: inside), try index("lo", in: inside))
        let both = try guards(eth0, lo)
        let other = FenceGuard(
            interface: eth0, address: try #require(IPAddress("10.77.0.51")), slot: try #require(slot))
        try inside.run { () throws(SystemError) in
            var former = try LeaseFence(instance: 0x7E57_0012)
            try former.setGuards(both)
            var fence = try LeaseFence(instance: 0x7E57_0013)
            try fence.setGuards(both)
            try fence.narrow(to: [both[0], other])
            #expect(fence.guards.keys.map(\.interface) == [eth0] && fence.interfaces == [eth0])
            #expect(try fence.hook.entries(eth0, .ingress)?.count == 2)
            #expect(try fence.hook.entries(lo, .ingress)?.count == 1, "another daemon's")
            try fence.narrow(to: [])
            #expect(fence.guards.isEmpty && fence.interfaces.isEmpty)
            #expect(try fence.hook.entries(eth0, .egress)?.count == 1)
            try former.remove()
        }
    }

    @Test("the discipline itself is taken away, as by tc qdisc del, and comes back")
    func disciplineDeleted() throws {
        let network = try TestNetwork("fdd")
        let inside = try NetworkNamespace(named: network.left)
        let eth0 = try index("eth0", in: inside)
        let guards = try guards(eth0)
        var fence = try inside.run { () throws(SystemError) in
            var fence = try LeaseFence(instance: 0x7E57_0011, hook: .classifier)
            try fence.setGuards(guards)
            return fence
        }
        try run("/usr/sbin/tc", ["-n", network.left, "qdisc", "del", "dev", "eth0", "clsact"])
        let seen = try inside.run { () throws(SystemError) in try fence.check() }
        #expect(seen.map(\.kind) == [.missing, .missing])
        let left = try inside.run { () throws(SystemError) in
            _ = try fence.repair()
            return try fence.check()
        }
        #expect(left == [])
        let listed = try run("/usr/sbin/tc", ["-n", network.left, "filter", "show", "dev", "eth0", "egress"])
        #expect(listed.contains("alf_e_7e570011") && listed.contains("direct-action"))
    }

    @Test(
        "programs of a daemon that is gone are replaced, those of others stay", arguments: [FenceHook.tcx, .classifier])
    func predecessor(_ hook: FenceHook) throws {
        let network = try TestNetwork(hook == .tcx ? "fpt" : "fpc")
        let inside = try NetworkNamespace(named: network.left)
        let eth0 = try index("eth0", in: inside)
        let guards = try guards(eth0)
        try inside.run { () throws(SystemError) in
            do {
                var former = try LeaseFence(instance: 0x7E57_0012, hook: hook)
                try former.setGuards(guards)
                var other = try LeaseFence(instance: 0x7E57_0013, hook: hook)
                try other.setGuards(guards)
            }
            // Their descriptors are closed, as after SIGKILL.
            for way in FenceDirection.allCases { #expect(try hook.entries(eth0, way)?.count == 2) }
            var fence = try LeaseFence(instance: 0x7E57_0012, hook: hook)
            try fence.setGuards(guards)
            for way in FenceDirection.allCases { #expect(try hook.entries(eth0, way)?.count == 2) }
            try fence.remove()
            for way in FenceDirection.allCases { #expect(try hook.entries(eth0, way)?.count == 1) }
            // One that guards nothing takes off as well what was left.
            var last = try LeaseFence(instance: 0x7E57_0013, hook: hook)
            try last.setGuards([])
            for way in FenceDirection.allCases { #expect(try hook.entries(eth0, way) == []) }
        }
    }

    @Test("interfaces come and go with the list, and one that has vanished is forgotten")
    func interfaces() throws {
        let network = try TestNetwork("fif")
        let inside = try NetworkNamespace(named: network.left)
        try ip("-n \(network.left) link add v1 type veth peer name v2")
        let eth0 = try index("eth0", in: inside)
        let v1 = try index("v1", in: inside)
        let nowhere = InterfaceIndex(4711)
        let both = try guards(eth0, v1, nowhere)
        let one = try guards(eth0)
        var fence = try inside.run { () throws(SystemError) in
            var fence = try LeaseFence(instance: 0x7E57_0014)
            try fence.setGuards(both)
            return fence
        }
        #expect(fence.interfaces == [eth0, v1].sorted())
        try ip("-n \(network.left) link del v1")
        try inside.run { () throws(SystemError) in
            #expect(try fence.check() == [])
            #expect(fence.interfaces == [eth0])
            try fence.setGuards(one)
            #expect(fence.interfaces == [eth0])
        }
        // Two leases cannot guard one address.
        let twice = try one + [FenceGuard(interface: eth0, address: #require(address), slot: #require(FenceSlot(4)))]
        #expect(throws: SystemError.self) { try fence.setGuards(twice) }
        try inside.run { () throws(SystemError) in try fence.remove() }
    }

    @Test("an interface without link header is fenced by the programs for it")
    func bare() throws {
        let network = try TestNetwork("fba")
        let inside = try NetworkNamespace(named: network.left)
        do { try ip("-n \(network.left) tuntap add dev t0 mode tun") } catch {
            print("skipped: no tun devices here")
            return
        }
        let t0 = try index("t0", in: inside)
        let guards = try guards(t0)
        let slot = try #require(slot)
        try inside.run { () throws(SystemError) in
            var fence = try LeaseFence(instance: 0x7E57_0015)
            try fence.setGuards(guards)
            #expect(fence.attached == [t0: true])
            #expect(try fence.check() == [])
            // The frames of a test run come from lo.
            let loaded = try require2(fence.loaded)
            let key = FenceGuard.key(interface: InterfaceIndex(1), address: guards[0].address)
            try loaded.maps.put(key, slot)
            let packet = TestFrame.ipv4("10.77.0.50", "10.77.0.1")
            // A test run takes an Ethernet header for granted; these 14 bytes are the beginning of the packet.
            #expect(try loaded.programs.bareEgress.run(packet).verdict == 2)
            #expect(try loaded.programs.bareIngress.run(packet).verdict == -1)
            try fence.remove()
        }
    }

    @Test("classifiers of any bytes are read without harm")
    func hostileClassifiers() {
        var random = SplitMix64(seed: 11)
        for _ in 0..<20_000 {
            var bytes = (0..<Int(random.next() % 120)).map { _ in UInt8(truncatingIfNeeded: random.next() % 48) }
            // Half of them with a header that holds.
            if random.next() % 2 == 0, bytes.count >= 16 {
                bytes.replaceSubrange(
                    0..<6, with: [UInt8(bytes.count), 0, 0, 0, random.next() % 2 == 0 ? 44 : 20, 0])
            }
            let span = bytes.span.bytes
            var messages = NetlinkMessages()
            while let message = messages.next(in: span) {
                _ = TrafficClassifier(message, in: span)
                if let one = SocketRecord(message, in: span, of: .tcp) { #expect(one.identity.count == 48) }
            }
        }
    }
}

/// `#require` throws any error; inside a namespace only a SystemError may be thrown.
func require2<Value>(_ value: Value?) throws(SystemError) -> Value {
    guard let value else { throw SystemError(.fence, .notFound, "find what the test needs") }
    return value
}
