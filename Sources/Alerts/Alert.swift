import Configuration
import Primitives

/// Something that a mail is sent about, with keepalived's subject and text: people have filters for them.
/// (As recorded from keepalived 2.2.7; docs/differences.md has the two that are not copied.)
public enum Alert: Hashable, Sendable {
    /// What a VRRP instance or group entered.
    public enum State: String, Hashable, Sendable {
        case master = "MASTER"
        case backup = "BACKUP"
        case fault = "FAULT"
    }

    /// What became of a virtual server's quorum.
    public enum QuorumChange: Hashable, Sendable {
        /// There from the first moment on.
        case begun
        case gained
        case lost
    }

    case instance(String, State)
    case group(String, State)
    /// `reason` is one sentence without a full stop, such as `TCP CHECK failed on service`.
    case realServer(RealServerName, of: VirtualServerName, isUp: Bool, reason: String)
    /// `weight`: of the servers that live.
    case quorum(VirtualServerName, QuorumChange, quorum: UInt32, hysteresis: UInt32, weight: UInt64)

    /// The subject without the router's name.
    var title: String {
        switch self {
        case .instance(let name, let state): "VRRP Instance \(name) - Entering \(state.rawValue) state"
        case .group(let name, let state): "VRRP Group \(name) - Entering \(state.rawValue) state"
        case .realServer(let server, let service, let isUp, _):
            "Realserver \(server) of virtual server \(service) - \(isUp ? "UP" : "DOWN")"
        case .quorum(let service, let change, _, _, _): "Virtualserver \(service) - \(change == .lost ? "DOWN" : "UP")"
        }
    }

    /// What stands between the arrows.
    var sentence: String {
        switch self {
        case .instance(_, let state):
            "VRRP Instance is \(state == .master ? "now" : "no longer") owning VRRP VIPs"
        case .group(_, let state): "All VRRP group instances are now in \(state.rawValue) state"
        case .realServer(_, _, _, let reason): reason
        case .quorum(_, let change, let quorum, let hysteresis, let weight):
            switch change {
            case .begun, .gained:
                "\(change == .begun ? "Starting with quorum up" : "Gained quorum") \(quorum)+\(hysteresis)=\(UInt64(quorum) + UInt64(hysteresis)) <= \(weight)"
            case .lost: "Lost quorum \(quorum)-\(hysteresis)=\(Int64(quorum) - Int64(hysteresis)) > \(weight)"
            }
        }
    }

    /// The mail.
    /// - Parameters:
    ///   - routerID: `router_id`, or the host's name.
    ///   - hostName: for a sender where the settings name none: `root@` this.
    ///   - date: seconds since 1970.
    public func mail(_ settings: MailSettings, routerID: String, hostName: String, date: Int64) -> MailMessage {
        MailMessage(
            sender: settings.sender ?? "root@\(hostName)", recipients: settings.recipients,
            subject: "[\(routerID)] \(title)", text: "=> \(sentence) <=\n", date: date)
    }
}

/// A virtual server as keepalived calls it: `[10.0.0.100]:tcp:80`, `FWM 7`, `[GROUP]:0`.
public struct VirtualServerName: Hashable, Sendable, CustomStringConvertible {
    public var service: VirtualServer.Service
    public var transport: VirtualServer.TransportProtocol?

    public init(_ service: VirtualServer.Service, _ transport: VirtualServer.TransportProtocol?) {
        self.service = service
        self.transport = transport
    }

    public var description: String {
        switch service {
        case .address(let address, let port): "[\(address)]:\(RealServerName.word(transport)):\(port)"
        case .firewallMark(let mark): "FWM \(mark)"
        case .group(let name): "[\(name)]:0"
        }
    }
}

/// A real server as keepalived calls it: `[10.0.0.11]:tcp:80`, or `none` for the protocol behind a firewall mark.
public struct RealServerName: Hashable, Sendable, CustomStringConvertible {
    public var address: IPAddress
    public var port: UInt16
    public var transport: VirtualServer.TransportProtocol?

    public init(_ address: IPAddress, port: UInt16, _ transport: VirtualServer.TransportProtocol?) {
        self.address = address
        self.port = port
        self.transport = transport
    }

    public var description: String { "[\(address)]:\(Self.word(transport)):\(port)" }

    static func word(_ transport: VirtualServer.TransportProtocol?) -> String {
        switch transport {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        case nil: "none"
        }
    }
}
