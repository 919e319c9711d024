import Primitives

/// What direct routing must know of the networks that a director is part of.
public struct NFTablesNetwork: Hashable, Sendable {
    /// An interface at which packets come in.
    public struct Device: Hashable, Sendable, Comparable {
        public var name: String
        /// Its frames begin with MAC addresses.
        public var isEthernet: Bool

        public init(_ name: String, isEthernet: Bool = true) {
            self.name = name
            self.isEthernet = isEthernet
        }

        public static func < (a: Device, b: Device) -> Bool { a.name < b.name }
    }

    /// How a server is reached.
    public enum Way: Hashable, Sendable {
        /// It is a neighbour at this interface.
        case neighbour(InterfaceIndex)
        /// It is this host.
        case local
        /// Through a router, whose MAC address is not the server's.
        case router
        /// Not at the moment.
        case none
    }

    public var devices: Set<Device> = []
    /// Of each server that was asked about.
    public var ways: [IPAddress: Way] = [:]

    public init() {}

    /// Whether a server can get packets now.
    func reaches(_ address: IPAddress) -> Bool {
        switch ways[address] {
        case .neighbour, .local: true
        case .router, .none?, nil: false
        }
    }
}
