import Primitives

/// The rules of this room. docs/rules.md says of each what happened and what to do.
extension RuleID {
    // Starting and stopping
    public static let startup = RuleID("vrrp.initialize.startup")
    public static let startupOwner = RuleID("vrrp.initialize.owner")
    public static let adopted = RuleID("vrrp.initialize.adopted")
    public static let shutdown = RuleID("vrrp.shutdown")
    // Backup
    public static let masterDown = RuleID("vrrp.backup.master-down")
    public static let masterReleased = RuleID("vrrp.backup.master-released")
    public static let soleRivalReleased = RuleID("vrrp.backup.sole-rival-released")
    public static let preempted = RuleID("vrrp.backup.preempt")
    public static let groupReady = RuleID("vrrp.backup.group-ready")
    // Master
    public static let higherPriority = RuleID("vrrp.master.higher-priority")
    public static let higherAddress = RuleID("vrrp.master.higher-address")
    public static let lowerPriority = RuleID("vrrp.master.lower-priority")
    public static let groupLeft = RuleID("vrrp.master.group-left")
    // Fault
    public static let faulted = RuleID("vrrp.fault.entered")
    public static let recovered = RuleID("vrrp.fault.cleared")
    // Priority
    public static let priorityChanged = RuleID("vrrp.priority.changed")
    // Received packets that were dropped
    public static let receiveTruncated = RuleID("vrrp.receive.truncated")
    public static let receiveLength = RuleID("vrrp.receive.length")
    public static let receiveTimeToLive = RuleID("vrrp.receive.time-to-live")
    public static let receiveVersion = RuleID("vrrp.receive.version")
    public static let receiveAuthenticationType = RuleID("vrrp.receive.authentication-type")
    public static let receiveAuthentication = RuleID("vrrp.receive.authentication")
    public static let receiveInterval = RuleID("vrrp.receive.interval")
    public static let receiveType = RuleID("vrrp.receive.type")
    public static let receiveChecksum = RuleID("vrrp.receive.checksum")
    public static let receiveDestination = RuleID("vrrp.receive.destination")
    public static let receiveOwnAddress = RuleID("vrrp.receive.own-address")
    public static let receiveOwner = RuleID("vrrp.receive.owner-ignores")
    public static let receiveNotAPeer = RuleID("vrrp.receive.not-a-peer")
    public static let receivePeerTimeToLive = RuleID("vrrp.receive.peer-time-to-live")
}
