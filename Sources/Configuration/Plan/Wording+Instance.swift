import Primitives

extension InstanceDefinition {
    /// Every keyword that has a say in it, in the order of the schema.
    public var wordings: [Wording] {
        var words: [Wording] = [
            Wording("state", initialState.map { $0 == .master ? "MASTER" : "BACKUP" }),
            Wording("interface", interface),
            Wording("virtual_router_id", Int(virtualRouterID)),
            Wording("priority", Int(basePriority)),
            Wording("version", Int(version.rawValue)),
            Wording("native_ipv6", family == .ipv6),
            Wording("advert_int", advertInterval),
            Wording("down_timer_adverts", downTimerAdverts),
            Wording("nopreempt", !preempt),
            Wording("preempt_delay", preemptDelay),
            Wording("strict_mode", strict),
            Wording("arbiter", arbiter),
            Wording("lease_name", leaseName),
            Wording("hello", hello),
        ]
        switch authentication {
        case .none: words += [Wording("auth_type", nil as String?), Wording("auth_pass", nil as String?)]
        case .pass(let secret):
            words += [Wording("auth_type", "PASS"), Wording("auth_pass", secret: secret)]
        }
        words += [
            Wording("unicast_peer", unicastPeers.map(\.wording)),
            Wording("unicast_src_ip", unicastSource),
            Wording("mcast_src_ip", multicastSource),
            Wording("mcast_dst_ip", multicastGroup),
            Wording("unicast_ttl", unicastTTL.map { Int($0) }),
            Wording("check_unicast_src", checkUnicastSource),
            Wording("v3_checksum_as_v2", checksumAsV2),
            Wording("old_unicast_checksum", oldUnicastChecksum == .never ? "never" : nil),
            Wording("track_src_ip", trackSourceAddress),
            Wording("dont_track_primary", dontTrackPrimary),
            Wording("track_interface", trackInterfaces.map(\.wording)),
            Wording("track_script", trackScripts.map(\.wording)),
        ]
        words += tracked.wordings
        words += [
            Wording("virtual_ipaddress", virtualAddresses.map(\.wording)),
            Wording("virtual_ipaddress_excluded", excludedAddresses.map(\.wording)),
            Wording("promote_secondaries", promoteSecondaries),
            Wording("address_lifetime", addressLifetime),
            Wording("accept", acceptPackets),
        ]
        words += announcements.wordings(prefix: "")
        words += [
            Wording("lower_prio_no_advert", lowerPriorityNoAdvert),
            Wording("higher_prio_send_advert", higherPrioritySendAdvert),
            Wording("owner_ignore_adverts", ownerIgnoreAdverts),
            Wording("skip_check_adv_addr", skipCheckAdvertAddresses),
        ]
        words += rareWordings
        return words + notify.wordings + [Wording("notify_priority_changes", notifyPriorityChanges)]
    }
}

extension InstanceDefinition {
    /// What is refused or without effect for now.
    private var rareWordings: [Wording] {
        let virtual = virtualInterface?.wordings
        return [
            Wording("virtual_routes", virtualRoutes.map(\.wording)),
            Wording("virtual_rules", virtualRules.map(\.wording)),
            Wording("use_vmac", virtual?.keyword == "use_vmac" ? virtual?.text : nil),
            Wording("use_ipvlan", virtual?.keyword == "use_ipvlan" ? virtual?.text : nil),
            Wording("use_vmac_addr", virtualInterfacesForAddresses),
            Wording("vmac_xmit_base", sendsThroughBase),
            Wording("vrf", vrf),
            Wording("auth_hmac", hmac?.wording),
            hmac.map { Wording("auth_hmac key", secret: $0.secret) } ?? Wording("auth_hmac key", nil as String?),
            Wording("smtp_alert", smtpAlert),
            Wording("linkbeat_use_polling", pollsLink),
            Wording("timer_expired_backup", timerExpiredBackup),
            Wording("kernel_rx_buf_size", receiveBuffer),
            Wording("lvs_sync_daemon_interface", syncDaemonInterface),
            Wording("debug", debugLevel),
        ]
    }
}

extension AnnouncementSettings {
    /// - Parameter prefix: `vrrp_` for the defaults of `global_defs`.
    func wordings(prefix: String) -> [Wording] {
        [
            Wording(prefix + "garp_master_delay", masterDelay),
            Wording(prefix + "garp_master_repeat", masterRepeat),
            Wording(prefix + "garp_master_refresh", masterRefresh),
            Wording(prefix + "garp_master_refresh_repeat", refreshRepeat),
            Wording(prefix + "garp_lower_prio_delay", lowerPriorityDelay),
            Wording(prefix + "garp_lower_prio_repeat", lowerPriorityRepeat),
            Wording(prefix + "garp_extra_if", elsewhere == .zero ? "0" : "all \(elsewhere.formattedSeconds())"),
            Wording("vrrp_garp_interval", garpInterval),
            Wording("vrrp_gna_interval", gnaInterval),
        ]
    }
}

extension NotifyScripts {
    var wordings: [Wording] {
        [
            Wording("notify_master", master),
            Wording("notify_backup", backup),
            Wording("notify_fault", fault),
            Wording("notify_stop", stop),
            Wording("notify_deleted", reportsDeleted ? deleted?.wording ?? "on" : nil),
            Wording("notify", any),
            Wording("notify_master_rx_lower_pri", masterReceivedLowerPriority),
            Wording("notify_split", split),
        ]
    }
}
