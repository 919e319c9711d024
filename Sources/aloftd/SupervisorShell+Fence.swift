import LinuxWorld
import Primitives
import Supervision

/// The fence, which outlives every worker.
extension SupervisorShell {
    func guardAddresses(_ guards: GuardedAddresses, at now: Instant) {
        worker?.outgoing.append(SupervisorMessage.fence(.lifetimes, "there is no fence in this version").frame)
    }
}
