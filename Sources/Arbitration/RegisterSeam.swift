import Primitives

/// What a register asks of the world. To be carried out in order.
public enum RegisterEffect: Hashable, Sendable {
    /// To all members of the group, this one included, in agreed order.
    case multicast([UInt8])
    /// What came of a question, or news.
    case report(LeaseReport)
    /// To disk, durably; then `remembered`. Nothing that rests on it is said before.
    case remember(RegisterMemory)
    /// Others may count votes otherwise: read them again.
    case readElectorate
    /// Someone in the group says what this version does not understand.
    case unreadable(from: RegisterMember)
}

/// The planted bugs of this room's tests: each breaks a rule that the register rests on, and the tests' seeds find each.
enum RegisterBug: String, Hashable, Sendable, CaseIterable {
    /// A question is answered when it leaves.
    case answersOnSend
    /// A question is answered when it comes back: agreed delivery taken for safe delivery.
    case answersOnOwnDelivery
    /// Any voter's state, and any acknowledgement, is enough.
    case minorityDecides
    /// A view works before states are united.
    case worksBeforeStates
    /// The higher version wins, whatever primary it is from.
    case newestVersionWins
    /// Who was restarted counts at once.
    case votesAfterRestart
    /// The numbers of a table stand, though some of the majority have forgotten what came after.
    case numbersStay
    /// A lease that nobody remembers begins with epoch 1.
    case epochsFromNothing
}
