/// A `vrrp_sync_group`: instances that change state together.
public struct SyncGroupDefinition: Hashable, Sendable {
    public var name: String
    /// `group`: names of instances of the model, each in one group only.
    public var members: [String]
    /// `track_interface`: for every member.
    public var trackInterfaces: [TrackedInterface] = []
    /// `track_script`: for every member.
    public var trackScripts: [TrackedScript] = []
    /// `track_file`, `track_process` and `track_bfd`: for every member. Refused for now.
    public var tracked = TrackedItems()
    /// Scripts of the group; `deleted` and `masterReceivedLowerPriority` are never set.
    public var notify = NotifyScripts()
    /// `sync_group_tracking_weight` or `global_tracking`: weights of the members' trackers count.
    public var trackingWeight: Bool = false
    /// `notify_priority_changes`, or the global one.
    public var notifyPriorityChanges: Bool = false
    /// `arbiter`: the name of the `arbiter` that the group needs one lease from for all of its members; nil needs none.
    public var arbiter: String?
    /// `lease_name`: what its lease is called behind the cluster's name; nil is the group's name.
    public var leaseName: String?
    /// `smtp_alert`, or the global one.
    public var smtpAlert: Bool = false

    public init(name: String, members: [String]) {
        self.name = name
        self.members = members
    }
}
