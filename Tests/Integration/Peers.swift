import Foundation
import NetworkLab
import Primitives

/// One virtual router as the tests configure it, in keepalived's format and in FRR's.
struct RouterSetting {
    enum Case: String, CaseIterable, CustomStringConvertible {
        case v2 = "v2"
        case v2PASS = "v2 with PASS"
        case v3 = "v3"
        case v3IPv6 = "v3 IPv6"
        case unicastV2 = "unicast v2"
        case unicastV3 = "unicast v3"

        var description: String { rawValue }
        var version: Int { self == .v2 || self == .v2PASS || self == .unicastV2 ? 2 : 3 }
        var isIPv6: Bool { self == .v3IPv6 }
        var isUnicast: Bool { self == .unicastV2 || self == .unicastV3 }
        /// VRRPv2 counts whole seconds.
        var interval: Duration { version == 2 ? .seconds(1) : .milliseconds(200) }
        /// What the client asks for.
        var service: IPAddress { isIPv6 ? Stage.serviceIPv6 : Stage.serviceIPv4 }
    }

    var kind: Case
    /// 1 is left, 2 is right: the last part of the node's own address.
    var number: Int
    var priority: Int
    var interval: Duration
    /// More lines for `vrrp_instance` and for `global_defs`.
    var instanceLines: [String] = []
    var globalLines: [String] = []
    /// Behind the address in `unicast_peer`.
    var peerOptions = ""
    /// Blocks before the instance.
    var blocks: [String] = []
    /// Aloft runs under its own name: what keepalived only logs is refused.
    var isStrict = false

    init(_ kind: Case, number: Int, priority: Int, interval: Duration? = nil) {
        self.kind = kind
        self.number = number
        self.priority = priority
        self.interval = interval ?? kind.interval
    }

    /// The addresses of the virtual router.
    var services: [IPAddress] {
        kind.isIPv6 ? [Stage.serviceIPv6, IPAddress("fe80::100")!] : [Stage.serviceIPv4]  // literal addresses
    }

    var nodeName: String { number == 1 ? "left" : "right" }

    /// RFC 9568 §6.1.
    var skew: Duration { interval * (256 - priority) / 256 }

    /// Three intervals and the skew (RFC 9568 §6.1), for this router as the backup.
    var masterDown: Duration { interval * 3 + skew }

    var keepalived: String {
        var lines =
            ["global_defs {", "    vrrp_version \(kind.version)"] + globalLines.map { "    " + $0 } + ["}"] + blocks
        lines += [
            "vrrp_instance VI_1 {", "    state BACKUP", "    interface eth0", "    virtual_router_id 51",
            "    priority \(priority)", "    advert_int \(interval.formattedSeconds())",
        ]
        if kind.isUnicast {
            lines += [
                "    unicast_src_ip 10.77.0.\(number)", "    unicast_peer {",
                "        10.77.0.\(3 - number)\(peerOptions)", "    }",
            ]
        }
        if kind == .v2PASS {
            lines += ["    authentication {", "        auth_type PASS", "        auth_pass rosebud", "    }"]
        }
        lines += ["    virtual_ipaddress {"]
        lines += kind.isIPv6 ? ["        fe80::100/64", "        fd00:77::100/64"] : ["        10.77.0.100/24"]
        lines += ["    }"] + instanceLines.map { "    " + $0 } + ["}"]
        return lines.joined(separator: "\n") + "\n"
    }

    var frr: String {
        let addresses = kind.isIPv6 ? ["ipv6 fe80::100", "ipv6 fd00:77::100"] : ["ip 10.77.0.100"]
        let milliseconds = interval.nanoseconds / 1_000_000
        return
            (["interface eth0", " vrrp 51 version \(kind.version)", " vrrp 51 priority \(priority)"]
            + [" vrrp 51 advertisement-interval \(milliseconds)"] + addresses.map { " vrrp 51 " + $0 })
            .joined(separator: "\n") + "\n"
    }
}

/// A VRRP implementation that can be started on a node, stopped and started again.
protocol Peer: AnyObject {
    func start() throws
    /// An orderly end.
    func stop() throws
    /// What it has said, for a failing test's message.
    var log: String { get }
}

enum Implementation: String, CustomStringConvertible {
    case aloft, keepalived, frr
    var description: String { rawValue }

    func make(on node: Node, in lab: Lab, _ setting: RouterSetting) throws -> any Peer {
        switch self {
        case .aloft: try DaemonProcess(.aloft, on: node, in: lab, setting)
        case .keepalived: try DaemonProcess(.keepalived, on: node, in: lab, setting)
        case .frr: try FRRNode(on: node, in: lab, setting)
        }
    }
}

/// keepalived, or aloftd under keepalived's options.
final class DaemonProcess: Peer {
    let node: Node
    let directory: String
    let configuration: String
    /// `NAME=value` for the daemon alone.
    var environment: [String] = []
    /// Beyond those that every daemon gets.
    var options: [String] = []
    private let program: [String]
    private(set) var children: [Child] = []

    init(_ implementation: Implementation, on node: Node, in lab: Lab, _ setting: RouterSetting) throws {
        self.node = node
        directory = try lab.makeDirectory(implementation.rawValue)
        configuration = directory + "/keepalived.conf"
        let common = ["-n", "-l", "-f", configuration, "-p", directory + "/main.pid", "-r", directory + "/vrrp.pid"]
        program =
            implementation == .aloft
            ? [Programs.aloftd, setting.isStrict ? "run" : "keepalived"] + common + ["--state-dir", directory]
            : ["keepalived", "--vrrp"] + common
        try configure(setting)
    }

    func configure(_ setting: RouterSetting) throws { try File.write(setting.keepalived, to: configuration) }

    func start() throws {
        // env(1) replaces itself, so the child's pid is the daemon's.
        let prefix = environment.isEmpty ? [] : ["env"] + environment
        children.append(try node.start(prefix + program + options, log: "daemon"))
    }
    func stop() throws { try current.stop() }

    /// The main process: keepalived's parent, aloft's supervisor.
    var current: Child { children.last! }  // a test starts a daemon before it asks for it
    var log: String { children.map(\.output.text).joined(separator: "\n--- started again\n") }
}

/// FRR's zebra and vrrpd. FRR wants the virtual router's macvlan interface, with its MAC address and its
/// addresses, made by someone else; it takes its carrier away while it is backup.
final class FRRNode: Peer {
    private let node: Node
    private let directory: String
    private let setting: RouterSetting
    private var children: [Child] = []
    private var interface: String { setting.kind.isIPv6 ? "vrrp6-51" : "vrrp4-51" }

    init(on node: Node, in lab: Lab, _ setting: RouterSetting) throws {
        self.node = node
        self.setting = setting
        directory = try lab.makeDirectory("frr")
        try File.write(setting.frr, to: directory + "/vrrpd.conf")
        try File.write("", to: directory + "/zebra.conf")
    }

    func start() throws {
        let isIPv6 = setting.kind.isIPv6
        let mac = "00:00:5e:00:0\(isIPv6 ? 2 : 1):33"  // RFC 9568 §7.3; 0x33 is 51
        let addresses = isIPv6 ? ["fe80::100/64", "fd00:77::100/64"] : ["10.77.0.100/24"]
        try node.ip("link add \(interface) link eth0 address \(mac) type macvlan mode bridge")
        for address in addresses {
            try node.ip("addr add \(address) dev \(interface)" + (isIPv6 ? " nodad" : ""))
        }
        // A backup's state until vrrpd says otherwise, or the address would stand here from the start.
        try node.ip("link set \(interface) protodown on", "link set \(interface) up")
        try start("zebra")
        // vrrpd gives up for seconds when zebra's socket is not there yet.
        try LabClock.wait(upTo: .seconds(10), for: "zebra's socket") { () throws(LabError) in
            FileManager.default.fileExists(atPath: directory + "/zserv.api") ? true : nil
        }
        try start("vrrpd")
    }

    private func start(_ daemon: String) throws {
        let socket = directory + "/zserv.api"
        children.append(
            try node.start(
                [
                    "/usr/lib/frr/\(daemon)", "-f", "\(directory)/\(daemon).conf", "-i", "\(directory)/\(daemon).pid",
                    "-z", socket, "--vty_socket", directory, "-P", "0", "-u", "root", "-g", "frrvty", "--log", "stdout",
                ], log: daemon))
    }

    func stop() throws {
        for child in children.suffix(2).reversed() { try child.stop() }
        try node.ip("link del \(interface)")
        try? FileManager.default.removeItem(atPath: directory + "/zserv.api")
    }

    var log: String { children.map(\.output.text).joined(separator: "\n") }
}
