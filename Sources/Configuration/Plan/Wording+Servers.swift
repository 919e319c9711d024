import Primitives

extension VirtualServer {
    /// `10.0.0.1 80`, `fwmark 5` or `group NAME`, as the block's name says it; and what it speaks.
    var title: String {
        switch service {
        case .address(let address, let port): "\(address) \(port) \(transport?.wording ?? "")"
        case .firewallMark(let mark): "fwmark \(mark) \(family == .ipv4 ? "inet" : "inet6")"
        case .group(let name): "group \(name) \(transport?.wording ?? "")"
        }
    }

    /// Every keyword that has a say in it, without its real servers.
    public var wordings: [Wording] {
        var words = [
            Wording("ip_family", family == .ipv4 ? "inet" : "inet6"),
            Wording("protocol", transport?.wording),
            Wording("lvs_sched", scheduler.rawValue),
            Wording("flag-1", schedulerFlags.contains(.first)),
            Wording("flag-2", schedulerFlags.contains(.second)),
            Wording("flag-3", schedulerFlags.contains(.third)),
            Wording("ops", onePacket),
            Wording("lvs_method", forwarding.wording),
            Wording("persistence_timeout", persistence?.timeout),
            Wording("persistence_granularity", persistence?.granularity.wording),
            Wording("persistence_engine", persistenceEngine),
            Wording("ha_suspend", suspendsChecks),
            Wording("smtp_alert", smtpAlert),
            Wording("virtualhost", virtualHost),
            Wording("snmp_name", snmpName),
            Wording("omega", omega),
            Wording("inhibit_on_failure", inhibitOnFailure),
            Wording("drain_timeout", drainTimeout),
            Wording("slow_start", slowStart),
        ]
        words += timing.wordings
        return words + [
            Wording("quorum", Int(quorum)),
            Wording("hysteresis", Int(hysteresis)),
            Wording("quorum_up", quorumUp),
            Wording("quorum_down", quorumDown),
            Wording("sorry_server", sorryServer.map { "\($0.address) \($0.port)" }),
            Wording("sorry_server_lvs_method", sorryServer?.forwarding.wording),
            Wording("sorry_server_inhibit", sorryServer?.inhibit ?? false),
        ]
    }
}

extension RealServer {
    /// As the block's name says it.
    var title: String { "\(address) \(port)" }

    /// Every keyword that has a say in it, without its checkers.
    public var wordings: [Wording] {
        [
            Wording("weight", weight),
            Wording("lvs_method", forwarding.wording),
            Wording("uthreshold", Int(upperThreshold)),
            Wording("lthreshold", Int(lowerThreshold)),
            Wording("inhibit_on_failure", inhibitOnFailure),
            Wording("drain_timeout", drainTimeout),
            Wording("slow_start", slowStart),
            Wording("smtp_alert", smtpAlert),
            Wording("notify_up", notifyUp),
            Wording("notify_down", notifyDown),
            Wording("virtualhost", virtualHost),
            Wording("snmp_name", snmpName),
        ] + timing.wordings
    }
}

extension CheckTiming {
    var wordings: [Wording] {
        [
            Wording("delay_loop", delayLoop),
            Wording("connect_timeout", connectTimeout),
            Wording("delay_before_retry", delayBeforeRetry),
            Wording("warmup", warmup),
            Wording("retry", retry.map { Int($0) }),
            Wording("rise", rise.map { Int($0) }),
            Wording("alpha", alpha),
        ]
    }
}

extension VirtualServerGroup {
    public var wordings: [Wording] { [Wording("entries", entries.map(\.wording))] }
}

extension TLSMaterial {
    public var wordings: [Wording] {
        [
            Wording("password", secret: password),
            Wording("ca", authority),
            Wording("certificate", certificate),
            Wording("key", key),
        ]
    }
}

// MARK: - Values

extension VirtualServerGroup.Entry {
    var wording: String {
        switch self {
        case .addresses(let first, let last, let port):
            first == last ? "\(first) \(port)" : "\(first)-\(last) \(port)"
        case .firewallMark(let mark, let family):
            "fwmark \(mark)" + (family.map { $0 == .ipv4 ? " inet" : " inet6" } ?? "")
        }
    }
}

extension VirtualServer.TransportProtocol {
    var wording: String {
        switch self {
        case .tcp: "TCP"
        case .udp: "UDP"
        case .sctp: "SCTP"
        }
    }
}

extension VirtualServer.Granularity {
    var wording: String {
        switch self {
        case .mask(let mask): IPAddress.v4(mask).description
        case .prefixLength(let length): String(length)
        }
    }
}

extension ForwardingMethod {
    var wording: String {
        switch self {
        case .nat: return "NAT"
        case .directRouting: return "DR"
        case .tunnel(let tunnel):
            let kind: String
            switch tunnel.encapsulation {
            case .ipip: kind = "ipip"
            case .gue(let port): kind = "gue port \(port)"
            case .gre: kind = "gre"
            }
            switch tunnel.checksum {
            case .none: return "TUN type \(kind) nocsum"
            case .full: return "TUN type \(kind) csum"
            case .remote: return "TUN type \(kind) remcsum"
            }
        }
    }
}
