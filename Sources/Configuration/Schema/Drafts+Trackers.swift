import ConfigLanguage
import Primitives

// What instances and groups may track, and other blocks of the top, as they are written.

/// `track_file`, `track_process` and `track_bfd` of an instance or a group.
struct TrackedItemsDraft: Sendable {
    var files: [TrackedDraft] = []
    var processes: [TrackedDraft] = []
    var sessions: [TrackedDraft] = []
}

/// `track_file` at the top.
struct TrackFileDraft: Sendable {
    var name: Written<String>
    var path: Written<String>?
    var weight: Written<Weight>?
    var initial: Written<TrackFile.Initial>?
    var failed: Set<String> = []
}

/// `vrrp_track_process`.
struct TrackProcessDraft: Sendable {
    var name: Written<String>
    var command: Written<[String]>?
    var match: Written<TrackProcess.ParameterMatch>?
    var weight: Written<Weight>?
    var quorum: Written<Int>?
    var quorumMaximum: Written<Int>?
    var delay: Written<Duration>?
    var terminateDelay: Written<Duration>?
    var forkDelay: Written<Duration>?
    var fullCommand: Written<Bool>?
    var failed: Set<String> = []
}

/// `bfd_instance`.
struct SessionDraft: Sendable {
    var name: Written<String>
    var neighbour: Written<IPAddress>?
    var source: Written<IPAddress>?
    var minimumReceive: Written<Duration>?
    var minimumTransmit: Written<Duration>?
    var idleTransmit: Written<Duration>?
    var multiplier: Written<Int>?
    var passive: Written<Bool>?
    var ttl: Written<Int>?
    var maximumHops: Written<Int>?
    var multihop: Written<Bool>?
    var weight: Written<Weight>?
    var forInstances: Written<Bool>?
    var forCheckers: Written<Bool>?
    var failed: Set<String> = []
}

/// `track_group`.
struct TrackGroupDraft: Sendable {
    var name: Written<String>
    var members: [Written<String>] = []
    var failed: Set<String> = []
}

/// `garp_group`, at its keyword.
struct AnnouncementGroupDraft: Sendable {
    var range: SourceRange
    var garpInterval: Written<Duration>?
    var gnaInterval: Written<Duration>?
    var interface: Written<String>?
    var interfaces: [Written<String>] = []
    var failed: Set<String> = []
}

/// What few instances have.
struct RareDraft: Sendable {
    var virtualInterface: Written<VirtualInterface>?
    var forAddresses: Written<Bool>?
    var throughBase: Written<Bool>?
    var vrf: Written<String>?
    var hmac: Written<HMACDraft>?
    var smtpAlert: Written<Bool>?
    var pollsLink: Written<Bool>?
    var timerExpiredBackup: Written<Int>?
    var receiveBuffer: Written<Int>?
    var debugLevel: Written<Int>?
    var syncDaemonInterface: Written<String>?
}

/// `auth_hmac`.
struct HMACDraft: Sendable {
    var keys: [Written<HMACAuthentication.Key>] = []
    var activeKey: Written<Int>?
    var timeWindow: Written<Duration>?
    var replayProtection: Written<HMACAuthentication.ReplayProtection>?
    var mode: Written<HMACAuthentication.Mode>?
    var failed: Set<String> = []
}
