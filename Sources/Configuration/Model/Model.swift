import Primitives

/// What a configuration means, with every default filled in: no field refers to another block's defaults.
///
/// Order is the order of the files. Names are unique within each list, and every name that is referred to
/// exists: `Configuration.load` gives no model otherwise.
public struct Model: Hashable, Sendable {
    /// What `global_defs` says, and the defaults of what it does not say.
    public var global: GlobalDefinitions
    /// `vrrp_script` blocks.
    public var scripts: [TrackScript]
    /// `vrrp_sync_group` blocks.
    public var syncGroups: [SyncGroupDefinition]
    /// `vrrp_instance` blocks.
    public var instances: [InstanceDefinition]
    /// `virtual_server_group` blocks.
    public var virtualServerGroups: [VirtualServerGroup]
    /// `virtual_server` blocks. They have no names; each service stands once.
    public var virtualServers: [VirtualServer]
    /// `SSL`; nil where it is not written.
    public var tls: TLSMaterial?
    /// `track_file` and `vrrp_track_file` blocks.
    public var trackFiles: [TrackFile] = []
    /// `vrrp_track_process` blocks.
    public var trackProcesses: [TrackProcess] = []
    /// `bfd_instance` blocks.
    public var bfdInstances: [BFDInstance] = []
    /// `arbiter` blocks.
    public var arbiters: [ArbiterDefinition] = []
    /// `static_…` and `track_group`.
    public var statics = StaticDefinitions()
    /// `garp_group`, `interface_up_down_delays`, `linkbeat_interfaces`.
    public var interfaces = InterfaceSettings()

    public init(
        global: GlobalDefinitions = GlobalDefinitions(), scripts: [TrackScript] = [],
        syncGroups: [SyncGroupDefinition] = [], instances: [InstanceDefinition] = [],
        virtualServerGroups: [VirtualServerGroup] = [], virtualServers: [VirtualServer] = [], tls: TLSMaterial? = nil
    ) {
        self.global = global
        self.scripts = scripts
        self.syncGroups = syncGroups
        self.instances = instances
        self.virtualServerGroups = virtualServerGroups
        self.virtualServers = virtualServers
        self.tls = tls
    }
}
