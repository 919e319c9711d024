import Primitives

/// What `global_defs` says. What only gives instances their defaults is already in the instances too.
public struct GlobalDefinitions: Hashable, Sendable {
    // Identity and scripts

    /// `router_id`; nil means the host's name. What the subject of mails begins with, and `ArbiterDefinition.node` where nothing else is.
    public var routerID: String?
    /// `script_user`; nil means `keepalived_script` where that user exists, else the daemon's own.
    public var scriptUser: ScriptUser?
    /// `enable_script_security`: refuse scripts that run as root from a path that others may write.
    public var enableScriptSecurity: Bool = false
    /// `use_symlink_paths`: kept, and without effect; paths are run as written.
    public var useSymlinkPaths: Bool = false
    /// `startup_script`: run once before the workers start.
    public var startupScript: HookCommand?
    /// `startup_script_timeout`, 1…1000 s.
    public var startupScriptTimeout: Duration = .seconds(10)
    /// `shutdown_script`: run once after the workers have ended.
    public var shutdownScript: HookCommand?
    /// `shutdown_script_timeout`, 1…1000 s.
    public var shutdownScriptTimeout: Duration = .seconds(10)

    // Defaults of instances

    /// `default_interface`.
    public var defaultInterface: String = "eth0"
    /// `vrrp_version`; nil means 2 in IPv4 and 3 in IPv6.
    public var version: InstanceDefinition.Version?
    /// `vrrp_mcast_group4`.
    public var multicastGroup4: IPAddress = .v4(IPv4Address(224, 0, 0, 18))
    /// `vrrp_mcast_group6`.
    public var multicastGroup6: IPAddress = .v6(IPv6Address(high: 0xFF02 << 48, low: 0x12))
    /// `vrrp_garp_…` and `vrrp_gna_interval`.
    public var announcements = AnnouncementSettings()
    /// `vrrp_down_timer_adverts`, 1…100.
    public var downTimerAdverts: Int = 3
    /// `vrrp_check_unicast_src`.
    public var checkUnicastSource: Bool = false
    /// `vrrp_skip_check_adv_addr`: kept, and without effect.
    public var skipCheckAdvertAddresses: Bool = false
    /// `vrrp_strict`.
    public var strict: Bool = false
    /// `vrrp_lower_prio_no_advert`.
    public var lowerPriorityNoAdvert: Bool = false
    /// `vrrp_higher_prio_send_advert`.
    public var higherPrioritySendAdvert: Bool = false
    /// `vrrp_owner_ignore_adverts`.
    public var ownerIgnoreAdverts: Bool = false
    /// `v3_checksum_as_v2`.
    public var checksumAsV2: Bool = false
    /// `vrrp_hello`.
    public var hello: Bool = true
    /// `vrrp_hello_port`: the UDP port that nodes greet each other on, 1…65535.
    public var helloPort: UInt16 = Self.defaultHelloPort
    /// `address_lifetime`; zero is no end. 2…4294967294 s.
    public var addressLifetime: Duration = .seconds(10)

    // The process

    /// `vrrp_priority`: nice value of the VRRP worker, -20…19; nil means -20.
    public var niceness: Int?
    /// `vrrp_rt_priority`: SCHED_RR priority of the VRRP worker, 1…99.
    public var realtimePriority: Int?
    /// `vrrp_no_swap`: lock the VRRP worker's memory.
    public var noSwap: Bool = false
    /// `vrrp_cpu_affinity`: processors of the VRRP worker, ascending; empty means all.
    public var cpuAffinity: [Int] = []
    /// `vrrp_rlimit_rttime`: a tenth of the time that the real-time VRRP worker may compute without blocking.
    public var rlimitRealtime: Duration?
    /// `process_names`: the VRRP worker is called keepalived_vrrp.
    public var processNames: Bool = false
    /// `process_name`: the supervisor's.
    public var processName: String?
    /// `vrrp_process_name`: the VRRP worker's.
    public var vrrpProcessName: String?
    /// `umask` of files and scripts, 0…0o777; nil means 022.
    public var umask: UInt16?

    // Interfaces and start

    /// `dynamic_interfaces`: interfaces need not exist yet. Aloft always waits for them; the keyword is kept.
    public var dynamicInterfaces: Bool = false
    /// `dynamic_interfaces allow_if_changes`: an interface may come back as another type.
    public var allowInterfaceChanges: Bool = false
    /// `vrrp_startup_delay`: hold timers and ignore adverts after start.
    public var startupDelay: Duration = .zero
    /// `vrrp_delay_after_boot`: the same, counted from the machine's boot; the longer wins.
    public var delayAfterBoot: Duration = .zero
    /// `log_unknown_vrids`: log adverts for virtual routers that are not configured.
    public var logUnknownVRIDs: Bool = false

    // Events

    /// `notify_fifo`: events of every kind.
    public var notifyFIFO: NotifyFIFO?
    /// `vrrp_notify_fifo`: events of virtual routers and groups.
    public var vrrpNotifyFIFO: NotifyFIFO?
    /// `vrrp_notify_priority_changes`: a line for each change of priority.
    public var notifyPriorityChanges: Bool = false
    /// `fifo_write_vrrp_states_on_reload`: repeat every state after a reload.
    public var fifoWriteStatesOnReload: Bool = false
    /// `state_dump_file`: a file, or a directory with `/` at its end.
    public var stateDumpFile: String?
    /// `stats_dump_file`: the same.
    public var statsDumpFile: String?

    // What is read and checked, and has no effect yet

    /// `notification_email…`, `smtp_…`.
    public var mail = MailSettings()
    /// `snmp_…`, `enable_snmp_…`.
    public var snmp = SNMPSettings()
    /// `enable_dbus`, `dbus_…`.
    public var dbus = DBusSettings()
    /// `…_rcv_bufs`, `vrrp_rx_bufs_…`.
    public var buffers = SocketBufferSettings()
    /// `lvs_…`.
    public var forwarding = ForwardingSettings()
    /// `nftables…`, `vrrp_iptables`, `vrrp_ipsets`.
    public var firewall = FirewallSettings()
    /// `checker_…`.
    public var checkerProcess = ProcessSettings()
    /// `bfd_…`.
    public var bfdProcess = ProcessSettings()
    /// `max_auto_priority`, `min_auto_priority_delay`.
    public var automaticPriority = AutomaticPriority()
    /// `reload_…`, `include_check`, `config_save_dir`.
    public var reload = ReloadSettings()
    /// `json_…`, `iproute_…`, `data_use_instance`.
    public var files = FileSettings()
    /// Keywords of the top: `net_namespace`, `instance` and others.
    public var host = HostSettings()
    /// `vmac_prefix`: how names of virtual MAC interfaces begin.
    public var virtualMACPrefix: String = "vrrp"
    /// `vmac_addr_prefix`: the same for those of addresses; nil means `vmac_prefix`.
    public var virtualMACAddressPrefix: String?

    public static let defaultHelloPort: UInt16 = 7947

    public init() {}
}
