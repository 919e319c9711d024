import Primitives

/// One virtual router (RFC 9568 §6, RFC 3768 §6). Pure: equal inputs give equal outputs.
///
/// The machine holds deadlines, not timers: the driver asks for `nextDeadline` and calls `advance(to:)`,
/// which re-checks what is due. Beside the RFC's three states there is keepalived's FAULT: something that
/// is needed to serve is missing.
///
/// Deviations, each in docs/differences.md:
/// - a pre-emption delay (`preempt_delay`) and a refusal to pre-empt (`nopreempt`) as keepalived has them;
/// - where this router names exactly one unicast peer, that peer's priority 0 is answered at once
///   (`vrrp.backup.sole-rival-released`): skew time lets several backups take turns, and there are none;
/// - a member of a sync group that could be master waits for the others, and one under a lease for that.
public struct VirtualRouter: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// Not started, or stopped. May become backup, master (an owner), or fault.
        case initialize
        /// Listens. May become master when the deadline passes, or fault.
        case backup(masterDown: Deadline)
        /// Holds the addresses and advertises. May become backup or fault.
        case master(nextAdvert: Deadline)
        /// Something needed is missing. May become backup, or master (an owner).
        case fault([FaultReason])
    }

    public private(set) var settings: Settings
    public internal(set) var state: State = .initialize
    public internal(set) var environment = Environment()
    /// The interval by which the master's silence is judged: learnt from it in VRRPv3.
    public internal(set) var masterInterval: Centiseconds
    /// The last router heard as master.
    public internal(set) var lastHeard: Heard?
    /// Until when a lower master is left alone; nil when none was heard.
    var preemptNotBefore: Instant?
    /// Its master-down deadline passed, and it waits for consent: its sync group's, or a lease.
    public internal(set) var wantsMaster = false
    /// When to announce the addresses again, and whether it is for a lower priority.
    var secondBurst: (due: Deadline, count: Int)? {
        get { secondBurstDue.map { ($0, secondBurstCount) } }
        set { (secondBurstDue, secondBurstCount) = (newValue?.due, newValue?.count ?? 0) }
    }
    private var secondBurstDue: Deadline?
    private var secondBurstCount = 0
    var nextRefresh: Deadline?
    /// The same for addresses on other interfaces (`garp_extra_if`).
    var nextElsewhere: Deadline?

    /// A master that was heard.
    public struct Heard: Hashable, Sendable {
        public var address: IPAddress
        public var priority: Priority
        public var interval: Centiseconds
        public var at: Instant
    }

    /// What surrounds the router: facts that come from interfaces, scripts and the group.
    public struct Environment: Hashable, Sendable {
        /// In a fixed order; empty when it may serve.
        public var faults: [FaultReason]
        /// What the weighted trackers add to the priority.
        public var priorityDelta: Int
        /// What it sends from: decides between equal priorities.
        public var source: IPAddress?

        public init(faults: [FaultReason] = [], priorityDelta: Int = 0, source: IPAddress? = nil) {
            self.faults = faults
            self.priorityDelta = priorityDelta
            self.source = source
        }
    }

    public init(_ settings: Settings) {
        self.settings = settings
        masterInterval = settings.interval
    }

    /// What it will send from, before it starts.
    public mutating func prepare(source: IPAddress?) { environment.source = source }

    /// The interval that a predecessor learnt (VRRPv3): a successor that judged a slower master by its own
    /// would take over from it.
    public mutating func prepare(masterInterval: Centiseconds) {
        if settings.format.version == .v3, case .initialize = state { self.masterInterval = masterInterval }
    }

    // MARK: - What others see

    public var role: Role {
        switch state {
        case .initialize: .initialize
        case .backup: .backup
        case .master: .master
        case .fault: .fault
        }
    }

    /// Base priority and trackers, 1…254; an owner's is always 255.
    public var priority: Priority { Self.priority(settings.priority, environment.priorityDelta) }

    static func priority(_ base: Priority, _ delta: Int) -> Priority {
        base == .owner ? .owner : Priority(UInt8(min(max(Int(base.rawValue) + min(max(delta, -255), 255), 1), 254)))
    }

    public var isOwner: Bool { settings.priority == .owner }

    /// When `advance(to:)` has something to do; nil when only an input can change anything.
    public var nextDeadline: Deadline? {
        switch state {
        case .initialize, .fault: nil
        case .backup(let masterDown): masterDown
        case .master(let nextAdvert):
            min(nextAdvert, secondBurstDue ?? nextAdvert, nextRefresh ?? nextAdvert, nextElsewhere ?? nextAdvert)
        }
    }

    // MARK: - Inputs

    /// The daemon is up: RFC 9568 §6.4.1, the Startup event.
    public mutating func start(at now: Instant, into effects: inout [RouterEffect]) {
        guard case .initialize = state else { return }
        guard environment.faults.isEmpty else {
            // A script without a result yet holds the router back without declaring it broken.
            if !environment.faults.allSatisfy(\.isPending) { becomeFault(at: now, into: &effects) }
            return
        }
        // (105) If the Priority is 255: send an advertisement, announce, become master.
        if isOwner {
            becomeMaster(Cause(.startupOwner), at: now, into: &effects)
        } else {
            becomeBackup(Cause(.startup), at: now, into: &effects)
        }
    }

    /// A worker's successor goes on as master: nothing is sent ahead of time, nothing is announced again.
    /// - Parameter lastAdvert: when the predecessor last advertised.
    public mutating func adoptMaster(lastAdvert: Instant, at now: Instant, into effects: inout [RouterEffect]) {
        guard case .initialize = state else { return }
        // No fault is asked for here: links and scripts are not known yet, and will speak for themselves.
        state = .master(nextAdvert: max(now, lastAdvert + settings.interval.duration))
        masterInterval = settings.interval
        scheduleRefresh(at: now)
        effects.append(.transition(Transition(from: .initialize, to: .master, cause: Cause(.adopted))))
    }

    /// Interfaces, trackers or the group changed.
    public mutating func update(_ environment: Environment, at now: Instant, into effects: inout [RouterEffect]) {
        guard environment != self.environment else { return }
        let before = priority
        self.environment = environment
        if before != priority {
            effects.append(.priorityChanged(from: before, to: priority))
            shiftMasterDown(from: before, at: now)
        }
        switch state {
        case .initialize: start(at: now, into: &effects)
        case .fault:
            if environment.faults.isEmpty {
                recover(at: now, into: &effects)
            } else {
                state = .fault(environment.faults)
            }
        case .backup, .master:
            // A script that a reload brought has not failed because it has not reported yet.
            if !environment.faults.allSatisfy(\.isPending) { becomeFault(at: now, into: &effects) }
        }
    }

    /// The daemon stops: RFC 9568 §6.4.2 (345), §6.4.3 (605), the Shutdown event.
    public mutating func stop(at now: Instant, into effects: inout [RouterEffect]) {
        guard state != .initialize else { return }
        if case .master = state { effects.append(.advertise(.releasing)) }
        enter(.initialize, Cause(.shutdown), into: &effects)
    }

    /// A reload changed what can change without a change of role.
    public mutating func reconfigure(_ settings: Settings, at now: Instant, into effects: inout [RouterEffect]) {
        let before = priority
        let intervalChanged = settings.interval != self.settings.interval
        self.settings = settings
        if before != priority {
            effects.append(.priorityChanged(from: before, to: priority))
            shiftMasterDown(from: before, at: now)
        }
        switch state {
        case .master(let next):
            masterInterval = settings.interval
            if intervalChanged { state = .master(nextAdvert: min(next, now + settings.interval.duration)) }
            scheduleRefresh(at: now)
        case .backup where intervalChanged && settings.format.version == .v2:
            masterInterval = settings.interval
            armMasterDown(at: now)
        default: break
        }
    }

    // MARK: - Timers (RFC 9568 §6.1)

    /// ((256 - priority) * Master_Adver_Interval) / 256; VRRPv2 has one second for the interval (RFC 3768 §6.1).
    public var skewTime: Duration { skewTime(priority) }

    func skewTime(_ priority: Priority) -> Duration {
        let interval = settings.format.version == .v2 ? Duration.seconds(1) : masterInterval.duration
        let skew = Duration.nanoseconds(interval.nanoseconds * Int64(256 - Int(priority.rawValue)) / 256)
        return settings.format.bug.isPlanted(.skewTruncated) ? .seconds(skew.components.seconds) : skew
    }

    /// 3 * Master_Adver_Interval + Skew_Time.
    public var masterDownInterval: Duration { masterInterval.duration * settings.downTimerAdverts + skewTime }

    mutating func armMasterDown(at now: Instant) {
        if settings.format.bug.isPlanted(.staleTimer), case .backup = state { return }
        state = .backup(masterDown: now + masterDownInterval)
    }

    /// A running master-down deadline follows the skew of a changed priority.
    private mutating func shiftMasterDown(from before: Priority, at now: Instant) {
        guard case .backup(let masterDown) = state else { return }
        let shift = Duration.nanoseconds(skewTime(priority).nanoseconds - skewTime(before).nanoseconds)
        state = .backup(masterDown: max(now, masterDown + shift))
    }
}
