import Primitives

/// A question on the control socket: one frame (``MessageBuffer``) holding a JSON object with `command`
/// and, for some, `instance`. docs/processes.md is the reference.
public enum ControlRequest: Equatable, Sendable {
    case status(instance: String?)
    case explain(instance: String)
    case history(instance: String?)
    case reload
    case stop
    case version
    /// ``RunningConfiguration``. It has passwords in it: for root and the daemon's own user only.
    case configuration

    /// The largest request, and the largest answer.
    public static let requestLimit = 1 << 16
    public static let answerLimit = 16 << 20

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
            self = .explain(instance: instance)
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
            case .explain(let instance): $0.command("explain", instance)
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
