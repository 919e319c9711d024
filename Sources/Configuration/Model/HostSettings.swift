/// Where the daemon runs and what it is called: keywords of the top.
public struct HostSettings: Hashable, Sendable {
    /// `net_namespace`: all processes run in it.
    public var namespace: String?
    /// `net_namespace_ipvs`: the one that IPVS is set up in; empty means the default one.
    public var serverNamespace: String?
    /// `namespace_with_ipsets`.
    public var usesSetsInNamespace: Bool = false
    /// `instance`: the name of this daemon among several.
    public var instance: String?
    /// `use_pid_dir`: pid files go to a directory of their own.
    public var usesPidDirectory: Bool = false
    /// `child_wait_time`: how long children may take to end.
    public var childWait: Duration = .seconds(5)
    /// `linkbeat_use_polling`: poll the link of every interface.
    public var pollsLinks: Bool = false

    public init() {}
}

/// Where `global_defs` says that files are.
public struct FileSettings: Hashable, Sendable {
    /// `data_use_instance`: names of dumps have those of the instance and the namespace in them.
    public var namesInstance: Bool = false
    /// `json_version`, 1…2.
    public var jsonVersion: Int = 1
    /// `json_dump_file`: where keepalived dumps its state as JSON.
    public var jsonDump: String?
    /// `iproute_usr_dir`: tables of names of iproute2; nil means `/usr/share/iproute2`.
    public var iprouteShared: String?
    /// `iproute_etc_dir`: what overrides them; nil means `/etc/iproute2`.
    public var iprouteLocal: String?

    public init() {}
}
