/// SNMP, as `global_defs` asks for it. There is no agent yet.
public struct SNMPSettings: Hashable, Sendable {
    /// `snmp_socket`: where the AgentX master listens; nil means `unix:/var/agentx/master`.
    public var socket: String?
    /// `enable_traps`.
    public var sendsTraps: Bool = false
    /// `enable_snmp_vrrp`.
    public var servesVRRP: Bool = false
    /// `enable_snmp_rfcv2`, or `enable_snmp_rfc`: RFC 2787.
    public var servesRFC2787: Bool = false
    /// `enable_snmp_rfcv3`, or `enable_snmp_rfc`: RFC 6527.
    public var servesRFC6527: Bool = false
    /// `enable_snmp_checker`.
    public var servesCheckers: Bool = false
    /// `snmp_vs_stats_update_interval`, 0.001…30 s: the least age at which counters of virtual servers are read again.
    public var virtualServerInterval: Duration = .seconds(5)
    /// `snmp_rs_stats_update_interval`; nil means that of virtual servers.
    public var realServerInterval: Duration?

    public init() {}
}

/// D-Bus, as `global_defs` asks for it. There is no service yet.
public struct DBusSettings: Hashable, Sendable {
    /// `enable_dbus`.
    public var isEnabled: Bool = false
    /// `dbus_service_name`.
    public var serviceName: String = "org.keepalived.Vrrp1"
    /// `dbus_no_interface_name`: what stands in a path for an instance without an interface.
    public var noInterfaceName: String?

    public init() {}
}
