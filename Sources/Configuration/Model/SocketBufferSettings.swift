/// Receive buffers of sockets, as `global_defs` sizes them. Aloft's have a size of their own.
public struct SocketBufferSettings: Hashable, Sendable {
    /// A buffer of a netlink socket.
    public struct Buffer: Hashable, Sendable {
        /// Bytes; nil means the kernel's default.
        public var size: Int?
        /// `…_force`: beyond the kernel's limit.
        public var isForced: Bool = false

        public init() {}
    }

    /// `vrrp_rx_bufs_policy`.
    public enum Policy: Hashable, Sendable {
        /// The interface's MTU, times the multiplier.
        case mtu
        /// The size of an advert, times the multiplier.
        case advert
        case bytes(Int)
    }

    /// `vrrp_netlink_cmd_rcv_bufs`.
    public var vrrpCommands = Buffer()
    /// `vrrp_netlink_monitor_rcv_bufs`.
    public var vrrpMonitor = Buffer()
    /// `lvs_netlink_cmd_rcv_bufs`.
    public var lvsCommands = Buffer()
    /// `lvs_netlink_monitor_rcv_bufs`.
    public var lvsMonitor = Buffer()
    /// `process_monitor_rcv_bufs`.
    public var processMonitor = Buffer()
    /// `vrrp_rx_bufs_policy`; nil means the kernel's default.
    public var policy: Policy?
    /// `vrrp_rx_bufs_multiplier`, at least 1.
    public var multiplier: Int = 3

    public init() {}
}
