import Primitives

/// What a witness keeps on disk.
public struct WitnessState: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public var cluster: ClusterName
        public var lease: LeaseName
        public var record: LeaseRecord
        /// Versions up to this one may have been granted since.
        public var reserved: UInt64

        public init(cluster: ClusterName, lease: LeaseName, record: LeaseRecord, reserved: UInt64) {
            self.cluster = cluster
            self.lease = lease
            self.record = record
            self.reserved = reserved
        }
    }

    /// Of leases that nothing is known of.
    public var floor: LeaseHeight
    /// The longest lease that may have been granted.
    public var longest: Duration
    /// Of several about one lease, the last counts.
    public var entries: [Entry] = []

    public init(floor: LeaseHeight, longest: Duration) {
        self.floor = floor
        self.longest = longest
    }
}

/// What a witness asks of the world. The stores of a turn are on disk before anything that it sends leaves.
public enum WitnessEffect: Hashable, Sendable {
    case store(WitnessState.Entry)
    case send(WitnessDatagram, to: WitnessPeer)
}

/// The planted bugs of this room's tests: each breaks a rule that makes a witness safe, and the tests' seeds find each.
enum WitnessBug: String, Hashable, Sendable, CaseIterable {
    /// It takes up its work at once after a start.
    case noQuietTime
    /// Leases from before the start begin where the file says.
    case noFloor
    /// Its answers leave before the disk has the write.
    case grantsBeforeStoring
    /// A request of another life is carried out.
    case lifeIgnored
    /// A write stands whatever stands.
    case comparesNothing
    /// A taking during the quiet time passes for a renewal.
    case renewsAnybody
}
