import Primitives

/// A question on the control socket: one frame (``MessageBuffer``) holding a JSON object with `command`
/// and, for some, `instance`. docs/processes.md is the reference.
public enum ControlRequest: Equatable, Sendable {
    case status(instance: String?)
    /// `server` is one of the service that `instance` names: `ADDRESS` or `ADDRESS:PORT`.
    case explain(instance: String, server: String? = nil)
    case history(instance: String?)
    case reload
    case stop
    case version
    /// Servers get no new connections, and go when those they have ended, or the time is over (nil: as configured).
    case drain(server: String, service: String?, milliseconds: Int64?)
    case undrain(server: String, service: String?)
    /// ``RunningConfiguration``. It has passwords in it: for root and the daemon's own user only.
    case configuration

    /// The largest request, and the largest answer.
    public static let requestLimit = 1 << 16
    public static let answerLimit = 64 << 20

    /// The VRRP worker has a part in the answer.
    var asksWorker: Bool {
        switch self {
        case .drain, .undrain: false
        default: true
        }
    }

    /// What a request that is none lacks, for the answer.
    public struct Failure: Error, Equatable, Sendable {
        public var text: String
    }

    public init(payload: some Sequence<UInt8>) throws(Failure) {
        guard let json = JSONValue(payload, maximumDepth: 4) else { throw Failure(text: "the request is not JSON") }
        guard let command = json["command"]?.string else { throw Failure(text: "the request names no command") }
        let instance = json["instance"]?.string
        switch command {
        case "status": self = .status(instance: instance)
        case "history": self = .history(instance: instance)
        case "explain":
            guard let instance else { throw Failure(text: "explain needs an instance") }
            self = .explain(instance: instance, server: json["server"]?.string)
        case "drain":
            guard let server = json["server"]?.string else { throw Failure(text: "drain needs a server") }
            self = .drain(server: server, service: json["service"]?.string, milliseconds: json["milliseconds"]?.integer)
        case "undrain":
            guard let server = json["server"]?.string else { throw Failure(text: "undrain needs a server") }
            self = .undrain(server: server, service: json["service"]?.string)
        case "reload": self = .reload
        case "stop": self = .stop
        case "version": self = .version
        case "configuration": self = .configuration
        default: throw Failure(text: "there is no command \(command)")
        }
    }

    /// The request as JSON, without its length.
    public var payload: [UInt8] {
        var json = JSONWriter()
        json.object {
            switch self {
            case .status(let instance): $0.command("status", instance)
            case .explain(let instance, let server):
                $0.command("explain", instance)
                if let server { $0.member("server", server) }
            case .drain(let server, let service, let milliseconds):
                $0.command("drain", nil)
                $0.member("server", server)
                if let service { $0.member("service", service) }
                if let milliseconds { $0.member("milliseconds", milliseconds) }
            case .undrain(let server, let service):
                $0.command("undrain", nil)
                $0.member("server", server)
                if let service { $0.member("service", service) }
            case .history(let instance): $0.command("history", instance)
            case .reload: $0.command("reload", nil)
            case .stop: $0.command("stop", nil)
            case .version: $0.command("version", nil)
            case .configuration: $0.command("configuration", nil)
            }
        }
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func command(_ name: String, _ instance: String?) {
        member("command", name)
        if let instance { member("instance", instance) }
    }
}

/// The answer on the control socket: `{"ok":true,"result":…}` or `{"ok":false,"error":"…"}`.
public enum ControlAnswer {
    /// `result` is JSON.
    public static func success(_ result: some Collection<UInt8>) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("ok", true)
            $0.member("result", raw: result)
        }
        return json.bytes
    }

    public static func failure(_ text: String) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("ok", false)
            $0.member("error", text)
        }
        return json.bytes
    }
}
