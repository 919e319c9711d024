import Primitives

/// A witness: registers that are changed only by compare-and-swap, for any number of clusters. Pure: equal inputs give equal outputs.
///
/// It does not count leases; holders and takers do (`LeaseMachine`). What it owes them is that a write stands only where the record that
/// it replaces is what stands, and that this is so across its own accidents: a crash, a state file that is gone, torn, or an older copy,
/// and a virtual machine that goes on from a snapshot. It cannot tell these from each other, so it treats every start as the worst:
///
/// - **Life.** Each start has a new one, and a request of another changes nothing. What was under way to the old one is lost.
/// - **Quiet time.** For the longest lease that could have been granted, times 1+Φ for the largest Φ, nothing is *taken*. When it is over,
///   everything that was granted before has run out by every clock.
/// - **Heights.** A record that was read from the file shows a version above all that may have been granted since it was written down:
///   `reserve` more than its own, and at least what the wall clock gives (`LeaseHeight.init(unixNanoseconds:)`). What a node knows of a
///   lease and the witness does not (`WitnessQuestion.known`) raises it further.
///
/// **Who held before.** A record from before the start that nobody renewed by the end of the quiet time is shown as *free*, with an epoch
/// of at least what the wall clock gives; so is a lease that nothing is known of. A free record is taken at once, which is safe: its
/// holder, whoever that was, ran out during the quiet time. The next epoch is one above the shown one, and so above every epoch that was
/// given out and then forgotten.
///
/// **Renewals during the quiet time are granted**, and so a restart of the witness costs no holder its lease. A renewal (the holder,
/// incarnation and epoch that stand) is made only by a machine that holds at that moment by its own clock, and it names this life, which
/// it had learnt before: so it held after the witness stopped. Then nobody else did: another's taking would have been granted before the
/// stop, after this one had run out. An old copy of the file may show a record whose holder has lost it since; that one renews no more,
/// and takes under a new epoch only, which has to wait. And an epoch that follows one renewed in this life is a new one: had it been given
/// out already, its holder could not have renewed.
///
/// **On disk** stands every taking, and every renewal with other terms, before its answer leaves; and a version that renewals stay below. A
/// release need not: what a restart forgets of it is found out by the quiet time.
///
/// What this cannot heal: a file that is lost or old *and* a wall clock that went back *and* no node that remembers, all at once. Then an
/// epoch may come again. Two holders there are not even then.
public struct WitnessMachine: Sendable {
    public struct Settings: Hashable, Sendable {
        /// The longest lease that is granted.
        public var longest: Duration
        public var leasesPerCluster = 4096
        /// Of all clusters.
        public var leases = 65536
        public var subscribersPerLease = 16
        public var longestSubscription: Duration = .seconds(10)

        public init(longest: Duration = .seconds(3)) { self.longest = longest }
    }

    /// What stands about one lease.
    struct Register: Hashable, Sendable {
        var record: LeaseRecord
        /// The generation of this witness in which it was written or raised.
        var generation: UInt64
        var since: Instant
        /// What is on disk: of `record` perhaps an older version.
        var stored: LeaseRecord
        /// Renewals with versions below this one need not be written down.
        var reserved: UInt64
        var subscribers: [Subscriber] = []
    }

    struct Subscriber: Hashable, Sendable {
        var peer: WitnessPeer
        var nonce: WitnessNonce
        var until: Deadline
    }

    struct Cluster: Sendable {
        var name: ClusterName
        var registers: [LeaseName: Register] = [:]
        var counters = WitnessCounters()
    }

    struct Undo: Sendable {
        var cluster: Int
        var lease: LeaseName
        var register: Register?
    }

    /// How far versions are reserved ahead: four days of renewals every third of a second.
    static let reserve: UInt64 = 1 << 20
    /// Nothing above is believed, so that there is always a next.
    static let highest = LeaseHeight(epoch: Epoch(1 << 62), version: 1 << 62)

    public let settings: Settings
    public private(set) var life: WitnessLife
    public private(set) var born: Instant
    public private(set) var quietUntil: Deadline
    /// The longest lease that may still run: what a state file must say, so that a successor with a shorter longest waits long enough.
    private var longestBefore: Duration
    var generation: UInt64 = 1
    /// Where leases begin that nothing is known of.
    public internal(set) var floor: LeaseHeight
    var clusters: [Cluster] = []
    var places: [ClusterName: Int] = [:]
    var leaseCount = 0
    /// What was done since the last `commit`, for the disk that fails.
    var undo: [Undo] = []
    /// The errno of the disk; nil: it works. While it is set nothing is asked to be written down.
    public var storageError: UInt32?
    /// Datagrams that were not listened to, as the shell counts them: strangers, forgeries, malformed.
    public var unheard = WitnessCounters()
    var bug: WitnessBug?

    /// - Parameters:
    ///   - state: what the file had; nil: nothing, or nothing that can be believed.
    ///   - wallClock: nanoseconds since 1970.
    public init(
        _ settings: Settings, life: WitnessLife, state: WitnessState?, wallClock: Int64, at now: Instant
    ) {
        self.settings = settings
        self.life = life
        born = now
        longestBefore = max(settings.longest, state?.longest ?? .zero)
        floor = LeaseHeight(unixNanoseconds: wallClock)
        if let state { floor.rise(to: state.floor) }
        quietUntil = now
        for entry in state?.entries ?? [] { load(entry, at: now) }
        begin(at: now)
    }

    init(
        _ settings: Settings, life: WitnessLife, state: WitnessState?, wallClock: Int64, at now: Instant,
        bug: WitnessBug?
    ) {
        self.init(settings, life: life, state: state, wallClock: wallClock, at: now)
        self.bug = bug
        if bug == .noQuietTime { quietUntil = now }
        if bug == .noFloor { floor = state?.floor ?? LeaseHeight() }
    }

    private mutating func load(_ entry: WitnessState.Entry, at now: Instant) {
        let place = place(of: entry.cluster)
        var record = entry.record
        record.version = max(record.version, entry.reserved)
        floor.rise(to: LeaseHeight(epoch: record.epoch))
        if clusters[place].registers[entry.lease] == nil { leaseCount += 1 }
        clusters[place].registers[entry.lease] = Register(
            record: record, generation: 0, since: now, stored: record, reserved: record.version)
    }

    /// From here on nothing is known to have been granted by this life.
    private mutating func begin(at now: Instant) {
        let factor = 1000 + Int64(LeaseTerms.allowedDrift.upperBound)
        let quiet = longestBefore.nanoseconds.multipliedReportingOverflow(by: factor)
        quietUntil = now + .nanoseconds(quiet.overflow ? .max : (quiet.partialValue + 999) / 1000)
        for place in clusters.indices {
            clusters[place].counters = WitnessCounters()
            clusters[place].registers = clusters[place].registers.mapValues { register in
                var register = register
                register.generation = 0
                register.record.version = max(register.record.version, register.reserved, floor.version)
                // A file or a memory that is older than what was granted looks like any other. The wall clock tells epochs of this life from
                // all before it; who holds goes on under a higher one, with its next renewal but one.
                register.record.epoch = max(register.record.epoch, floor.epoch)
                register.reserved = min(register.record.version, Self.highest.version) + Self.reserve
                register.stored = register.record
                register.subscribers = []
                return register
            }
        }
    }

    /// The machine that this runs on is another copy of itself: memory, file and wall clock may be older than what nodes know. The state must be
    /// written down whole (`state`) before anything of this life leaves.
    public mutating func becomeAnother(life: WitnessLife, wallClock: Int64, at now: Instant) {
        self.life = life
        born = now
        generation += 1
        undo = []
        longestBefore = max(longestBefore, settings.longest)
        floor.rise(to: LeaseHeight(unixNanoseconds: wallClock))
        for cluster in clusters {
            floor.rise(to: LeaseHeight(epoch: cluster.registers.values.lazy.map(\.record.epoch).max() ?? .none))
        }
        begin(at: now)
    }

    /// For a planted bug.
    mutating func endQuiet(at now: Instant) { quietUntil = now }

    // MARK: - Clusters

    public func place(named name: ClusterName) -> Int? { places[name] }

    /// Finds or makes the cluster. Leases of one that is no longer in the key file stay: it may come back before they have run out.
    @discardableResult
    public mutating func place(of name: ClusterName) -> Int {
        if let place = places[name] { return place }
        clusters.append(Cluster(name: name))
        places[name] = clusters.count - 1
        return clusters.count - 1
    }

    public var clusterNames: [ClusterName] { clusters.map(\.name) }

    // MARK: - What must be on disk

    /// All of it, in the order of clusters and names: what a state file begins with.
    public func state(at now: Instant) -> WitnessState {
        var state = WitnessState(
            floor: LeaseHeight(epoch: floor.epoch), longest: now >= quietUntil ? settings.longest : longestBefore)
        for cluster in clusters {
            for (lease, register) in cluster.registers.sorted(by: { $0.key.description < $1.key.description }) {
                state.entries.append(
                    WitnessState.Entry(
                        cluster: cluster.name, lease: lease, record: register.record, reserved: register.reserved))
            }
        }
        return state
    }

    /// What was asked to be written down is written down.
    public mutating func commit() { undo.removeAll(keepingCapacity: true) }

    /// It is not, and no answer since the last `commit` has left: all is as it was then.
    public mutating func rollBack() {
        for step in undo.reversed() {
            if step.register == nil, clusters[step.cluster].registers[step.lease] != nil { leaseCount -= 1 }
            clusters[step.cluster].registers[step.lease] = step.register
        }
        undo = []
    }

    // MARK: - What stands

    public func quiet(at now: Instant) -> Duration { max(.zero, quietUntil - now) }

    /// What is shown of a lease, and compared with.
    func standing(_ register: Register?, at now: Instant) -> LeaseRecord {
        guard let register else { return Self.free(floor) }
        guard register.generation != generation, now >= quietUntil,
            !register.record.isFree || register.record.epoch < floor.epoch
        else { return register.record }
        // From before, and nobody renewed it.
        var height = LeaseHeight(register.record)
        height.epoch = max(height.epoch, floor.epoch)
        height.version += 1
        return Self.free(height, after: register.record)
    }

    /// A free record that no node wrote. Nobody waits for its terms, and nobody's are widened by them.
    ///
    /// - Parameter doubtful: what stood before. Its holder may still go on by promises of its members: nobody else is to take, and
    ///   a member that was restarted waits for as long as it may have promised.
    static func free(_ height: LeaseHeight, after doubtful: LeaseRecord? = nil) -> LeaseRecord {
        let members = doubtful?.members ?? .anybody
        return LeaseRecord(
            holder: nil, incarnation: Incarnation(0), request: 0, epoch: height.epoch,
            terms: members.isAnybody ? .shortest : doubtful?.terms ?? .shortest, version: height.version,
            members: members)
    }
}
