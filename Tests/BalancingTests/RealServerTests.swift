import Balancing
import Primitives
import Testing

private let vip = IPAddress("10.0.0.100")!
private let other = IPAddress("10.0.0.101")!
private let vip6 = IPAddress("fd00::100")!

/// A host as a distribution leaves it: lo, eth0, no settings.
private func fresh() -> RealServerHost {
    var host = RealServerHost(
        interfaces: [.init("lo", isLoopback: true), .init("eth0"), .init("dummy0", isWithoutARP: true)],
        addresses: [
            .init(IPPrefix("127.0.0.1/8")!, on: "lo"), .init(IPPrefix("10.0.0.1/24")!, on: "eth0"),
            .init(IPPrefix("fe80::1/64")!, on: "eth0"),
        ], boot: "boot-1", network: "net:[1]")
    for interface in ["all", "lo", "eth0", "dummy0"] {
        for setting in ARPSetting.allCases { host.settings[setting.name(of: interface)] = "0" }
    }
    return host
}

extension RealServerHost {
    /// What the kernel would make of the steps.
    fileprivate mutating func perform(_ steps: some Sequence<RealServerSetup.Step>) {
        for step in steps {
            switch step {
            case .write(let name, let before, let value):
                #expect(settings[name] == before)
                settings[name] = value
            case .add(let address, let interface):
                addresses.append(.init(IPPrefix(host: address), on: interface))
            case .remove(let address, let interface):
                addresses.removeAll { $0 == .init(IPPrefix(host: address), on: interface) }
            }
        }
    }

    fileprivate func isRight(_ addresses: [IPAddress], _ ledger: RealServerLedger? = nil) -> Bool {
        RealServerReport(addresses, interface: "lo", host: self, ledger: ledger).isRight
    }
}

@Suite struct RealServerTests {
    @Test("A fresh host is silenced before it gets the address, and is right then")
    func up() {
        var host = fresh()
        #expect(!host.isRight([vip]))
        let setup = RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil)
        #expect(
            setup.steps.map(\.description) == [
                "net.ipv4.conf.all.arp_ignore: 0 → 1", "net.ipv4.conf.lo.arp_ignore: 0 → 1",
                "net.ipv4.conf.all.arp_announce: 0 → 2", "net.ipv4.conf.lo.arp_announce: 0 → 2",
                "10.0.0.100/32 added to lo",
            ])
        host.perform(setup.steps)
        #expect(host.isRight([vip], setup.ledgerAfter))
        #expect(host.isRight([], setup.ledgerAfter))
    }

    @Test("IPv6 alone changes no setting")
    func ipv6() {
        var host = fresh()
        let setup = RealServerSetup.up([vip6], interface: "lo", host: host, ledger: nil)
        #expect(setup.steps == [.add(vip6, interface: "lo")])
        host.perform(setup.steps)
        #expect(host.isRight([vip6], setup.ledgerAfter))
    }

    @Test("However up, down and the steps of either are repeated and cut short, the end is the host as it was")
    func anyWayBack() {
        var random = SplitMix64(seed: 4)
        for _ in 0..<3000 {
            var host = fresh()
            for name in host.settings.keys.sorted() {
                host.settings[name] = ["0", "1", "2", "3", "8"].randomElement(using: &random)
            }
            if Bool.random(using: &random) { host.addresses.append(.init(IPPrefix(host: other), on: "lo")) }
            let before = host
            var ledger: RealServerLedger?
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let some = [vip, other, vip6].filter { _ in Bool.random(using: &random) }
                let setup: RealServerSetup
                if Bool.random(using: &random), !some.isEmpty {
                    setup = .up(some, interface: "lo", host: host, ledger: ledger)
                } else {
                    let known = some.filter { address in ledger?.addresses.contains { $0.address == address } == true }
                    setup = .down(known, host: host, ledger: ledger)
                }
                #expect(setup.refusals.isEmpty)
                // Killed in between, or not.
                let done = Int.random(in: 0...setup.steps.count, using: &random)
                host.perform(setup.steps.prefix(done))
                let isWhole = done == setup.steps.count && Bool.random(using: &random)
                ledger = RealServerLedger(json: (isWhole ? setup.ledgerAfter : setup.ledger).json)
                #expect(ledger != nil)
            }
            let end = RealServerSetup.down([], host: host, ledger: ledger)
            host.perform(end.steps)
            #expect(end.ledgerAfter.isEmpty)
            #expect(host.settings == before.settings)
            #expect(Set(host.addresses) == Set(before.addresses))
        }
    }

    @Test("After any up the host is right; a second up and a second down have nothing to do")
    func twice() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<1000 {
            var host = fresh()
            for name in host.settings.keys.sorted() {
                host.settings[name] = ["0", "1", "2", "3", "8"].randomElement(using: &random)
            }
            let up = RealServerSetup.up([vip, vip6, vip], interface: "lo", host: host, ledger: nil)
            host.perform(up.steps)
            #expect(host.isRight([], up.ledgerAfter))
            #expect(RealServerSetup.up([vip6, vip], interface: "lo", host: host, ledger: up.ledgerAfter).steps.isEmpty)
            let down = RealServerSetup.down([], host: host, ledger: up.ledgerAfter)
            host.perform(down.steps)
            let again = RealServerSetup.down([vip, vip6], host: host, ledger: down.ledgerAfter)
            #expect(again.steps.isEmpty && again.refusals.isEmpty)
        }
    }

    @Test("The settings stay as long as an IPv4 address needs them")
    func downOfSome() {
        var host = fresh()
        let first = RealServerSetup.up([vip, vip6], interface: "lo", host: host, ledger: nil)
        host.perform(first.steps)
        let further = RealServerSetup.up([other], interface: "lo", host: host, ledger: first.ledgerAfter)
        #expect(further.steps == [.add(other, interface: "lo")])
        host.perform(further.steps)
        let some = RealServerSetup.down([vip, vip6], host: host, ledger: further.ledgerAfter)
        #expect(some.steps == [.remove(vip, interface: "lo"), .remove(vip6, interface: "lo")])
        host.perform(some.steps)
        #expect(host.isRight([], some.ledgerAfter))
        host.perform(RealServerSetup.down([other], host: host, ledger: some.ledgerAfter).steps)
        #expect(host == fresh())
    }

    @Test("A setting that someone changed since is left to them, and said")
    func changedSince() {
        var host = fresh()
        let up = RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil)
        host.perform(up.steps)
        host.settings["net/ipv4/conf/all/arp_ignore"] = "2"
        let down = RealServerSetup.down([], host: host, ledger: up.ledgerAfter)
        host.perform(down.steps)
        #expect(host.settings["net/ipv4/conf/all/arp_ignore"] == "2")
        #expect(host.settings["net/ipv4/conf/all/arp_announce"] == "0")
        #expect(down.notes.count == 1 && down.ledgerAfter.isEmpty)
    }

    @Test("After a reboot the ledger counts for nothing; in another network namespace it is refused")
    func elsewhere() {
        var host = fresh()
        let up = RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil)
        host.boot = "boot-2"
        let down = RealServerSetup.down([vip], host: host, ledger: up.ledgerAfter)
        #expect(down.steps.isEmpty && down.refusals.isEmpty && down.ledgerAfter.isEmpty)
        #expect(RealServerSetup.up([vip], interface: "lo", host: host, ledger: up.ledgerAfter).steps == up.steps)
        #expect(!host.isRight([], up.ledgerAfter))
        host.boot = "boot-1"
        host.network = "net:[2]"
        for setup in [
            RealServerSetup.down([], host: host, ledger: up.ledgerAfter),
            .up([vip], interface: "lo", host: host, ledger: up.ledgerAfter),
        ] { #expect(setup.steps.isEmpty && setup.refusals.count == 1) }
    }

    @Test(
        "What cannot be a real server's address, or would be answered, is refused with the reason",
        arguments: [
            ("10.0.0.1", "lo", "10.0.0.1 stands on eth0, where neighbours are told of it"),
            ("224.0.0.5", "lo", "a multicast address"), ("ff02::1", "lo", "a multicast address"),
            ("127.0.0.2", "lo", "this host's own"), ("::1", "lo", "this host's own"), ("::", "lo", "no host's address"),
            ("0.0.0.0", "lo", "no host's address"), ("255.255.255.255", "lo", "no host's address"),
            ("fe80::100", "lo", "link-local"), ("10.0.0.100", "eth0", "neighbours ask"),
            ("10.0.0.100", "eth7", "there is no interface eth7"), ("fd00::7", "dummy0", "takes no IPv6"),
            ("10.0.0.200", "lo", "makes the whole network this host's own"),
        ])
    func refusals(_ address: String, _ interface: String, _ reason: String) throws {
        var host = fresh()
        host.interfaces[2].refusesIPv6 = true
        host.addresses.append(.init(IPPrefix("10.0.0.200/24")!, on: "lo"))
        let setup = RealServerSetup.up(
            [try #require(IPAddress(address))], interface: interface, host: host, ledger: nil)
        #expect(setup.steps.isEmpty)
        #expect(setup.refusals.contains { $0.contains(reason) }, "\(setup.refusals)")
    }

    @Test("An interface that is down is refused, and status says so of one that carries addresses")
    func down() {
        var host = fresh()
        host.interfaces[0].isUp = false
        #expect(RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil).refusals.count == 1)
        host.addresses.append(.init(IPPrefix(host: vip6), on: "lo"))
        let report = RealServerReport([vip6], interface: "lo", host: host, ledger: nil)
        #expect(report.findings.map(\.remedy) == ["ip link set lo up"])
    }

    @Test("A host that directs the address is told so; as master it is refused, as the address is on its interface")
    func director() {
        var host = fresh()
        host.directed[vip] = "instance VI_1 of its own daemon"
        let backup = RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil)
        #expect(backup.refusals.isEmpty && backup.notes.contains { $0.contains("VI_1") })
        host.addresses.append(.init(IPPrefix("10.0.0.100/24")!, on: "eth0"))
        let master = RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil)
        #expect(master.refusals.contains { $0.contains("VI_1") && $0.contains("master") })
    }

    @Test("status names what is wrong, and what to do", arguments: ARPSetting.allCases)
    func status(_ setting: ARPSetting) {
        var host = fresh()
        let up = RealServerSetup.up([vip], interface: "lo", host: host, ledger: nil)
        host.perform(up.steps)
        // An own value that outweighs `all`: 3 answers for addresses of other interfaces.
        host.settings[setting.name(of: "eth0")] = "3"
        let wrong = RealServerReport([], interface: "lo", host: host, ledger: up.ledgerAfter).findings.filter {
            !$0.isRight
        }
        #expect(wrong.map(\.subject) == ["\(setting.rawValue) on eth0"])
        #expect(wrong[0].text.hasPrefix("3: "))
        #expect(wrong[0].remedy == "aloft realserver up 10.0.0.100")
        // The remedy helps.
        host.perform(RealServerSetup.up([vip], interface: "lo", host: host, ledger: up.ledgerAfter).steps)
        #expect(host.isRight([], up.ledgerAfter))
        host.addresses.removeAll { $0.prefix.address == vip }
        #expect(!host.isRight([], up.ledgerAfter))
        host.addresses.append(.init(IPPrefix("10.0.0.100/24")!, on: "eth0"))
        #expect(!host.isRight([], up.ledgerAfter))
    }

    @Test("Without an address nothing is right")
    func nothing() { #expect(!fresh().isRight([])) }
}

@Suite struct RealServerLedgerTests {
    @Test("A ledger that is cut anywhere, or names another file, is none")
    func damaged() {
        let whole = RealServerSetup.up([vip, vip6], interface: "lo", host: fresh(), ledger: nil).ledger
        let bytes = whole.json
        #expect(RealServerLedger(json: bytes) == whole)
        for end in 0..<(bytes.count - 1) { #expect(RealServerLedger(json: Array(bytes[..<end])) == nil) }
        let text = String(decoding: bytes, as: UTF8.self)
        for name in ["kernel/core_pattern", "net/ipv4/conf/../../arp_ignore", "net/ipv4/conf/all/arp_ignore/x"] {
            let forged = text.split(separator: "net/ipv4/conf/all/arp_ignore").joined(separator: name)
            #expect(forged != text && RealServerLedger(json: Array(forged.utf8)) == nil, "\(name)")
        }
    }

    @Test("The addresses of IPVS's services are read from /proc/net/ip_vs, and nothing else is")
    func listing() {
        let text = """
            IP Virtual Server version 1.2.1 (size=4096)
            Prot LocalAddress:Port Scheduler Flags
              -> RemoteAddress:Port Forward Weight ActiveConn InActConn
            TCP  0A000064:0050 rr
              -> 0A00000B:0050      Route   1      0          0
            UDP  [fd00:0000:0000:0000:0000:0000:0000:0100]:0035 wlc
            TCP  0A000064:01BB rr
            FWM  00000007 rr
            TCP  nonsense
            TCP
            """
        #expect(IPVSListing.addresses(in: text) == [vip, vip6])
    }
}
