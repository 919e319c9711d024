import ConfigLanguage
import Primitives

extension Resolver {
    /// What stays on this node. `instances` are the names that groups may hold.
    mutating func resolveStatics(_ root: RootDraft, _ instances: [String: Int]) -> StaticDefinitions {
        var statics = StaticDefinitions()
        for draft in root.trackGroups {
            guard isFirst(draft.name, .groups) else { continue }
            var members: [String] = []
            for member in draft.members where isInstance(member, instances, .undefinedMember, "the group") {
                members.append(member.value)
            }
            statics.groups.append(TrackGroup(name: draft.name.value, members: members))
        }
        for draft in root.staticAddresses {
            let group = trackGroup(draft.trackGroup)
            statics.addresses.append(StaticAddress(draft.address, trackGroup: group))
        }
        for entry in root.staticRoutes { statics.routes.append(resolveGroup(of: entry)) }
        for entry in root.staticRules { statics.rules.append(resolveGroup(of: entry)) }
        return statics
    }

    private mutating func resolveGroup(of entry: Written<WrittenEntry>) -> WrittenEntry {
        var resolved = entry.value
        resolved.trackGroup = trackGroup(resolved.trackGroup.map { Written(value: $0, range: entry.range) })
        return resolved
    }

    private mutating func trackGroup(_ name: Written<String>?) -> String? {
        guard let name else { return nil }
        let reason = "nobody would fault when the entry is lost"
        return isDefined(name.value, at: name.range, .groups, .undefinedTrackGroup, reason: reason) ? name.value : nil
    }

    /// There is an instance of this name; its lack is reported.
    private mutating func isInstance(
        _ name: Written<String>, _ instances: [String: Int], _ rule: Rule, _ whose: String, canFix: Bool = true
    ) -> Bool {
        guard instances[name.value] == nil else { return true }
        let meant = trackers.searches < 100 ? Spelling.nearest(to: name.value, among: instances.keys.sorted()) : nil
        trackers.searches += 1
        report(
            rule, at: name.range, "there is no instance `\(name.value)`", reason: "\(whose) would run without it",
            fix: meant.map { "did you mean `\($0)`?" } ?? "define it, or remove it",
            fixIt: canFix ? meant.map { Diagnostic.FixIt(name.range, $0) } : nil)
        return false
    }

    /// The instance that `lvs_sync_daemon` follows.
    mutating func checkSyncDaemon(_ instances: [String: Int]) {
        guard let name = global.forwarding.syncDaemon?.instance, let range = globalDraft.places["lvs_sync_daemon"],
            !isInstance(
                Written(value: name, range: range), instances, .undefinedInstance, "the sync daemon", canFix: false)
        else { return }
        global.forwarding.syncDaemon?.instance = nil
    }

    // MARK: Interfaces

    mutating func resolveInterfaces(_ root: RootDraft) -> InterfaceSettings {
        var settings = InterfaceSettings()
        var seen: Set<String> = []
        for draft in root.announcementGroups {
            let written = [draft.interface].compactMap { $0 } + draft.interfaces
            let names = written.filter { isNew($0, &seen, "a `garp_group`") }.map(\.value)
            guard !written.isEmpty else {
                if !draft.failed.contains("interface"), !draft.failed.contains("interfaces") {
                    report(
                        .emptyAnnouncementGroup, at: draft.range, "this `garp_group` has no interface",
                        reason: "its intervals would be for nothing", fix: "add `interface NAME` or `interfaces { … }`")
                }
                continue
            }
            var group = InterfaceSettings.AnnouncementGroup(interfaces: names)
            group.garpInterval = draft.garpInterval?.value ?? global.announcements.garpInterval
            group.gnaInterval = draft.gnaInterval?.value ?? global.announcements.gnaInterval
            if !names.isEmpty { settings.announcementGroups.append(group) }
        }
        seen = []
        for delays in root.delays
        where isNew(Written(value: delays.value.interface, range: delays.range), &seen, "`interface_up_down_delays`") {
            settings.delays.append(delays.value)
        }
        seen = []
        for polled in root.polled
        where isNew(Written(value: polled.value.interface, range: polled.range), &seen, "`linkbeat_interfaces`") {
            settings.polled.append(polled.value)
        }
        return settings
    }

    private mutating func isNew(_ name: Written<String>, _ seen: inout Set<String>, _ place: String) -> Bool {
        if seen.insert(name.value).inserted { return true }
        report(
            .repeatedInterface, at: name.range, "`\(name.value)` stands in \(place) already",
            reason: "only one of them can count", fix: "remove it here or there")
        return false
    }
}
