import Primitives

/// The rules of a witness. docs/rules.md says of each what happened and what to do.
extension RuleID {
    public static let witnessStarted = RuleID("witness.start")
    public static let witnessNoState = RuleID("witness.state.missing")
    public static let witnessDamagedState = RuleID("witness.state.damaged")
    public static let witnessTornState = RuleID("witness.state.torn")
    public static let witnessNotStored = RuleID("witness.state.not-stored")
    public static let witnessStoredAgain = RuleID("witness.state.stored-again")
    public static let witnessOtherMachine = RuleID("witness.machine.another")
    public static let witnessClock = RuleID("witness.clock.not-set")
    public static let witnessUnheard = RuleID("witness.request.unheard")
    public static let witnessTooLong = RuleID("witness.request.lease-too-long")
    public static let witnessKeys = RuleID("witness.keys.read")
    public static let witnessKeysRefused = RuleID("witness.keys.refused")
}
