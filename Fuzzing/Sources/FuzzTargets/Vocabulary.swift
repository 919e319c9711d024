import Configuration

/// Words for `ConfigurationMutator` to put where others stood.
enum Vocabulary {
    /// Every keyword that the schema knows.
    static let keywords: [[UInt8]] = Schema.blocks.flatMap(\.keywords).map { Array($0.name.utf8) }

    static let numbers: [[UInt8]] = bytes([
        "0", "1", "-1", "2", "3", "8", "50", "51", "100", "150", "253", "254", "-254", "255", "256", "0.01", "0.001",
        "1.5",
        "40.95", "40.96", "1e9", "0x10", "08", "+7", "-0", "65535", "65536", "2147483647", "2147483648", "4294967295",
        "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "99999999999999999999999999",
        "0.0000004", ".", "-", "1.2.3", "1,2",
    ])

    static let addresses: [[UInt8]] = bytes([
        "10.0.0.1", "10.0.0.2", "192.0.2.100/24", "0.0.0.0", "255.255.255.255", "224.0.0.18", "256.0.0.1",
        "10.0.0.1/33",
        "10.0.0.0/8", "10.0.0.1-254", "::", "::1", "fe80::1", "fe80::1/64", "2001:db8::1", "ff02::12",
        "::ffff:10.0.0.1",
        "1:2:3:4:5:6:7:8:9", "fe80::1%eth0", "2001:db8::/129",
    ])

    static let values: [[UInt8]] = bytes([
        "on", "off", "yes", "no", "true", "false", "MASTER", "BACKUP", "PASS", "AH", "eth0", "eth1", "VI_1", "VI_2",
        "G", "chk",
        "dev", "scope", "label", "brd", "weight", "reverse", "noreverse", "min_ttl", "forever", "link", "never", "all",
        "root",
        "/bin/true", "\"/bin/sh -c 'exit 1'\"", "\"\"", "''", "rr", "NAT", "DR", "TCP", "UDP", "80", "http", "fwmark",
        "via",
        "nosuch", "$A", "${A}", "$A=", "${_PWD}", "${_RANDOM 1 9}", "@left", "@^left", "~SEQ(A, 1, 3)",
        "~SEQx(B, 0xff)", "~LST(A, x, y)", "~LST({A, B}, {1, 2})", "nosuch", "prioritty", "é", "日本", "\u{FEFF}",
        "secret-word-1", "TUN", "SCTP", "lblc", "sh", "sip", "auto", "ipvs", "nftables", "primary", "replica", "master",
        "slave", "GET", "HEAD", "POST", "get", "\"Authorization: Bearer secret-word-1\"", "X-A:", ":", "'{\"a\": 1}'",
        "checks.0.state", "a[0]", "$.a", "200-299", "reverse", "2147483647",
        "a-name-that-is-longer-than-an-interface",
    ])

    static let marks: [[UInt8]] = bytes([
        "{", "}", "\"", "'", "\\", "\n", " ", "\t", "\r\n", "#", "!", "$", "${", "@", "~", "%", "/", "\u{0}", "{\n",
        "}\n", "{}",
        "\\\n", "\\#", "\\x4", "\\", "\u{1B}[31m", "\u{85}", "\u{202E}", "\u{301}",
    ])

    /// What speaks to the language rather than to a block.
    static let directives: [[UInt8]] = bytes([
        "include main.conf", "include other.conf", "include *.conf", "include {a,b}*", "includea nosuch*", "include \"",
        "include",
        "%%other.conf", "%%b.conf", "@main", "@^main x", "@^", "$A=1", "$A=$A $A", "$B=\\", "$BODY(x)=$x", "$A", "${A}",
        "$BODY(\"1 2\")", "${_PWD}", "${_RANDOM}", "${_INSTANCE}", "~SEQ(i, 1, 9) x $i", "~SEQ(i, 9, 1, -2) $i",
        "~SEQ(i,1,1000000)",
        "~SEQ(", "~LST(i, a, b) $i", "~LST({i,j}, {a,b}, {c,d})", "# comment", "! comment", "*/",
    ])

    static let all = keywords + numbers + addresses + values + marks + directives

    private static func bytes(_ words: [String]) -> [[UInt8]] { words.map { Array($0.utf8) } }
}
