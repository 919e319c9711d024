import Primitives

/// An entry of `virtual_ipaddress` or `virtual_ipaddress_excluded`: an address that the master holds.
public struct VirtualAddress: Hashable, Sendable {
    /// The broadcast address that goes with it (IPv4).
    public enum Broadcast: Hashable, Sendable {
        case none
        /// `+`: the host bits set.
        case automatic
        /// `-`: the host bits cleared.
        case cleared
        case address(IPv4Address)
    }

    /// How long a source address is preferred for new connections.
    public enum Lifetime: Hashable, Sendable {
        case forever
        /// Zero is deprecated at once: usable, but never chosen as a source.
        case seconds(UInt32)
    }

    /// The address and its network. Without a length it is a host: /32 or /128.
    public var prefix: IPPrefix
    /// `dev`; nil means the instance's interface, or `default_interface` when it has none.
    public var device: String?
    /// `scope` as the kernel numbers it: 0 global, 200 site, 253 link, 254 host, 255 nowhere. IPv4.
    public var scope: UInt8 = 0
    public var broadcast: Broadcast = .none
    /// `label`, at most 15 bytes. IPv4.
    public var label: String?
    /// `peer`: the other end of a point-to-point link; same family.
    public var peer: IPPrefix?
    /// `home`: IFA_F_HOMEADDRESS. IPv6.
    public var home: Bool = false
    /// `-nodad`: let the kernel look for duplicates first. Off by default, since it makes the address wait. IPv6.
    public var duplicateDetection: Bool = false
    /// `mngtmpaddr`: IFA_F_MANAGETEMPADDR. IPv6.
    public var manageTemporary: Bool = false
    /// `noprefixroute`: IFA_F_NOPREFIXROUTE.
    public var noPrefixRoute: Bool = false
    /// `autojoin`: IFA_F_MCAUTOJOIN.
    public var autojoin: Bool = false
    /// `no_track`: the loss of this address is not the instance's affair.
    public var noTrack: Bool = false
    /// `preferred_lft`; unless written, 0 for an IPv6 host address (/128) and forever for the rest.
    public var preferredLifetime: Lifetime

    public init(_ prefix: IPPrefix, device: String? = nil) {
        self.prefix = prefix
        self.device = device
        let isHost = prefix.address.family == .ipv6 && prefix.length == 128
        preferredLifetime = isHost ? .seconds(0) : .forever
    }
}
