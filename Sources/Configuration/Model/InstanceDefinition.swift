import Primitives

/// One `vrrp_instance`: one virtual router as the operator describes it, resolved.
public struct InstanceDefinition: Hashable, Sendable {
    /// The `state` keyword. It says how the instance begins, not what it is.
    public enum InitialState: UInt8, Hashable, Sendable {
        case master, backup
    }

    /// The protocol on the wire.
    public enum Version: UInt8, Hashable, Sendable, Comparable {
        case v2 = 2
        case v3 = 3

        public static func < (a: Version, b: Version) -> Bool { a.rawValue < b.rawValue }
    }

    /// Who may send what this instance believes.
    public enum Authentication: Hashable, Sendable {
        case none
        /// RFC 2338 simple text, 1…8 bytes, version 2 only. Readable by everyone on the link.
        case pass(Secret)
    }

    /// What of VRRPv3 unicast adverts to IPv4 peers the checksum covers: keepalived before 1.3.7 put 224.0.0.18 in its
    /// pseudo-header.
    public enum OldUnicastChecksum: UInt8, Hashable, Sendable {
        /// Not written: the checksum of the RFC. Old peers are not detected.
        case automatic
        /// `old_unicast_checksum never`.
        case never
    }

    /// The block's name: unique, never empty.
    public var name: String
    /// `state`; nil when it is not written.
    public var initialState: InitialState?
    /// `interface`: nil only where the instance is unicast and names its source.
    public var interface: String?
    /// `virtual_router_id`, 1…255.
    public var virtualRouterID: UInt8
    /// `priority`, 1…255; 255 is the owner of the addresses. 100 unless written, or 255 where only `state MASTER` is.
    public var basePriority: UInt8 = 100
    /// `version`, or `vrrp_version`, or 2 for IPv4; always 3 for IPv6.
    public var version: Version = .v2
    /// From the first virtual address, else the source, else the first peer, else IPv4.
    public var family: AddressFamily = .ipv4
    /// `advert_int`: whole seconds 1…255 in version 2, steps of 10 ms up to 40.95 s in version 3.
    public var advertInterval: Duration = .seconds(1)
    /// False with `nopreempt`, unless `state MASTER` or priority 255 overrides it.
    public var preempt: Bool = true
    /// `preempt_delay`, 0…1000 s. Zero with `nopreempt` and with `state MASTER`.
    public var preemptDelay: Duration = .zero
    /// `down_timer_adverts`, 1…100: adverts that may be missed.
    public var downTimerAdverts: Int = 3
    public var authentication: Authentication = .none

    /// `unicast_peer`; empty means multicast.
    public var unicastPeers: [UnicastPeer] = []
    /// `unicast_src_ip`.
    public var unicastSource: IPAddress?
    /// `mcast_src_ip`.
    public var multicastSource: IPAddress?
    /// `mcast_dst_ip`, or the global group of the family, or 224.0.0.18 or ff02::12.
    public var multicastGroup: IPAddress = .v4(IPv4Address(224, 0, 0, 18))
    /// `unicast_ttl`, 0…255; nil means 255, in IPv6 too, where keepalived leaves it to the kernel.
    public var unicastTTL: UInt8?
    /// `check_unicast_src`, its global default, or a peer with a TTL bound: adverts from others are dropped.
    public var checkUnicastSource: Bool = false
    /// `v3_checksum_as_v2`: leave the pseudo-header out of the IPv4 version 3 checksum.
    public var checksumAsV2: Bool = false
    public var oldUnicastChecksum: OldUnicastChecksum = .automatic

    /// `track_src_ip`: fault while the configured source address is missing.
    public var trackSourceAddress: Bool = false
    /// `dont_track_primary`: the instance's own interface going down is no fault.
    public var dontTrackPrimary: Bool = false
    /// `track_interface`, without the instance's own.
    public var trackInterfaces: [TrackedInterface] = []
    /// `track_script`.
    public var trackScripts: [TrackedScript] = []
    /// `track_file`, `track_process` and `track_bfd`. Refused for now.
    public var tracked = TrackedItems()

    /// `virtual_ipaddress`: in adverts. One family, that of the instance; at most 255.
    public var virtualAddresses: [VirtualAddress] = []
    /// `virtual_ipaddress_excluded`: held, but not in adverts; either family.
    public var excludedAddresses: [VirtualAddress] = []
    /// `virtual_routes`. Refused for now.
    public var virtualRoutes: [WrittenEntry] = []
    /// `virtual_rules`. Refused for now.
    public var virtualRules: [WrittenEntry] = []
    /// `use_vmac` or `use_ipvlan`. Refused for now.
    public var virtualInterface: VirtualInterface?
    /// `use_vmac_addr`: virtual interfaces for addresses on other interfaces too. Refused for now.
    public var virtualInterfacesForAddresses: Bool = false
    /// `vmac_xmit_base`: adverts go through the interface below. Refused for now.
    public var sendsThroughBase: Bool = false
    /// `vrf`: the device that sockets are bound to where there is no interface. Refused for now.
    public var vrf: String?
    /// Gratuitous ARP and unsolicited neighbour advertisements.
    public var announcements = AnnouncementSettings()

    /// `lower_prio_no_advert`: do not answer an advert of lower priority with one's own.
    public var lowerPriorityNoAdvert: Bool = false
    /// `higher_prio_send_advert`: send a last advert before yielding to a higher priority.
    public var higherPrioritySendAdvert: Bool = false
    /// `owner_ignore_adverts`: with priority 255, drop every received advert.
    public var ownerIgnoreAdverts: Bool = false
    /// `skip_check_adv_addr`: kept, and without effect; addresses that differ are never a reason to drop an advert.
    public var skipCheckAdvertAddresses: Bool = false
    /// Scripts to run on transitions.
    public var notify = NotifyScripts()
    /// `promote_secondaries`: set the sysctl of that name on the interface.
    public var promoteSecondaries: Bool = false
    /// `address_lifetime`: what the kernel gives an address that nobody refreshes; zero is no end. 2…4294967294 s.
    public var addressLifetime: Duration = .seconds(10)
    /// `notify_priority_changes`, or the sync group's, or the global one.
    public var notifyPriorityChanges: Bool = false
    /// `strict_mode`: RFC rules were checked (there is nothing left to do with it at run time).
    public var strict: Bool = false
    /// False would be `no_accept`, which is refused for now.
    public var acceptPackets: Bool = true
    /// `auth_hmac`. Refused for now.
    public var hmac: HMACAuthentication?
    /// `smtp_alert`, or the global one.
    public var smtpAlert: Bool = false
    /// `linkbeat_use_polling`. Without effect for now.
    public var pollsLink: Bool = false
    /// `timer_expired_backup`, 1…254: the highest priority of the others. Without effect for now.
    public var timerExpiredBackup: Int?
    /// `kernel_rx_buf_size`: bytes; nil means what the policy gives. Without effect for now.
    public var receiveBuffer: Int?
    /// `lvs_sync_daemon_interface`: the old form of `lvs_sync_daemon`. Without effect for now.
    public var syncDaemonInterface: String?
    /// `arbiter`, or the sync group's: the name of the `arbiter` that it needs a lease from to hold its addresses; nil needs none.
    /// Of the members of a group either all have the same or none has one: `Model.leases` has what is asked for.
    public var arbiter: String?
    /// `lease_name`: what its lease is called behind the cluster's name; nil is the instance's name. Never set in a group.
    public var leaseName: String?
    /// `hello`, or `vrrp_hello`: it greets the other nodes of its virtual router.
    public var hello: Bool = true
    /// `debug`, 0…4. Without effect, as in keepalived.
    public var debugLevel: Int = 0

    public init(name: String, interface: String? = nil, virtualRouterID: UInt8, family: AddressFamily = .ipv4) {
        self.name = name
        self.interface = interface
        self.virtualRouterID = virtualRouterID
        self.family = family
        if family == .ipv6 {
            version = .v3
            multicastGroup = .v6(IPv6Address(high: 0xFF02 << 48, low: 0x12))
        }
    }

    /// Priority 255: the addresses are this node's own.
    public var isOwner: Bool { basePriority == 255 }
    /// Adverts go to peers one by one.
    public var isUnicast: Bool { !unicastPeers.isEmpty }
}

/// An entry of `unicast_peer`.
public struct UnicastPeer: Hashable, Sendable {
    public var address: IPAddress
    /// `min_ttl`: adverts that arrive with less are dropped.
    public var minTTL: UInt8?
    /// `max_ttl`: adverts that arrive with more are dropped.
    public var maxTTL: UInt8?

    public init(address: IPAddress, minTTL: UInt8? = nil, maxTTL: UInt8? = nil) {
        self.address = address
        self.minTTL = minTTL
        self.maxTTL = maxTTL
    }
}

/// How loudly a new master tells the link where its addresses are now: gratuitous ARP in IPv4, unsolicited
/// neighbour advertisements in IPv6.
public struct AnnouncementSettings: Hashable, Sendable {
    /// `garp_master_delay`: from the first burst to the second; zero is no second.
    public var masterDelay: Duration = .seconds(5)
    /// `garp_master_repeat`: announcements of each address in a burst, at least 1.
    public var masterRepeat: Int = 5
    /// `garp_master_refresh`: between refreshes while master; zero is never.
    public var masterRefresh: Duration = .zero
    /// `garp_master_refresh_repeat`: announcements of each address in a refresh. 0 only through `vrrp_min_garp`.
    public var refreshRepeat: Int = 1
    /// `garp_lower_prio_delay`: delay of the second burst after an advert of lower priority.
    public var lowerPriorityDelay: Duration = .seconds(5)
    /// `garp_lower_prio_repeat`: burst after an advert of lower priority; 0 is none.
    public var lowerPriorityRepeat: Int = 5
    /// `garp_extra_if all`: between announcements of addresses on other interfaces than the instance's own; zero is
    /// never. Without `all` keepalived means virtual MAC interfaces only, of which there are none.
    public var elsewhere: Duration = .zero
    /// `vrrp_garp_interval`: least time between two gratuitous ARPs on an interface; microseconds.
    public var garpInterval: Duration = .zero
    /// `vrrp_gna_interval`: the same for neighbour advertisements.
    public var gnaInterval: Duration = .zero

    public init() {}
}
