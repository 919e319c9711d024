import ConfigLanguage
import Primitives

/// Where an instance says what it says: for whoever compares it with other nodes, or with this host. Nil is what is not
/// written, and its default counts.
public struct InstancePlaces: Sendable {
    public var name: SourceRange
    public var interface: SourceRange?
    public var virtualRouterID: SourceRange?
    public var priority: SourceRange?
    public var version: SourceRange?
    public var advertInterval: SourceRange?
    public var state: SourceRange?
    public var nopreempt: SourceRange?
    public var authentication: SourceRange?
    public var unicastPeers: SourceRange?
    public var unicastSource: SourceRange?
    public var multicastSource: SourceRange?
    public var unicastTTL: SourceRange?
    public var multicastGroup: SourceRange?
    public var checksumAsV2: SourceRange?
    /// Entries of `virtual_ipaddress` and `virtual_ipaddress_excluded`.
    public var addresses: [Placed<IPAddress>]
    public var peers: [Placed<IPAddress>]
    public var trackedScripts: [Placed<String>]
    public var trackedInterfaces: [Placed<String>]

    init(_ draft: InstanceDraft) {
        name = draft.name.range
        interface = draft.interface?.range
        virtualRouterID = draft.virtualRouterID?.range
        priority = draft.priority?.range
        version = draft.version?.range
        advertInterval = draft.advertInterval?.range
        state = draft.state?.range
        nopreempt = draft.nopreempt?.range
        authentication = draft.authentication?.range
        unicastPeers = draft.unicastPeers?.range
        unicastSource = draft.unicastSource?.range
        multicastSource = draft.multicastSource?.range
        unicastTTL = draft.unicastTTL?.range
        multicastGroup = draft.multicastGroup?.range
        checksumAsV2 = draft.checksumAsV2?.range
        addresses = (draft.virtualAddresses + draft.excludedAddresses).map {
            Placed($0.address.prefix.address, $0.range)
        }
        peers = (draft.unicastPeers?.value ?? []).map { Placed($0.peer.address, $0.range) }
        trackedScripts = draft.trackScripts.map { Placed($0.name, $0.range) }
        trackedInterfaces = draft.trackInterfaces.map { Placed($0.name, $0.range) }
    }

    /// The entry of an address, else the instance's name.
    public func place(of address: IPAddress) -> SourceRange {
        addresses.first { $0.value == address }?.range ?? name
    }
}

/// The same of a sync group.
public struct GroupPlaces: Sendable {
    public var name: SourceRange
    public var trackedScripts: [Placed<String>]
    public var trackedInterfaces: [Placed<String>]

    init(_ draft: GroupDraft) {
        name = draft.name.range
        trackedScripts = draft.trackScripts.map { Placed($0.name, $0.range) }
        trackedInterfaces = draft.trackInterfaces.map { Placed($0.name, $0.range) }
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
