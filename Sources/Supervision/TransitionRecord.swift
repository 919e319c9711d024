import Primitives

/// One change of state of an instance or a group, with its cause: what `aloft explain` and
/// `aloft history` show.
public struct TransitionRecord: Equatable, Sendable {
    /// What changed.
    public enum Subject: UInt8, Sendable, Equatable, CaseIterable {
        case instance = 0
        case group = 1
        /// A virtual server, or a real server of one.
        case service = 2

        /// The word in keys, `INSTANCE`, and in lower case in JSON.
        var word: String {
            switch self {
            case .instance: "INSTANCE"
            case .group: "GROUP"
            case .service: "SERVICE"
            }
        }
    }

    /// The name of the instance or sync group; of a service, or `SERVER of SERVICE`.
    public var name: String
    public var subject: Subject
    /// The states' names as keepalived writes them: `BACKUP`, `MASTER`, `FAULT`, `STOP`; `UP`, `DOWN`, `DRAINING`, `DRAINED`.
    public var from: String
    public var to: String
    /// The rule that decided it, such as `vrrp.backup.master-down`.
    public var rule: String
    /// The same for a person, with the numbers that mattered.
    public var reason: String
    /// The effective priority afterwards; 0 for what is no instance.
    public var priority: UInt8
    /// Boot-time clock.
    public var at: Instant
    /// Nanoseconds since 1970; the supervisor fills it in (the worker sends 0).
    public var wallClock: Int64

    public init(
        name: String, subject: Subject = .instance, from: String, to: String, rule: String, reason: String,
        priority: UInt8,
        at: Instant, wallClock: Int64 = 0
    ) {
        self.name = name
        self.subject = subject
        self.from = from
        self.to = to
        self.rule = rule
        self.reason = reason
        self.priority = priority
        self.at = at
        self.wallClock = wallClock
    }

    /// The name under which hooks and history file it, such as `INSTANCE VI_1`.
    public var key: String { subject.word + " " + name }

    init(from reader: inout WireReader) {
        name = reader.string()
        subject = reader.enumeration(.instance)
        from = reader.string()
        to = reader.string()
        rule = reader.string()
        reason = reader.string()
        priority = reader.uint8()
        at = Instant(nanoseconds: reader.int64())
        wallClock = reader.int64()
    }

    func write(to writer: inout WireWriter) {
        writer.put(name)
        writer.put(subject.rawValue)
        writer.put(from)
        writer.put(to)
        writer.put(rule)
        writer.put(reason)
        writer.put(priority)
        writer.put(at.nanoseconds)
        writer.put(wallClock)
    }

    /// The record as a member of a JSON document.
    public func write(to json: inout JSONWriter) {
        json.object {
            $0.member(subject.word.lowercased(), name)
            $0.member("from", from)
            $0.member("to", to)
            $0.member("rule", rule)
            $0.member("reason", reason)
            $0.member("priority", Int64(priority))
            $0.member("boot_ns", at.nanoseconds)
            $0.member("wall_ns", wallClock)
        }
    }
}
