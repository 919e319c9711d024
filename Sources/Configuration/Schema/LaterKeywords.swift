/// Names of keywords in blocks that are skipped whole for now. They are known, so that a keyword in the wrong place is
/// told where it belongs, and completion offers them; checks of their values come with the rooms that use them.
enum LaterKeywords {
    /// Block paths with the names of their keywords.
    static let blocks: [(path: String, names: [String])] = [
        (
            "SSL",
            [
                "password", "ca", "certificate", "key",
            ]
        ),
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
            "virtual_server",
            [
                "ip_family", "retry", "delay_before_retry", "warmup", "connect_timeout", "delay_loop",
                "inhibit_on_failure", "lb_algo", "lvs_sched", "hashed", "ops", "flag-1", "flag-2", "flag-3",
                "sh-port", "sh-fallback", "mh-port", "mh-fallback", "lb_kind", "lvs_method", "persistence_engine",
                "persistence_timeout", "persistence_granularity", "protocol", "ha_suspend", "smtp_alert",
                "virtualhost", "snmp_name", "alpha", "omega", "quorum_up", "quorum_down", "quorum", "hysteresis",
                "weight", "sorry_server", "sorry_server_inhibit", "sorry_server_lvs_method", "real_server",
            ]
        ),
        (
            "virtual_server/real_server",
            [
                "weight", "lvs_method", "uthreshold", "lthreshold", "inhibit_on_failure", "notify_up",
                "notify_down", "alpha", "retry", "delay_before_retry", "warmup", "connect_timeout", "delay_loop",
                "smtp_alert", "virtualhost", "snmp_name", "MISC_CHECK", "SMTP_CHECK", "TCP_CHECK", "PING_CHECK",
                "UDP_CHECK", "DNS_CHECK", "FILE_CHECK", "BFD_CHECK", "HTTP_GET", "SSL_GET",
            ]
        ),
        (
            "virtual_server/real_server/BFD_CHECK",
            [
                "name", "alpha",
            ]
        ),
        (
            "virtual_server/real_server/DNS_CHECK",
            [
                "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark",
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures", "type", "name",
            ]
        ),
        (
            "virtual_server/real_server/FILE_CHECK",
            [
                "track_file", "weight",
            ]
        ),
        (
            "virtual_server/real_server/HTTP_GET",
            [
                "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark",
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures", "nb_get_retry",
                "virtualhost", "http_protocol", "enable_sni", "sni_name", "fast_recovery", "url",
            ]
        ),
        (
            "virtual_server/real_server/HTTP_GET/url",
            [
                "path", "digest", "status_code", "virtualhost", "regex", "regex_no_match", "regex_options",
                "regex_min_offset", "regex_max_offset", "regex_stack",
            ]
        ),
        (
            "virtual_server/real_server/MISC_CHECK",
            [
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures", "misc_path",
                "misc_timeout", "misc_dynamic", "user",
            ]
        ),
        (
            "virtual_server/real_server/PING_CHECK",
            [
                "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark",
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures",
            ]
        ),
        (
            "virtual_server/real_server/SMTP_CHECK",
            [
                "helo_name", "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout",
                "fwmark", "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures",
                "host",
            ]
        ),
        (
            "virtual_server/real_server/SSL_GET",
            [
                "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark",
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures", "nb_get_retry",
                "virtualhost", "http_protocol", "enable_sni", "sni_name", "fast_recovery", "tls_compliant", "url",
            ]
        ),
        (
            "virtual_server/real_server/SSL_GET/url",
            [
                "path", "digest", "status_code", "virtualhost", "regex", "regex_no_match", "regex_options",
                "regex_min_offset", "regex_max_offset", "regex_stack", "tls_compliant",
            ]
        ),
        (
            "virtual_server/real_server/TCP_CHECK",
            [
                "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark",
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures",
            ]
        ),
        (
            "virtual_server/real_server/UDP_CHECK",
            [
                "connect_ip", "connect_port", "bindto", "bind_port", "bind_if", "connect_timeout", "fwmark",
                "retry", "delay_before_retry", "warmup", "delay_loop", "alpha", "log_all_failures", "payload",
                "require_reply", "min_reply_length", "max_reply_length",
            ]
        ),
        (
            "virtual_server_group",
            [
                "IPADDR", "fwmark",
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
