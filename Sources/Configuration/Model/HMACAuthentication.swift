import Primitives

/// `auth_hmac`: keepalived 2.4's signature of adverts. Refused for now.
public struct HMACAuthentication: Hashable, Sendable {
    public struct Key: Hashable, Sendable {
        /// 1…255, unique.
        public var id: Int
        public var value: Value

        public enum Value: Hashable, Sendable {
            /// 32…64 bytes.
            case bytes(Secret)
            /// `file:PATH`.
            case file(String)
        }

        public init(id: Int, value: Value) {
            self.id = id
            self.value = value
        }
    }

    /// `anti_replay`.
    public enum ReplayProtection: UInt8, Hashable, Sendable {
        case time, monotonic
    }

    /// `mode`.
    public enum Mode: UInt8, Hashable, Sendable {
        case enforce, permissive, receiveOnly
    }

    /// `key`; never empty.
    public var keys: [Key]
    /// `active_key`: the one that adverts are signed with.
    public var activeKey: Int
    /// `time_window`, 1…300 s; nil means three intervals, at least 5 s.
    public var timeWindow: Duration?
    public var replayProtection: ReplayProtection = .time
    public var mode: Mode = .enforce

    public init(keys: [Key], activeKey: Int) {
        self.keys = keys
        self.activeKey = activeKey
    }
}
