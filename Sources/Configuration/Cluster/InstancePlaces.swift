import ConfigLanguage
import Primitives

/// Where an instance says what it says: for whoever compares it with other nodes, or with this host. Nil is what is not
/// written, and its default counts. Nothing is copied out of the draft before somebody asks.
public struct InstancePlaces: Sendable {
    private let draft: Boxed<InstanceDraft>

    init(_ draft: Boxed<InstanceDraft>) { self.draft = draft }

    public var name: SourceRange { draft.value.name.range }
    public var interface: SourceRange? { draft.value.interface?.range }
    public var virtualRouterID: SourceRange? { draft.value.virtualRouterID?.range }
    public var priority: SourceRange? { draft.value.priority?.range }
    public var version: SourceRange? { draft.value.version?.range }
    public var advertInterval: SourceRange? { draft.value.advertInterval?.range }
    public var state: SourceRange? { draft.value.state?.range }
    public var nopreempt: SourceRange? { draft.value.nopreempt?.range }
    public var authentication: SourceRange? { draft.value.authentication?.range }
    public var unicastPeers: SourceRange? { draft.value.unicastPeers?.range }
    public var unicastSource: SourceRange? { draft.value.unicastSource?.range }
    public var multicastSource: SourceRange? { draft.value.multicastSource?.range }
    public var unicastTTL: SourceRange? { draft.value.unicastTTL?.range }
    public var multicastGroup: SourceRange? { draft.value.multicastGroup?.range }
    public var checksumAsV2: SourceRange? { draft.value.checksumAsV2?.range }
    public var arbiter: SourceRange? { draft.value.lease.arbiter?.range }
    public var leaseName: SourceRange? { draft.value.lease.name?.range }
    public var hello: SourceRange? { draft.value.hello?.range }

    /// The entry of an address in `virtual_ipaddress` or `virtual_ipaddress_excluded`, else the instance's name.
    public func place(of address: IPAddress) -> SourceRange {
        let isWanted = { (entry: AddressDraft) in entry.address.prefix.address == address }
        let entry =
            draft.value.virtualAddresses.first(where: isWanted) ?? draft.value.excludedAddresses.first(where: isWanted)
        return entry?.range ?? name
    }

    /// The entry of a peer; nil when there is none.
    public func place(ofPeer address: IPAddress) -> SourceRange? {
        draft.value.unicastPeers?.value.first { $0.peer.address == address }?.range
    }

    /// The entry of a script in `track_script`.
    public func place(ofScript name: String) -> SourceRange? { Self.place(of: name, in: draft.value.trackScripts) }

    /// The entry of an interface in `track_interface`.
    public func place(ofInterface name: String) -> SourceRange? {
        Self.place(of: name, in: draft.value.trackInterfaces)
    }

    fileprivate static func place(of name: String, in tracked: [TrackedDraft]) -> SourceRange? {
        tracked.first { $0.name == name }?.range
    }
}

/// The same of a sync group.
public struct GroupPlaces: Sendable {
    private let draft: GroupDraft

    init(_ draft: GroupDraft) { self.draft = draft }

    public var name: SourceRange { draft.name.range }
    public var arbiter: SourceRange? { draft.lease.arbiter?.range }
    public var leaseName: SourceRange? { draft.lease.name?.range }

    public func place(ofScript name: String) -> SourceRange? { InstancePlaces.place(of: name, in: draft.trackScripts) }
    public func place(ofInterface name: String) -> SourceRange? {
        InstancePlaces.place(of: name, in: draft.trackInterfaces)
    }
}

/// A value and where it stands.
public struct Placed<Value: Hashable & Sendable>: Hashable, Sendable {
    public var value: Value
    public var range: SourceRange

    public init(_ value: Value, _ range: SourceRange) {
        self.value = value
        self.range = range
    }
}
