import Primitives

/// The rules of this room, beside those of VRRP.
extension RuleID {
    public static let addressRepaired = RuleID("engine.address.repaired")
    public static let addressFought = RuleID("engine.address.fought")
    public static let addressRefused = RuleID("engine.address.refused")
    public static let adoptionTooLate = RuleID("engine.adopt.too-late")
    public static let scriptRose = RuleID("engine.script.rose")
    public static let scriptFell = RuleID("engine.script.fell")
    public static let scriptOverrun = RuleID("engine.script.overrun")
    public static let addressesDiffer = RuleID("engine.receive.addresses-differ")
    public static let unknownRouter = RuleID("engine.receive.unknown-router")
    public static let leaseHeld = RuleID("engine.lease.held")
    public static let splitAdvert = RuleID("vrrp.split.advert")
    public static let splitAddress = RuleID("vrrp.split.address")
    public static let splitGreeting = RuleID("vrrp.split.greeting")
    public static let splitOver = RuleID("vrrp.split.over")
    public static let groupRole = RuleID("engine.group.role")
}
