import ConfigLanguage
import Primitives

// Blocks as they are written: nil is what is not written. The resolver fills in the rest.

struct RootDraft: PlacedDraft {
    var global = GlobalDraft()
    var places: [String: SourceRange] = [:]
    var scripts: [ScriptDraft] = []
    var groups: [GroupDraft] = []
    var instances: [Boxed<InstanceDraft>] = []
    var serverGroups: [ServerGroupDraft] = []
    /// `virtual_server` blocks, by their statements: each is read when it is resolved.
    var virtualServers: [UInt32] = []
    var tls: Written<TLSDraft>?
    var trackFiles: [TrackFileDraft] = []
    var trackProcesses: [TrackProcessDraft] = []
    var sessions: [SessionDraft] = []
    var trackGroups: [TrackGroupDraft] = []
    var arbiters: [Boxed<ArbiterDraft>] = []
    var announcementGroups: [AnnouncementGroupDraft] = []
    var staticAddresses: [AddressDraft] = []
    var staticRoutes: [Written<WrittenEntry>] = []
    var staticRules: [Written<WrittenEntry>] = []
    var delays: [Written<InterfaceSettings.Delays>] = []
    var polled: [Written<InterfaceSettings.LinkPolling>] = []
}

/// A value that is passed on without being copied: an instance's draft is 3 kB, a real server's 1 kB.
final class Boxed<Value: Sendable>: Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

struct ScriptDraft: Sendable {
    var name: Written<String>
    var command: Written<TrackScript.Command>?
    var interval: Written<Duration>?
    var timeout: Written<Duration>?
    var weight: Written<Weight>?
    var rise: Written<Int>?
    var fall: Written<Int>?
    var user: Written<ScriptUser>?
    var initFail: Written<Bool>?
    /// Here and below: keywords that are there, but with an error.
    var failed: Set<String> = []
}

/// `weight N [reverse|noreverse]`.
struct Weight: Sendable {
    var value: Int
    var reverse: Bool?
}

struct TrackedDraft: Sendable {
    var name: String
    var weight: Weight?
    var range: SourceRange
}

struct NotifyDraft: Sendable {
    var master: Written<HookCommand>?
    var backup: Written<HookCommand>?
    var fault: Written<HookCommand>?
    var stop: Written<HookCommand>?
    var deleted: Written<HookCommand>?
    var reportsDeleted: Written<Bool>?
    var any: Written<HookCommand>?
    var masterReceivedLowerPriority: Written<HookCommand>?
    var split: Written<HookCommand>?
}

struct GroupDraft: Sendable {
    var name: Written<String>
    var members: [Written<String>] = []
    var trackInterfaces: [TrackedDraft] = []
    var trackScripts: [TrackedDraft] = []
    var tracked = TrackedItemsDraft()
    var notify = NotifyDraft()
    var lease = LeaseDraft()
    var smtpAlert: Written<Bool>?
    var trackingWeight: Written<Bool>?
    var notifyPriorityChanges: Written<Bool>?
    var failed: Set<String> = []
}

/// `authentication`.
struct AuthenticationDraft: Sendable {
    var type: Written<String>?
    var password: Written<Secret>?
    var failed: Set<String> = []
}

struct AddressDraft: TrackGroupNaming {
    var address: VirtualAddress
    var range: SourceRange
    var trackGroup: Written<String>?
}

struct PeerDraft: Sendable {
    var peer: UnicastPeer
    var range: SourceRange
}

struct AnnouncementDraft: Sendable {
    /// `vrrp_min_garp`: the least where nothing is written.
    var isMinimal = false
    var masterDelay: Written<Duration>?
    var masterRepeat: Written<Int>?
    var masterRefresh: Written<Duration>?
    var refreshRepeat: Written<Int>?
    var lowerPriorityDelay: Written<Duration>?
    var lowerPriorityRepeat: Written<Int>?
    var elsewhere: Written<Duration>?
}

struct InstanceDraft: Sendable {
    var name: Written<String>
    var state: Written<InstanceDefinition.InitialState>?
    var interface: Written<String>?
    /// 0: written, but not valid.
    var virtualRouterID: Written<Int>?
    var priority: Written<Int>?
    var version: Written<Int>?
    var nativeIPv6: Written<Bool>?
    var advertInterval: Written<Duration>?
    var nopreempt: Written<Bool>?
    var preemptDelay: Written<Duration>?
    var downTimerAdverts: Written<Int>?
    var authentication: Written<AuthenticationDraft>?
    /// Empty but written is a fault.
    var unicastPeers: Written<[PeerDraft]>?
    var unicastSource: Written<IPAddress>?
    var multicastSource: Written<IPAddress>?
    var multicastGroup: Written<IPAddress>?
    var unicastTTL: Written<Int>?
    var checkUnicastSource: Written<Bool>?
    var unicastFaultNoPeer: Written<Bool>?
    var checksumAsV2: Written<Bool>?
    var oldUnicastChecksum: Written<InstanceDefinition.OldUnicastChecksum>?
    var trackSourceAddress: Written<Bool>?
    var dontTrackPrimary: Written<Bool>?
    var trackInterfaces: [TrackedDraft] = []
    var trackScripts: [TrackedDraft] = []
    var tracked = TrackedItemsDraft()
    var virtualAddresses: [AddressDraft] = []
    var excludedAddresses: [AddressDraft] = []
    var virtualRoutes: [Written<WrittenEntry>] = []
    var virtualRules: [Written<WrittenEntry>] = []
    var noVirtualAddress: Written<Bool>?
    var announcements = AnnouncementDraft()
    var lowerPriorityNoAdvert: Written<Bool>?
    var higherPrioritySendAdvert: Written<Bool>?
    var ownerIgnoreAdverts: Written<Bool>?
    var skipCheckAdvertAddresses: Written<Bool>?
    var notify = NotifyDraft()
    var promoteSecondaries: Written<Bool>?
    var addressLifetime: Written<Duration>?
    var notifyPriorityChanges: Written<Bool>?
    var strict: Written<Bool>?
    var accept: Written<Bool>?
    var lease = LeaseDraft()
    var hello: Written<Bool>?
    var rare = RareDraft()
    var failed: Set<String> = []
}

struct GlobalDraft: PlacedDraft {
    /// What goes into the model as it is written.
    var settings = GlobalDefinitions()
    var places: [String: SourceRange] = [:]
    var lvsNotifyFIFO: Written<NotifyFIFO>?
    var lvsNotifyFIFOScript: Written<HookCommand>?
    var routerID: Written<String>?
    var scriptUser: Written<ScriptUser>?
    var enableScriptSecurity: Written<Bool>?
    var useSymlinkPaths: Written<Bool>?
    var setSupplementaryGroups: Written<Bool>?
    var startupScript: Written<HookCommand>?
    var startupScriptTimeout: Written<Duration>?
    var shutdownScript: Written<HookCommand>?
    var shutdownScriptTimeout: Written<Duration>?
    var defaultInterface: Written<String>?
    var version: Written<Int>?
    var multicastGroup4: Written<IPAddress>?
    var multicastGroup6: Written<IPAddress>?
    var announcements = AnnouncementDraft()
    var garpInterval: Written<Duration>?
    var gnaInterval: Written<Duration>?
    var downTimerAdverts: Written<Int>?
    var checkUnicastSource: Written<Bool>?
    var skipCheckAdvertAddresses: Written<Bool>?
    var strict: Written<Bool>?
    var lowerPriorityNoAdvert: Written<Bool>?
    var higherPrioritySendAdvert: Written<Bool>?
    var ownerIgnoreAdverts: Written<Bool>?
    var checksumAsV2: Written<Bool>?
    var addressLifetime: Written<Duration>?
    var hello: Written<Bool>?
    var helloPort: Written<Int>?
    var niceness: Written<Int>?
    var realtimePriority: Written<Int>?
    var noSwap: Written<Bool>?
    var cpuAffinity: Written<[Int]>?
    var rlimitRealtime: Written<Duration>?
    var processNames: Written<Bool>?
    var processName: Written<String>?
    var vrrpProcessName: Written<String>?
    var umask: Written<UInt16>?
    var dynamicInterfaces: Written<Bool>?
    var allowInterfaceChanges: Written<Bool>?
    var startupDelay: Written<Duration>?
    var delayAfterBoot: Written<Duration>?
    var logUnknownVRIDs: Written<Bool>?
    var notifyFIFO: Written<NotifyFIFO>?
    var notifyFIFOScript: Written<HookCommand>?
    var vrrpNotifyFIFO: Written<NotifyFIFO>?
    var vrrpNotifyFIFOScript: Written<HookCommand>?
    var notifyPriorityChanges: Written<Bool>?
    var fifoWriteStatesOnReload: Written<Bool>?
    var stateDumpFile: Written<String>?
    var statsDumpFile: Written<String>?
}
