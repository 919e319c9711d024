import ConfigLanguage
import Configuration
import Primitives
import Testing

/// A machine made of values.
struct FakeHost: HostFacts {
    var interfaces: [String: HostInterface] = [:]
    var programs: [String: HostProgram] = [:]
    var users = ["root", "nobody"]
    var readable: [String] = []
    var hasIPv6 = true
    var hasIPVS = true
    var standingFence = HostFence.kernel(tested: .milliseconds(2))
    var answer = HostArbiter.answers(within: .milliseconds(1), "the lease is free")

    /// eth0 with 10.0.0.9/24, as the tests' instance wants it.
    static var usual: FakeHost {
        var host = FakeHost()
        host.interfaces["eth0"] = HostInterface(addresses: [Self.address("10.0.0.9/24")])
        host.programs["/bin/x"] = .found(path: "/bin/x", writers: nil)
        return host
    }

    static func address(_ text: String, managed: Bool = false) -> HostAddress {
        // The tests write nothing else.
        HostAddress(IPPrefix(text) ?? IPPrefix(host: .v4(IPv4Address(bits: 0))), isManaged: managed)
    }

    func interface(_ name: String) -> HostInterface? { interfaces[name] }
    func holder(of address: IPAddress) -> String? {
        interfaces.keys.sorted().first { interfaces[$0]?.addresses.contains { $0.prefix.address == address } == true }
    }
    func program(_ name: String) -> HostProgram { programs[name] ?? .missing }
    func knows(_ user: ScriptUser) -> Bool { users.contains(user.user) && user.group != "nogroup" }
    func isRoot(_ user: ScriptUser) -> Bool { user.user == "root" }
    func isReadable(_ path: String) -> Bool { readable.contains(path) }
    func fence() -> HostFence { standingFence }
    func ask(_ arbiter: ArbiterDefinition, about lease: LeaseDefinition) -> HostArbiter { answer }
}

@Suite struct HostCheckTests {
    func check(_ text: String, _ host: FakeHost = .usual, _ leniency: Leniency = .strict) -> [String] {
        let loaded = Configuration.load(text: text, leniency: leniency)
        #expect(loaded.isValid, "\(loaded.renderedDiagnostics())")
        return HostCheck(loaded, host, leniency: leniency).diagnostics.map {
            let place = loaded.sources.location(of: $0.range)
            return "\(place.line):\(place.column) \($0.severity) \($0.rule)"
        }
    }

    @Test("A machine that has all of it has nothing to say")
    func nothing() {
        #expect(check(instance("notify_master /bin/x")) == [])
    }

    @Test("Interfaces that are missing, down or without multicast are told where they are named first")
    func interfaces() {
        var host = FakeHost.usual
        host.interfaces["eth1"] = HostInterface(isUp: false)
        let tracked = instance("track_interface {\neth1\neth7\n}\nvirtual_ipaddress {\n10.0.0.2 dev eth8\n}")
        #expect(
            check(tracked, host) == [
                "7:1 warning config.host.interface-down", "8:1 warning config.host.interface-missing",
                "11:1 warning config.host.interface-missing",
            ])
        host.interfaces["eth0"]?.hasMulticast = false
        #expect(check(instance(), host) == ["2:1 warning config.host.no-multicast"])
        let unicast = "unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.8\n}"
        #expect(check(instance(unicast), host) == [])
        // Twice named is once told.
        #expect(check(instance() + instance(name: "B", vrid: 2, address: "10.0.0.3"), FakeHost()).count == 1)
    }

    @Test("An address that the interface has for itself is told, unless a daemon put it there or it is the owner's")
    func ownAddress() {
        var host = FakeHost.usual
        host.interfaces["eth0"]?.addresses.append(FakeHost.address("10.0.0.1/32"))
        #expect(check(instance(), host) == ["5:1 warning config.host.own-address"])
        #expect(check(instance("priority 255"), host) == [])
        host.interfaces["eth0"]?.addresses[1].isManaged = true
        #expect(check(instance(), host) == [])
    }

    @Test(
        "A host address must lie in a network of its interface; one with a length brings its own",
        arguments: [
            ("10.0.0.1", false), ("10.0.1.1", true), ("10.0.1.1/24", false), ("10.0.1.1/32", true),
            ("2001:db8::1", false),
            ("fe80::1", false),
        ])
    func network(_ address: String, _ expected: Bool) {
        let found = check(instance(address: address))
        #expect(found == (expected ? ["5:1 warning config.host.foreign-network"] : []))
    }

    @Test("IPv6 that the kernel or the interface refuses is told")
    func ipv6() {
        var host = FakeHost.usual
        host.interfaces["eth0"]?.refusesIPv6 = true
        #expect(check(instance(address: "fe80::1/64"), host) == ["5:1 warning config.host.no-ipv6"])
        host.hasIPv6 = false
        #expect(check(instance(address: "fe80::1/64"), host) == ["1:15 warning config.host.no-ipv6"])
        #expect(check(instance(), host) == [])
    }

    @Test("A source that nobody has, and a peer that is this node, are told")
    func ends() {
        let text = instance("unicast_src_ip 10.0.0.7\nunicast_peer {\n10.0.0.8\n10.0.0.9\n}")
        #expect(
            check(text) == ["6:1 warning config.host.source-missing", "9:1 error config.host.peer-is-local"])
        #expect(check(text, .usual, .keepalived)[1] == "9:1 warning config.host.peer-is-local")
        #expect(check(instance("mcast_src_ip 10.0.0.7")) == ["6:1 warning config.host.source-missing"])
    }

    @Test("Programs that are missing, cannot be run, or that others may write are told")
    func programs() {
        var host = FakeHost.usual
        host.programs["/bin/plain"] = .notExecutable(path: "/bin/plain")
        host.programs["/tmp/x"] = .found(path: "/tmp/x", writers: "everybody may write /tmp/x")
        let script = { (path: String) in "vrrp_script s {\nscript \"\(path) a\"\n}\n" + instance("track_script {\ns\n}")
        }
        #expect(check(script("/bin/no"), host) == ["2:1 warning config.host.program-missing"])
        #expect(check(script("/bin/plain"), host) == ["2:1 warning config.host.program-missing"])
        #expect(check(script("/tmp/x"), host) == ["2:1 warning config.host.program-unsafe"])
        #expect(check(script("/bin/x"), host) == [])
        #expect(check(instance("notify_master \"/tmp/x\" nobody"), host) == [])
        #expect(check(instance("notify_master \"/tmp/x\" root"), host) == ["6:1 warning config.host.program-unsafe"])
        #expect(check(script("</run/ready"), host) == ["2:1 warning config.host.program-missing"])
        host.readable = ["/run/ready a", "/run/ready"]
        #expect(
            check("vrrp_script s {\nscript \"</run/ready\"\n}\n" + instance("track_script {\ns\n}"), host) == [])
    }

    /// A virtual server whose address the tests' instance holds.
    private func server(_ extra: String = "", _ address: String = "10.0.0.1") -> String {
        "virtual_server \(address) 80 {\nprotocol TCP\n\(extra)\nreal_server 10.0.0.5 80 {\nPING_CHECK {\n}\n}\n}\n"
    }

    @Test("Where the kernel has no ip_vs it is said what forwards instead, and what that cannot do")
    func planes() {
        var host = FakeHost.usual
        let globals = { (plane: String) in "global_defs {\ndata_plane \(plane)\n}\n" + instance() }
        #expect(check(globals("auto") + server(), host) == [])
        host.hasIPVS = false
        #expect(check(instance(), host) == [])
        // What forwards; and that it takes turns, which is another scheduler than the default.
        let instead = "note config.host.nftables-instead"
        #expect(check(instance() + server(), host) == ["8:16 \(instead)", "8:16 \(instead)"])
        #expect(check(instance() + server("lvs_sched rr"), host) == ["8:16 \(instead)"])
        #expect(check(globals("auto") + server("lvs_sched rr"), host) == ["11:16 \(instead)"])
        #expect(check(globals("nftables") + server("lvs_sched rr"), host) == [])
        #expect(check(globals("ipvs") + server(), host) == ["11:16 warning config.host.no-ipvs"])
        #expect(
            check(instance() + server() + server("lvs_method TUN\nlvs_sched ovf", "10.0.0.2"), host).filter {
                $0.contains(" warning ")
            } == ["16:16 warning config.host.plane-limit", "16:16 warning config.host.plane-limit"])
        #expect(
            check(instance() + server("lvs_method DR"), host) == [
                "8:16 note config.host.nftables-instead", "8:16 note config.host.nftables-instead",
            ])
        let sync = "global_defs {\nlvs_sync_daemon eth0 A\n}\n" + instance() + server()
        #expect(check(sync, host).contains("11:16 warning config.host.plane-limit"))
    }

    @Test(
        "A service whose address neither an instance nor an interface has is told, once an address, three of them at most"
    )
    func serverAddresses() {
        let note = "note config.host.server-address"
        func notes(_ text: String) -> [String] { check(text).filter { $0.hasSuffix(note) } }
        let typo = instance() + server() + server("", "10.0.0.11") + server("weight 2", "10.0.0.9")
        #expect(notes(typo) == ["16:16 \(note)"])
        #expect(notes(server("", "10.0.0.11")) == ["1:16 \(note)"])
        #expect(notes(instance() + (1...9).map { server("", "10.1.0.\($0)") }.joined()).count == 3)
    }

    @Test("Virtual servers want the programs of their checks")
    func servers() {
        let server = { (address: String) in
            "virtual_server \(address) 80 {\nprotocol TCP\nreal_server 10.0.0.5 80 {\nMISC_CHECK {\nmisc_path /bin/no\n}\n}\n}\n"
        }
        let text = instance() + server("10.0.0.1") + server("10.0.0.9")
        #expect(check(text) == ["8:16 warning config.host.program-missing"])
    }

    @Test("Users that do not exist are told; nobody is, where nobody may run as root by omission")
    func users() {
        #expect(check(instance("notify_master /bin/x alice")) == ["6:1 warning config.host.user-unknown"])
        #expect(check(instance("notify_master /bin/x nobody nogroup")) == ["6:1 warning config.host.user-unknown"])
        let secure = "global_defs {\nenable_script_security\n}\n" + instance("notify_master /bin/x")
        #expect(check(secure) == ["9:1 warning config.host.user-unknown"])
        var host = FakeHost.usual
        host.users.append("keepalived_script")
        #expect(check(secure, host) == [])
    }

    // MARK: Leases

    private static func leased(_ first: String = "") -> String {
        """
        arbiter third {\(first)
        type witness
        address 198.51.100.5
        key_file /etc/aloft/witness.key
        node left
        }

        """ + instance("arbiter third")
    }

    @Test("Where nothing needs a lease nobody is asked, and no fence is tried")
    func noLease() {
        var host = FakeHost.usual
        host.standingFence = .lifetimes("no")
        #expect(check(instance(""), host) == [])
        #expect(HostCheck(Configuration.load(text: instance("")), host).leases == nil)
    }

    @Test("config.host.fence-weak: a kernel that cannot end what a lease covers; one that was not tried is no warning")
    func fence() {
        var host = FakeHost.usual
        let text = Self.leased()
        #expect(check(text, host) == [])
        host.standingFence = .unknown("run as root")
        #expect(check(text, host) == [])
        host.standingFence = .timeouts("bpf(2) is not allowed")
        #expect(check(text, host) == ["1:9 warning config.host.fence-weak"])
        let weaker = HostCheck(Configuration.load(text: text), host)
        #expect(weaker.leases?.fence.text.contains("by timeouts that may start late") == true)
        #expect(weaker.diagnostics.first?.reason.contains("beyond its lease") == true)
        host.standingFence = .lifetimes("bpf(2) is not allowed")
        #expect(check(text, host) == ["1:9 warning config.host.fence-weak"])
        let weakest = HostCheck(Configuration.load(text: text), host)
        #expect(weakest.diagnostics.first?.reason.contains("for up to 10 s") == true)
    }

    @Test("config.host.arbiter-silent: an arbiter that does not answer, cannot be asked, or has no lease to give")
    func silentArbiter() {
        var host = FakeHost.usual
        let text = Self.leased()
        host.answer = .silent("no answer within 1 s")
        #expect(check(text, host) == ["3:1 warning config.host.arbiter-silent"])
        host.answer = .refuses("two_node")
        #expect(check(text, host) == ["3:1 warning config.host.arbiter-silent"])
        host.answer = .unusable("the key cannot be read")
        #expect(check(text, host) == ["4:1 warning config.host.arbiter-silent"])
    }

    @Test("config.host.lease-below-round-trips: a lease is three round trips long at least")
    func roundTrip() {
        var host = FakeHost.usual
        let text = Self.leased()
        host.answer = .answers(within: .milliseconds(333), "")
        #expect(check(text, host) == [])
        host.answer = .answers(within: .milliseconds(334), "")
        #expect(check(text, host) == ["1:9 warning config.host.lease-below-round-trips"])
        host.answer = .answers(within: nil, "")
        #expect(check(text, host) == [])
        let written = Self.leased("\nlease 0.5")
        host.answer = .answers(within: .milliseconds(200), "")
        #expect(check(written, host) == ["2:1 warning config.host.lease-below-round-trips"])
    }

    @Test("What leases meet here is told in words, each arbiter that is used once")
    func leaseWords() throws {
        let text = Self.leased()
        let leases = try #require(HostCheck(Configuration.load(text: text), FakeHost.usual).leases)
        #expect(leases.answers.map(\.name) == ["third"] && leases.answers.map(\.kind) == ["witness"])
        #expect(leases.answers[0].answer.text == "answers within 0.001 s: the lease is free")
        #expect(leases.fence.name == "kernel" && leases.fence.text.contains("serves nothing after its lease ends"))
    }
}
