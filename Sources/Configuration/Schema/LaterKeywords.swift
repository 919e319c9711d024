/// Names of keywords in blocks that are skipped whole for now. They are known, so that a keyword in the wrong place is
/// told where it belongs, and completion offers them; checks of their values come with the rooms that use them.
enum LaterKeywords {
    /// Block paths with the names of their keywords.
    static let blocks: [(path: String, names: [String])] = [
        (
            "bfd_instance",
            [
                "source_ip", "neighbor_ip", "neighbour_ip", "min_rx", "min_tx", "idle_tx", "multiplier", "passive",
                "ttl", "hoplimit", "max_hops", "multihop", "weight", "vrrp", "checker",
            ]
        ),
        (
            "garp_group",
            [
                "garp_interval", "gna_interval", "interface", "interfaces",
            ]
        ),
        (
            "track_file",
            [
                "file", "weight", "init_file",
            ]
        ),
        (
            "track_group",
            [
                "group"
            ]
        ),
        (
            "vrrp_instance/auth_hmac",
            [
                "key", "active_key", "time_window", "anti_replay", "mode",
            ]
        ),
        (
            "vrrp_instance/virtual_routes#encap",
            []
        ),
        (
            "vrrp_instance/virtual_routes",
            [
                "to", "via", "gw", "or", "dev", "oif", "src", "from", "as", "tos", "dsfield", "table", "protocol",
                "scope", "metric", "priority", "preference", "onlink", "encap", "expires", "mtu", "hoplimit",
                "advmss", "rtt", "rttvar", "reordering", "window", "cwnd", "ssthresh", "realms", "rto_min",
                "initcwnd", "initrwnd", "features", "quickack", "congctl", "pref", "ttl-propagate",
                "fastopen_no_cookie", "add", "prepend", "append", "nexthop", "no_track", "track_group", "vrf",
                "inet", "inet6", "unicast", "local", "broadcast", "brd", "anycast", "multicast", "throw",
                "unreachable", "prohibit", "blackhole", "nat", "xresolve",
            ]
        ),
        (
            "vrrp_instance/virtual_rules",
            [
                "from", "to", "table", "lookup", "not", "preference", "order", "priority", "tos", "dsfield",
                "fwmark", "realms", "suppress_prefixlength", "sup_pl", "suppress_ifgroup", "sup_group", "dev",
                "iif", "oif", "tunnel-id", "uidrange", "l3mdev", "protocol", "ipproto", "sport", "dport",
                "no_track", "track_group", "type", "goto", "nop", "inet", "inet6",
            ]
        ),
        (
            "vrrp_track_file",
            [
                "file", "weight", "init_file",
            ]
        ),
        (
            "vrrp_track_process",
            [
                "process", "param_match", "weight", "quorum", "quorum_max", "delay", "terminate_delay",
                "fork_delay", "full_command",
            ]
        ),
    ]
}
