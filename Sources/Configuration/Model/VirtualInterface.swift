import Primitives

/// An interface of its own for an instance: `use_vmac` or `use_ipvlan`. Refused for now.
public struct VirtualInterface: Hashable, Sendable {
    /// How the virtual interfaces of a link see each other.
    public enum Mode: String, Hashable, Sendable, CaseIterable {
        case bridge
        case `private`
        case vepa
    }

    public enum Kind: Hashable, Sendable {
        /// `use_vmac`: macvlan with this hardware address. 5 bytes are completed with the virtual router id; empty is the
        /// RFC's 00:00:5e:00:01 or 00:00:5e:00:02 and the virtual router id.
        case macvlan(address: [UInt8])
        /// `use_ipvlan`, with its own address in IPv4.
        case ipvlan(address: IPPrefix?, Mode)
    }

    public var kind: Kind
    /// nil means `vmac_prefix` and the virtual router id.
    public var name: String?
    /// `group`: the interface group, a number or a name; nil means that of the link below.
    public var group: String?
    /// `netlink_notify_msg`.
    public var notifiesNetlink: Bool = false

    public init(_ kind: Kind) { self.kind = kind }
}
