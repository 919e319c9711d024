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
        /// Not there at the first moment.
        case begunWithout
        case gained
        case lost
    }

    case instance(String, State)
    /// A reload removed it, and `notify_deleted` says that this is not told as a fault.
    case deletedInstance(String)
    case group(String, State)
    /// Both as keepalived names them: `[10.0.0.11]:tcp:80`. `reason` is one sentence without a full stop, such as `TCP CHECK failed on service`.
    case realServer(String, of: String, isUp: Bool, reason: String)
    /// `weight`: of the servers that live.
    case quorum(String, QuorumChange, quorum: UInt32, hysteresis: UInt32, weight: Int64)

    /// The subject without the router's name.
    public var title: String {
        switch self {
        case .instance(let name, let state): "VRRP Instance \(name) - Entering \(state.rawValue) state"
        case .deletedInstance(let name): "VRRP Instance \(name) - Deleted"
        case .group(let name, let state): "VRRP Group \(name) - Entering \(state.rawValue) state"
        case .realServer(let server, let service, let isUp, _):
            "Realserver \(server) of virtual server \(service) - \(isUp ? "UP" : "DOWN")"
        case .quorum(let service, let change, _, _, _):
            "Virtualserver \(service) - \(change == .lost || change == .begunWithout ? "DOWN" : "UP")"
        }
    }

    /// The whole text: one line.
    public var text: String { "=> \(sentence) <=\n" }

    /// What stands between the arrows.
    private var sentence: String {
        switch self {
        case .instance(_, let state):
            "VRRP Instance is \(state == .master ? "now" : "no longer") owning VRRP VIPs"
        case .deletedInstance: "VRRP Deleted at reload"
        case .group(_, let state): "All VRRP group instances are now in \(state.rawValue) state"
        case .realServer(_, _, _, let reason): reason
        case .quorum(_, let change, let quorum, let hysteresis, let weight):
            switch change {
            case .begun, .gained:
                "\(change == .begun ? "Starting with quorum up" : "Gained quorum") \(quorum)+\(hysteresis)=\(UInt64(quorum) + UInt64(hysteresis)) <= \(weight)"
            case .lost, .begunWithout:
                "\(change == .lost ? "Lost quorum" : "Starting with quorum down") \(quorum)-\(hysteresis)=\(Int64(quorum) - Int64(hysteresis)) > \(weight)"
            }
        }
    }

    /// keepalived's sentence for a checker, by its keyword.
    public static func sentence(ofChecker keyword: String, isUp: Bool, reason: String) -> String {
        let ending = (isUp ? "succeed" : "failed") + " on service"
        switch keyword {
        case "TCP_CHECK": return "TCP CHECK " + ending
        case "UDP_CHECK": return "UDP CHECK " + ending
        case "PING_CHECK": return "ICMP CHECK " + ending
        case "MISC_CHECK": return "MISC CHECK " + ending
        case "DNS_CHECK": return "DNS_CHECK: " + ending
        // keepalived adds its own words for what went wrong; here they are those of the log.
        case "HTTP_GET", "SSL_GET", "SMTP_CHECK": return "CHECK " + ending + (isUp ? "" : " : " + reason)
        default: return "\(keyword) " + ending + (isUp ? "" : " : " + reason)
        }
    }
}
