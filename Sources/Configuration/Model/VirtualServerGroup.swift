import Primitives

/// A `virtual_server_group`: addresses and firewall marks that are served by the same real servers.
public struct VirtualServerGroup: Hashable, Sendable {
    public enum Entry: Hashable, Sendable {
        /// `IP[-LAST|-IP2|/LEN] [PORT]`: every address from `first` to `last`, both included, of one family.
        /// Port 0 is every port, and then the virtual servers are persistent.
        case addresses(first: IPAddress, last: IPAddress, port: UInt16)
        /// `fwmark N [inet|inet6]`; never 0. Without a family it is that of the real servers.
        case firewallMark(UInt32, AddressFamily?)
    }

    /// The block's name: unique, never empty.
    public var name: String
    /// Never empty.
    public var entries: [Entry]

    public init(name: String, entries: [Entry]) {
        self.name = name
        self.entries = entries
    }
}
