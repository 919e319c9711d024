import Primitives

/// What `global_defs` says of IPVS: `lvs_…` and its relatives.
public struct ForwardingSettings: Hashable, Sendable {
    /// `lvs_timeouts`: of connections, 0…2678400 s; nil leaves the kernel's value.
    public struct Timeouts: Hashable, Sendable {
        public var tcp: Duration?
        public var tcpFin: Duration?
        public var udp: Duration?

        public init() {}
    }

    /// `lvs_flush_on_stop`.
    public enum FlushOnStop: UInt8, Hashable, Sendable {
        /// Each real server is removed on its own.
        case off
        /// The whole table is flushed.
        case all
        /// `VS`: each virtual server is removed, and the kernel removes its real servers.
        case virtualServers
    }

    /// `lvs_sync_daemon`: connections are told to the other director.
    public struct SyncDaemon: Hashable, Sendable {
        public var interface: String
        /// The instance whose role the daemon follows; nil means that it sends and receives at once.
        public var instance: String?
        /// `id`, 0…255; nil means the instance's virtual router id, or 0.
        public var id: Int?
        /// `maxlen`, 1…65507 bytes of a packet; nil means the kernel's default.
        public var maximumLength: Int?
        /// `port`, 1…65535.
        public var port: Int = 8848
        /// `ttl`, 1…255; nil means the kernel's default.
        public var ttl: Int?
        /// `group`; nil means 224.0.0.81.
        public var group: IPAddress?

        public init(interface: String) { self.interface = interface }
    }

    /// `data_plane`: what forwards.
    public enum Plane: String, Hashable, Sendable, CaseIterable {
        /// `auto`, and where none is written: ipvs where the kernel has ip_vs, else nftables.
        case automatic = "auto"
        case ipvs
        case nftables
    }

    public var plane: Plane = .automatic
    public var timeouts = Timeouts()
    /// `lvs_flush`: empty the table at the start.
    public var flushesAtStart: Bool = false
    public var flushOnStop: FlushOnStop = .off
    public var syncDaemon: SyncDaemon?
    /// `lvs_notify_fifo`: events of virtual and real servers.
    public var notifyFIFO: NotifyFIFO?
    /// `checker_log_all_failures`: log failures that are forgiven too.
    public var logsAllFailures: Bool = false
    /// `rs_init_notifies`: `notify_up` runs for servers that are up at the start.
    public var notifiesAtStart: Bool = false

    public init() {}
}
