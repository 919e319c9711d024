/// nftables, iptables and ipsets, as `global_defs` names them. Aloft makes no rules yet.
public struct FirewallSettings: Hashable, Sendable {
    /// `vrrp_iptables [IN [OUT]]`.
    public struct Chains: Hashable, Sendable {
        /// INPUT unless written.
        public var input: String
        /// OUTPUT where nothing is written, none where only the other is.
        public var output: String?

        public init(input: String = "INPUT", output: String? = nil) {
            self.input = input
            self.output = output
        }
    }

    /// `nftables [TABLE]`; nil means that it is not written.
    public var table: String?
    /// `nftables_priority` of its chains.
    public var priority: Int = -1
    /// `nftables_ifindex`: sets hold indices of interfaces, not names.
    public var usesInterfaceIndex: Bool = false
    /// `nftables_counters`.
    public var counts: Bool = false
    /// `nftables_ipvs [TABLE]`: mark the packets of a group, so that IPVS has one service for it.
    public var serverTable: String?
    /// `nftables_ipvs_priority`.
    public var serverPriority: Int = -1
    /// `nftables_ipvs_start_fwmark`: the first mark that is given to a group.
    public var firstMark: Int = 1_000
    /// `vrrp_iptables`; nil means that it is not written.
    public var chains: Chains?
    /// `vrrp_ipsets`: names of the sets, in keepalived's order; empty means that none are used, nil keepalived's names.
    public var sets: [String]?
    /// `disable_local_igmp`: no reports for groups of the link.
    public var silencesLocalGroups: Bool = false

    public init() {}
}
