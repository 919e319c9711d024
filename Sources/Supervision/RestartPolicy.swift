import Primitives

/// How a process ended.
public enum ProcessEnd: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)

    public var text: String {
        switch self {
        case .exited(let code): "exited with code \(code)"
        case .signalled(let signal): "was ended by signal \(signal)"
        }
    }
}

/// The codes with which the daemon and its worker end (keepalived's numbers).
public enum ExitCode {
    public static let success: Int32 = 0
    public static let fatal: Int32 = 1
    public static let configuration: Int32 = 2
    public static let permission: Int32 = 4
    public static let programError: Int32 = 70
    public static let memory: Int32 = 204

    /// A restart would end the same way.
    public static func isPermanent(_ code: Int32) -> Bool {
        code == configuration || code == permission
    }
}

/// Whether a worker that ended is replaced.
///
/// It is, at once: its successor goes on where it stopped (the state is in the memfd). When it dies again
/// after three restarts within max(10 A, 10 s), something else is wrong, and peers are better off when this
/// node leaves in order: priority 0, addresses withdrawn, the daemon ends.
public struct RestartPolicy: Sendable {
    public enum Decision: Equatable, Sendable {
        /// Start a successor now.
        case respawn
        /// Run the release helper once, then end with the code.
        case release(thenExit: Int32, RuleID)
        /// End with the code; nothing was taken.
        case exit(Int32, RuleID)
    }

    public static let restartsAllowed = 3

    /// False under `--dont-respawn`: the first death releases and ends.
    public var respawns: Bool
    /// Restarts so far, for `status`.
    public private(set) var restarts: UInt64 = 0
    private var recent: [Instant] = []

    public init(respawns: Bool = true) { self.respawns = respawns }

    /// The worker ended without being asked to. `wasReady`: any worker of this run got as far as
    /// `ready`, so that addresses may stand in the kernel.
    public mutating func workerEnded(
        _ status: ProcessEnd, wasReady: Bool, advertInterval: Duration, at now: Instant
    ) -> Decision {
        if case .exited(let code) = status, ExitCode.isPermanent(code) {
            return wasReady
                ? .release(thenExit: code, SupervisionRule.workerPermanent)
                : .exit(code, SupervisionRule.workerPermanent)
        }
        guard respawns else { return .release(thenExit: ExitCode.fatal, SupervisionRule.workerGiveUp) }
        let window = max(advertInterval * 10, .seconds(10))
        recent.removeAll { now - $0 > window }
        guard recent.count < Self.restartsAllowed else {
            return .release(thenExit: ExitCode.fatal, SupervisionRule.workerGiveUp)
        }
        recent.append(now)
        restarts &+= 1
        return .respawn
    }
}
