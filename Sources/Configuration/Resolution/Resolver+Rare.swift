import ConfigLanguage
import Primitives

// What few instances have.
extension Resolver {
    /// `smtp_alert` of instances and groups that say nothing.
    var alertsOfInstances: Bool { global.mail.alertVRRP ?? global.mail.alert ?? false }

    mutating func resolveRare(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        let rare = draft.rare
        i.virtualInterface = rare.virtualInterface?.value
        i.virtualInterfacesForAddresses = rare.forAddresses?.value ?? false
        i.sendsThroughBase = rare.throughBase?.value ?? false
        i.vrf = rare.vrf?.value
        i.smtpAlert = rare.smtpAlert?.value ?? alertsOfInstances
        i.pollsLink = rare.pollsLink?.value ?? global.host.pollsLinks
        i.timerExpiredBackup = rare.timerExpiredBackup?.value
        i.receiveBuffer = rare.receiveBuffer?.value
        i.syncDaemonInterface = rare.syncDaemonInterface?.value
        i.debugLevel = rare.debugLevel?.value ?? 0
        i.acceptPackets = draft.accept?.value ?? true
        i.virtualRoutes = draft.virtualRoutes.map(\.value)
        i.virtualRules = draft.virtualRules.map(\.value)
    }

    /// `auth_hmac`. Where keepalived switches it off for a fault, adverts would go out unsigned: that is an error always.
    mutating func resolveHMAC(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        guard let block = draft.rare.hmac else { return }
        var keys: [HMACAuthentication.Key] = []
        var places: [Int: SourceRange] = [:]
        for key in block.value.keys {
            if let before = places[key.value.id] {
                report(
                    .duplicateKey, at: key.range, "there are two keys \(key.value.id)", reason: "the first counts",
                    fix: "give it a number of its own", related: [Diagnostic.Related(before, "the other one")])
                continue
            }
            places[key.value.id] = key.range
            keys.append(key.value)
        }
        if let password = draft.authentication {
            report(
                .besideHMAC, at: password.range, "`authentication` has no effect beside `auth_hmac`",
                reason: "adverts carry one of them", fix: "remove it",
                related: [Diagnostic.Related(block.range, "this one")])
            i.authentication = .none
        }
        guard !keys.isEmpty else {
            if !block.value.failed.contains("key") {
                report(
                    .noKeys, at: block.range, "`auth_hmac` has no key", reason: "adverts could not be signed",
                    fix: "add `key 1 hex:…`")
            }
            return
        }
        guard let active = block.value.activeKey, places[active.value] != nil else {
            if !block.value.failed.contains("active_key"), !block.value.failed.contains("key") {
                report(
                    .activeKey, at: block.value.activeKey?.range ?? block.range,
                    block.value.activeKey.map { "there is no key \($0.value)" } ?? "`auth_hmac` has no `active_key`",
                    reason: "keepalived would send adverts without a signature, and believe them",
                    fix: "write `active_key \(keys[0].id)`")
            }
            return
        }
        var hmac = HMACAuthentication(keys: keys, activeKey: active.value)
        hmac.timeWindow = block.value.timeWindow?.value
        hmac.replayProtection = block.value.replayProtection?.value ?? .time
        hmac.mode = block.value.mode?.value ?? .enforce
        i.hmac = hmac
    }
}
