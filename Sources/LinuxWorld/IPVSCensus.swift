import CLinux

/// How many services ip_vs has, asked without a walk through them (IP_VS_SO_GET_INFO of linux/ip_vs.h, in the network namespace in which this was
/// made). The kernel counts those of IPv4 alone.
public struct IPVSCensus: ~Copyable {
    private let descriptor: FileDescriptor

    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try check(aloft_ipvs_socket(), .socket, "open a socket to ask ip_vs"))
    }

    /// Nil where the kernel does not say.
    public func services() -> UInt32? {
        let count = aloft_ipvs_service_count(descriptor.rawValue)
        return count < 0 ? nil : UInt32(truncatingIfNeeded: count)
    }
}
