import CLinux
import Foundation
import Netlink
import Primitives
import Testing

@testable import LinuxWorld

struct JSONAddress: Decodable {
    var family: String
    var local: String?
    var address: String?
    var prefixlen: Int
    var broadcast: String?
    var scope: String
    var label: String?
    var noprefixroute: Bool?
    var nodad: Bool?
    var secondary: Bool?
    var valid_life_time: UInt32
    var preferred_life_time: UInt32
    var `protocol`: String?
}

struct JSONInfo: Decodable { var info_kind: String? }

struct JSONLink: Decodable {
    var ifindex: UInt32?
    var ifname: String?
    var mtu: UInt32?
    var flags: [String]?
    var operstate: String?
    var address: String?
    var link_type: String?
    var linkinfo: JSONInfo?
    var master: String?
    var addr_info: [JSONAddress]?
}

func oracle(_ command: String) throws -> [JSONLink] {
    try JSONDecoder().decode([JSONLink].self, from: Data(try ip(command).utf8)).filter { $0.ifindex != nil }
}

@Suite(.enabled(if: isRoot, rootNeeded)) struct RouteSocketTests {
    func record(_ text: String, on index: InterfaceIndex, label: String = "") throws -> AddressRecord {
        AddressRecord(
            interface: index, prefix: try #require(IPPrefix(text)), label: label, flags: [.noDAD], validLifetime: 100,
            preferredLifetime: 100, proto: AddressRecord.alofts)
    }

    @Test func anAddressIsAddedRefreshedAndRemovedAndTheMonitorHearsIt() throws {
        let network = try TestNetwork("ad")
        let inside = try NetworkNamespace(named: network.left)
        var monitor = try inside.run { () throws(SystemError) in try RouteSocket.monitor() }
        var command = try inside.run { () throws(SystemError) in try RouteSocket.command() }
        let index = try #require(try oracle("-n \(network.left) -j link").first { $0.ifname == "eth0" }?.ifindex)
        let eth0 = InterfaceIndex(index)
        let cases = [
            try record("10.77.0.9/24", on: eth0, label: "eth0:vip"), try record("10.99.0.1/32", on: eth0),
            try record("fd77::9/128", on: eth0),
        ]
        for wanted in cases {
            #expect(try command.exchange(.addAddress(wanted)).errno == .ok)
            // Only then the next: IPv6 tells of a new address from deferred work, after the answer, and not at all
            // when it is removed before that.
            let first = try echo(of: wanted, isThere: true, &monitor)
            #expect(first.interface == eth0)
            #expect(first.proto == AddressRecord.alofts)
            #expect(first.validLifetime == 100 && first.preferredLifetime == 100)
            #expect(!first.flags.contains(.permanent))
            if !wanted.label.isEmpty { #expect(first.label == wanted.label) }
            #expect(try command.exchange(.addAddress(wanted)).errno == .exists)
            #expect(try command.exchange(.replaceAddress(wanted)).errno == .ok)
            _ = try echo(of: wanted, isThere: true, &monitor)
            #expect(try command.exchange(.deleteAddress(wanted)).errno == .ok)
            _ = try echo(of: wanted, isThere: false, &monitor)
            let gone = try command.exchange(.deleteAddress(wanted))
            #expect(gone.errno == .addressNotAvailable)
            if wanted.prefix.address.family == .ipv4 { #expect(gone.text == "ipv4: Address not found") }
        }
    }

    /// The next the monitor says about an address.
    func echo(of wanted: AddressRecord, isThere: Bool, _ monitor: inout RouteSocket) throws -> AddressRecord {
        var found: AddressRecord?
        try eventually("\(isThere ? "an echo" : "the end") of \(wanted.prefix)") {
            try monitor.drain { message in
                switch message {
                case .address(let one) where isThere && one.prefix == wanted.prefix: found = one
                case .addressGone(let one) where !isThere && one.prefix == wanted.prefix: found = one
                default: break
                }
            }
            return found != nil
        }
        return try #require(found)
    }

    @Test func twoHundredFiftyFiveAddressesGoInOneFlushAndAllAreAnswered() throws {
        let network = try TestNetwork("ma")
        var command = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try RouteSocket.command()
        }
        let index = try #require(try oracle("-n \(network.left) -j link").first { $0.ifname == "eth0" }?.ifindex)
        for family in ["10.88.0.", "fd88::"] {
            let records = try (1...255).map {
                try record(
                    family + (family.contains(":") ? String($0, radix: 16) + "/128" : "\($0)/32"),
                    on: InterfaceIndex(index))
            }
            for adding in [true, false] {
                var pending: Set<UInt32> = []
                for one in records {
                    pending.insert(command.append(adding ? .replaceAddress(one) : .deleteAddress(one)))
                }
                let start = BootClock.now()
                try command.flush()
                var overrun = false
                try eventually("255 answers") {
                    try command.drain { message in
                        switch message {
                        case .error(let sequence, let errno, let text):
                            #expect(errno == 0, "\(text)")
                            #expect(pending.remove(sequence) != nil)
                        case .overrun: overrun = true
                        default: break
                        }
                    }
                    return pending.isEmpty || overrun
                }
                #expect(!overrun)
                print(
                    "255 × \(family) \(adding ? "added" : "removed") in \((BootClock.now() - start).formattedSeconds(digits: 6)) s"
                )
                let there = try oracle("-n \(network.left) -j address show dev eth0").first?.addr_info ?? []
                #expect(there.filter { ($0.local ?? "").hasPrefix(family) }.count == (adding ? 255 : 0))
            }
        }
    }

    @Test func dumpsSayWhatIpSays() throws {
        let network = try TestNetwork("du")
        let n = network.left
        try ip("-n \(n) link add br0 type bridge")
        try ip("-n \(n) link add link eth0 name mv0 type macvlan mode private")
        try ip("-n \(n) link add va type veth peer name vb")
        try ip("-n \(n) link set va master br0")
        try ip("-n \(n) link set mv0 mtu 1400 up")
        try ip("-n \(n) address add 10.77.0.7/24 brd 10.77.0.255 dev eth0 label eth0:7 valid_lft 300 preferred_lft 200")
        try ip("-n \(n) address add 192.0.2.1 peer 198.51.100.0/24 dev eth0 scope link noprefixroute")
        try ip("-n \(n) -6 address add fd77::1 peer fd77::2/128 dev eth0 nodad")
        try ip("-n \(n) -6 address add fd78::1/64 dev mv0 nodad valid_lft 300 preferred_lft 0")
        var socket = try NetworkNamespace(named: n).run { () throws(SystemError) in try RouteSocket.command() }
        var links: [LinkRecord] = []
        var addresses: [AddressRecord] = []
        let linkAnswer = try socket.exchange(.dumpLinks) { if case .link(let link) = $0 { links.append(link) } }
        #expect(linkAnswer.isSuccess && !linkAnswer.isInterrupted)
        let answer = try socket.exchange(.dumpAddresses(nil)) {
            if case .address(let one) = $0 { addresses.append(one) }
        }
        #expect(answer.isSuccess && !answer.isInterrupted)

        let told = try oracle("-n \(n) -j -d address")
        #expect(links.map(\.index.rawValue).sorted() == told.compactMap(\.ifindex).sorted())
        for expected in told {
            let found = try #require(links.first { $0.index.rawValue == expected.ifindex })
            #expect(found.name == expected.ifname)
            #expect(found.mtu == expected.mtu)
            #expect(found.mac?.description == expected.address)
            #expect(found.kind == expected.linkinfo?.info_kind ?? "")
            #expect(
                "\(found.operationalState)".uppercased()
                    == expected.operstate?.replacing("LOWERLAYERDOWN", with: "LOWERLAYERDOWN"))
            let flags = Set(expected.flags ?? [])
            #expect(found.flags.contains(.up) == flags.contains("UP"))
            #expect(found.flags.contains(.lowerUp) == flags.contains("LOWER_UP"))
            #expect(found.flags.contains(.loopback) == flags.contains("LOOPBACK"))
            let master = links.first { $0.index == found.master }?.name
            #expect(master == expected.master)
            let own = addresses.filter { $0.interface == found.index }
            #expect(own.count == (expected.addr_info ?? []).count)
            for address in expected.addr_info ?? [] {
                try compare(address, own)
            }
        }
        let macvlan = try #require(links.first { $0.name == "mv0" })
        #expect(links.first { $0.index == macvlan.parent }?.name == "eth0")
        var v6Only: [AddressRecord] = []
        _ = try socket.exchange(.dumpAddresses(.ipv6)) { if case .address(let one) = $0 { v6Only.append(one) } }
        #expect(Set(v6Only.map(\.prefix)) == Set(addresses.map(\.prefix).filter { $0.address.family == .ipv6 }))
    }

    func compare(_ expected: JSONAddress, _ found: [AddressRecord]) throws {
        let local = try #require(expected.local)
        let one = try #require(found.first { "\($0.prefix.address)" == local })
        #expect(Int(one.prefix.length) == expected.prefixlen)
        #expect(one.peer?.description == expected.address)
        #expect(one.broadcast?.description == expected.broadcast)
        #expect(one.label == expected.label ?? "")
        let scopes: [String: AddressScope] = ["global": .global, "link": .link, "host": .host, "site": .site]
        #expect(one.scope == scopes[expected.scope])
        #expect(one.flags.contains(.noPrefixRoute) == (expected.noprefixroute ?? false))
        #expect(one.flags.contains(.noDAD) == (expected.nodad ?? false))
        #expect(one.flags.contains(.secondary) == (expected.secondary ?? false))
        // A second may pass between the two.
        let drift = Int64(one.validLifetime) - Int64(expected.valid_life_time)
        #expect(drift == 0 || drift == 1)
        let preferredDrift = Int64(one.preferredLifetime) - Int64(expected.preferred_life_time)
        #expect(preferredDrift == 0 || preferredDrift == 1)
    }

    /// What we write, the other way round: `ip` must read every field as it was meant.
    @Test func whatIsAskedForIsWhatIpShows() throws {
        let network = try TestNetwork("or")
        var socket = try NetworkNamespace(named: network.left).run { () throws(SystemError) in try RouteSocket.command()
        }
        let index = try #require(try oracle("-n \(network.left) -j link").first { $0.ifname == "eth0" }?.ifindex)
        let eth0 = InterfaceIndex(index)
        let records = [
            AddressRecord(
                interface: eth0, prefix: try #require(IPPrefix("10.66.0.1/24")), scope: .link,
                broadcast: IPAddress("10.66.0.255"), label: "eth0:all", flags: [.noPrefixRoute], validLifetime: 900,
                preferredLifetime: 800, proto: 18),
            AddressRecord(
                interface: eth0, prefix: try #require(IPPrefix("10.67.0.1/32")), peer: IPAddress("10.67.0.2"),
                label: "eth0"),
            AddressRecord(
                interface: eth0, prefix: try #require(IPPrefix("fd66::1/128")), peer: IPAddress("fd66::2"),
                flags: [.noDAD], proto: 18),
        ]
        for record in records { #expect(try socket.exchange(.replaceAddress(record)).errno == .ok) }
        let told = try oracle("-n \(network.left) -j address show dev eth0").first?.addr_info ?? []
        for record in records {
            let shown = try #require(told.first { $0.local == "\(record.prefix.address)" })
            try compare(shown, [record])
        }
        // A prefix length IPv4 has not: refused here, not by a wrong address in the kernel.
        #expect(IPPrefix("10.0.0.1/33") == nil)
        var bad = records[0]
        bad.interface = InterfaceIndex(9999)
        #expect(try socket.exchange(.replaceAddress(bad)).errno == .noDevice)
    }

    @Test func linkChangesAreHeard() throws {
        let network = try TestNetwork("lk")
        var monitor = try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try RouteSocket.monitor()
        }
        func next(_ what: String, _ fits: (RouteMessage) -> Bool) throws {
            var seen = false
            try eventually(what) {
                try monitor.drain { if fits($0) { seen = true } }
                return seen
            }
        }
        try ip("-n \(network.left) link set eth0 down")
        try next("down") {
            if case .link(let link) = $0 {
                link.name == "eth0" && !link.isUp && !link.flags.contains(.up)
            } else {
                false
            }
        }
        try ip("-n \(network.left) link set eth0 up")
        try next("up") {
            if case .link(let link) = $0 { link.name == "eth0" && link.isUp && link.hasCarrier } else { false }
        }
        try ip("-n \(network.right) link set eth0 down")
        try next("no carrier") {
            if case .link(let link) = $0 { link.name == "eth0" && !link.isUp && !link.hasCarrier } else { false }
        }
        try ip("-n \(network.left) link del eth0")
        try next("gone") { if case .linkGone = $0 { true } else { false } }
    }

    @Test func lostMessagesAreSaid() throws {
        let network = try TestNetwork("ov")
        let inside = try NetworkNamespace(named: network.left)
        var monitor = try inside.run { () throws(SystemError) in try RouteSocket(groups: .all, receiveBuffer: 4096) }
        var command = try inside.run { () throws(SystemError) in try RouteSocket.command() }
        let index = try #require(try oracle("-n \(network.left) -j link").first { $0.ifname == "eth0" }?.ifindex)
        for number in 1...200 {
            command.append(.replaceAddress(try record("10.88.1.\(number)/32", on: InterfaceIndex(index))))
        }
        try command.flush()
        var overrun = false
        try eventually("the overrun") {
            try monitor.drain { if $0 == .overrun { overrun = true } }
            return overrun
        }
        // And it works on.
        var heard = false
        _ = try command.exchange(.replaceAddress(try record("10.88.2.1/32", on: InterfaceIndex(index))))
        try eventually("the next event") {
            try monitor.drain { if case .address(let one) = $0, "\(one.prefix)" == "10.88.2.1/32" { heard = true } }
            return heard
        }
    }
}
