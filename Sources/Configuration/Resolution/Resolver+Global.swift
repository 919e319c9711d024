import ConfigLanguage
import Primitives

extension Resolver {
    mutating func resolveGlobal(_ draft: GlobalDraft) {
        supplementary = draft.setSupplementaryGroups?.value ?? false
        var g = draft.settings
        g.routerID = draft.routerID?.value
        g.scriptUser = resolve(draft.scriptUser?.value)
        g.enableScriptSecurity = draft.enableScriptSecurity?.value ?? false
        g.useSymlinkPaths = draft.useSymlinkPaths?.value ?? false
        g.startupScript = resolve(draft.startupScript)
        g.startupScriptTimeout = draft.startupScriptTimeout?.value ?? g.startupScriptTimeout
        g.shutdownScript = resolve(draft.shutdownScript)
        g.shutdownScriptTimeout = draft.shutdownScriptTimeout?.value ?? g.shutdownScriptTimeout

        g.defaultInterface = draft.defaultInterface?.value ?? g.defaultInterface
        g.version = version(draft.version?.value)
        g.multicastGroup4 = group(draft.multicastGroup4, .ipv4) ?? g.multicastGroup4
        g.multicastGroup6 = group(draft.multicastGroup6, .ipv6) ?? g.multicastGroup6
        g.announcements = announcements(draft.announcements, over: nil)
        g.announcements.garpInterval = draft.garpInterval?.value ?? .zero
        g.announcements.gnaInterval = draft.gnaInterval?.value ?? .zero
        g.downTimerAdverts = draft.downTimerAdverts?.value ?? 3
        g.checkUnicastSource = draft.checkUnicastSource?.value ?? false
        g.skipCheckAdvertAddresses = draft.skipCheckAdvertAddresses?.value ?? false
        g.strict = draft.strict?.value ?? false
        g.lowerPriorityNoAdvert = draft.lowerPriorityNoAdvert?.value ?? false
        g.higherPrioritySendAdvert = draft.higherPrioritySendAdvert?.value ?? false
        g.ownerIgnoreAdverts = draft.ownerIgnoreAdverts?.value ?? false
        g.checksumAsV2 = draft.checksumAsV2?.value ?? false
        g.addressLifetime = draft.addressLifetime?.value ?? g.addressLifetime

        g.hello = draft.hello?.value ?? true
        g.helloPort = draft.helloPort.map { UInt16(clamping: $0.value) } ?? g.helloPort

        g.niceness = draft.niceness?.value
        g.realtimePriority = draft.realtimePriority?.value
        g.noSwap = draft.noSwap?.value ?? false
        g.cpuAffinity = draft.cpuAffinity?.value ?? []
        g.rlimitRealtime = draft.rlimitRealtime?.value
        g.processNames = draft.processNames?.value ?? false
        g.processName = draft.processName?.value
        g.vrrpProcessName = draft.vrrpProcessName?.value
        g.umask = draft.umask?.value

        g.dynamicInterfaces = draft.dynamicInterfaces?.value ?? false
        g.allowInterfaceChanges = draft.allowInterfaceChanges?.value ?? false
        g.startupDelay = draft.startupDelay?.value ?? .zero
        g.delayAfterBoot = draft.delayAfterBoot?.value ?? .zero
        g.logUnknownVRIDs = draft.logUnknownVRIDs?.value ?? false

        g.notifyFIFO = fifo(draft.notifyFIFO, draft.notifyFIFOScript, "notify_fifo")
        g.vrrpNotifyFIFO = fifo(draft.vrrpNotifyFIFO, draft.vrrpNotifyFIFOScript, "vrrp_notify_fifo")
        g.forwarding.notifyFIFO = fifo(draft.lvsNotifyFIFO, draft.lvsNotifyFIFOScript, "lvs_notify_fifo")
        checkPipes(draft)
        g.notifyPriorityChanges = draft.notifyPriorityChanges?.value ?? false
        g.fifoWriteStatesOnReload = draft.fifoWriteStatesOnReload?.value ?? false
        g.stateDumpFile = draft.stateDumpFile?.value
        g.statsDumpFile = draft.statsDumpFile?.value
        global = g
    }

    func version(_ number: Int?) -> InstanceDefinition.Version? {
        switch number {
        case 2: .v2
        case 3: .v3
        default: nil
        }
    }

    /// A multicast group of a family, or nil with a report.
    mutating func group(_ written: Written<IPAddress>?, _ family: AddressFamily) -> IPAddress? {
        guard let written else { return nil }
        guard written.value.family == family, written.value.isMulticast else {
            report(
                .groupFamily, at: written.range, "\(written.value) is not a multicast group of IPv\(family.rawValue)",
                reason: "adverts would reach nobody",
                fix: family == .ipv4 ? "write a group such as 224.0.0.18" : "write a group such as ff02::12")
            return nil
        }
        return written.value
    }

    /// No two pipes may be the same.
    private mutating func checkPipes(_ draft: GlobalDraft) {
        let pipes: [(String, Written<NotifyFIFO>?)] = [
            ("notify_fifo", draft.notifyFIFO), ("vrrp_notify_fifo", draft.vrrpNotifyFIFO),
            ("lvs_notify_fifo", draft.lvsNotifyFIFO),
        ]
        for (number, (name, pipe)) in pipes.enumerated() {
            guard let pipe,
                let other = pipes[..<number].first(where: { $0.1?.value.path == pipe.value.path }), let first = other.1
            else { continue }
            report(
                .sameFIFO, at: pipe.range, "`\(name)` and `\(other.0)` are the same pipe",
                reason: "lines of both would be mixed in it", fix: "write another path, or remove one of them",
                related: [Diagnostic.Related(first.range, "the other one")])
        }
    }

    private mutating func fifo(
        _ written: Written<NotifyFIFO>?, _ script: Written<HookCommand>?, _ name: String
    ) -> NotifyFIFO? {
        guard var fifo = written?.value else {
            if let script {
                report(
                    .missingValue, at: script.range, "there is no `\(name)` for this script to read",
                    reason: "it is not started", fix: "add `\(name) PATH`")
            }
            return nil
        }
        fifo.script = resolve(script)
        return fifo
    }

    /// What a block says, over what `base` says, over the defaults.
    func announcements(_ draft: AnnouncementDraft, over base: AnnouncementSettings?) -> AnnouncementSettings {
        var settings = base ?? AnnouncementSettings()
        if draft.isMinimal { (settings.masterDelay, settings.masterRepeat, settings.refreshRepeat) = (.zero, 1, 0) }
        settings.masterDelay = draft.masterDelay?.value ?? settings.masterDelay
        settings.masterRepeat = draft.masterRepeat.map { max(1, $0.value) } ?? settings.masterRepeat
        settings.masterRefresh = draft.masterRefresh?.value ?? settings.masterRefresh
        // As keepalived: none is one; `vrrp_min_garp` alone makes it none.
        settings.refreshRepeat = draft.refreshRepeat.map { max(1, $0.value) } ?? settings.refreshRepeat
        // As keepalived: what an instance does not say of lower priorities is the global value, whatever it says of its own.
        settings.lowerPriorityDelay =
            draft.lowerPriorityDelay?.value ?? base?.lowerPriorityDelay ?? settings.masterDelay
        settings.lowerPriorityRepeat =
            draft.lowerPriorityRepeat?.value ?? base?.lowerPriorityRepeat ?? settings.masterRepeat
        settings.elsewhere = draft.elsewhere?.value ?? settings.elsewhere
        return settings
    }
}
