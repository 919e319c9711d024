import ConfigLanguage
import Primitives

extension Schema {
    /// `vrrp_instance`.
    static let instance = Block<InstanceDraft>(
        "vrrp_instance",
        parts: [
            taking, leaseKeywords("the instance") { $1(&$0.lease) }, greeting, travelling, depending, holding,
            announcing,
            telling, trackedItems { $1(&$0.tracked) },
            virtualInterfaces,
            laterOfInstances,
        ])

    // MARK: Who takes part

    private static var taking: [Keyword<InstanceDraft>] {
        [
            Keyword("state", .choice(["MASTER", "BACKUP"]), default: "BACKUP", "How the instance begins.") {
                instance, reader in
                guard let word = reader.required("MASTER or BACKUP") else { return }
                let states: [(String, InstanceDefinition.InitialState)] = [("MASTER", .master), ("BACKUP", .backup)]
                let state = reader.choice(word, states, rule: .unknownState, otherwise: "BACKUP") ?? .backup
                reader.assign(&instance.state, state)
            },
            .interface("interface", \.interface, "The interface that adverts go through and addresses are put on."),
            .integer(
                "virtual_router_id", \.virtualRouterID, 1...255, rule: .vridRange, fallback: 0,
                "The number of the virtual router; the same on all of its nodes."),
            .integer(
                "priority", \.priority, 1...255, default: "100", rule: .priorityRange, fallback: 100,
                "The highest becomes master; 255 owns the addresses."),
            .integer("version", \.version, 2...3, default: "2, or 3 for IPv6", "The version of the protocol."),
            .seconds(
                "advert_int", \.advertInterval, 10_000...255_000_000, default: "1", rule: .intervalRange,
                "Seconds between adverts: whole in version 2, steps of 0.01 up to 40.95 in version 3."),
            .integer("down_timer_adverts", \.downTimerAdverts, 1...100, default: "3", "Adverts that may be missed."),
            .flag("nopreempt", \.nopreempt, "Leave a living master of lower priority in place."),
            .flag("preempt", \.nopreempt, value: false, "Take over from a master of lower priority; undoes nopreempt."),
            .seconds(
                "preempt_delay", \.preemptDelay, 0...1_000_000_000,
                "Seconds to wait before taking over from a lower priority."),
            .boolean("strict_mode", \.strict, default: "vrrp_strict", "Check the rules of the RFC."),
            .flag("native_ipv6", \.nativeIPv6, "Old: take the family to be IPv6."),
            Keyword(
                "authentication", .block(named: false), default: "none", "A password in every advert; version 2 only."
            ) {
                instance, reader in
                reader.expectNoMore()
                var draft = AuthenticationDraft()
                draft.failed = reader.readBlock(authentication, into: &draft)
                reader.assign(&instance.authentication, draft)
            },
            Keyword(
                "auth_hmac", .block(named: false), default: "none", "Adverts are signed, as keepalived 2.4 does it."
            ) { instance, reader in
                reader.expectNoMore()
                var draft = HMACDraft()
                draft.failed = reader.readBlock(hmac, into: &draft)
                reader.assign(&instance.rare.hmac, draft)
            }.refused(),
        ]
    }

    // MARK: How adverts travel

    private static var travelling: [Keyword<InstanceDraft>] {
        [
            Keyword(
                "unicast_peer", .list("ADDRESS [min_ttl N] [max_ttl N]"),
                "Adverts go to these nodes instead of a group."
            ) {
                instance, reader in
                var peers = instance.unicastPeers?.value ?? []
                reader.forEachEntry { if let peer = $0.peer() { peers.append(peer) } }
                instance.unicastPeers = Written(value: peers, range: reader.keywordRange)
            },
            .address(
                "unicast_src_ip", \.unicastSource, default: "the interface's first", "Where unicast adverts come from."),
            .address(
                "mcast_src_ip", \.multicastSource, default: "the interface's first",
                "Where multicast adverts come from."),
            .address("mcast_dst_ip", \.multicastGroup, default: "the global group", "The group that adverts go to."),
            .integer("unicast_ttl", \.unicastTTL, 0...255, default: "255", "The TTL or hop limit of unicast adverts."),
            .flag("check_unicast_src", \.checkUnicastSource, "Hear configured peers only."),
            .flag(
                "unicast_fault_no_peer", \.unicastFaultNoPeer,
                "Accepted without effect: an empty peer list is always an error."
            ).withoutEffect(),
            .boolean(
                "v3_checksum_as_v2", \.checksumAsV2, "Leave the pseudo-header out of the IPv4 checksum of version 3."),
            Keyword(
                "old_unicast_checksum", .other("[never]"),
                "Accepted without effect: with `never` alone, which is always so; older peers are not detected."
            ) {
                instance, reader in
                guard let word = reader.next() else {
                    return reader.report(
                        .refusedKeyword, at: reader.statementRange, "`old_unicast_checksum` is not supported yet",
                        reason: "peers older than keepalived 1.3.7 would not be understood", fix: "remove it")
                }
                if reader.choice(word, [("never", true)], rule: .choice) != nil {
                    reader.assign(&instance.oldUnicastChecksum, .never)
                }
            }.withoutEffect(),
        ]
    }

    // MARK: What it depends on

    private static var depending: [Keyword<InstanceDraft>] {
        [
            .flag("track_src_ip", \.trackSourceAddress, "Fault while the configured source address is missing."),
            .flag("dont_track_primary", \.dontTrackPrimary, "The own interface going down is no fault."),
            .entries("track_interface", "INTERFACE [weight N [reverse]]", "Interfaces to track.") {
                if let tracked = $1.trackedInterface() { $0.trackInterfaces.append(tracked) }
            },
            .entries("track_script", "NAME [weight N [reverse|noreverse]]", "Scripts to track.") {
                if let tracked = $1.tracked() { $0.trackScripts.append(tracked) }
            },
        ]
    }

    // MARK: What the master holds

    private static var holding: [Keyword<InstanceDraft>] {
        [
            .entries(
                "virtual_ipaddress", "ADDRESS[/LENGTH] [OPTIONS]", "Addresses that the master holds and advertises."
            ) {
                if let address = $1.addressEntry(virtualAddress) { $0.virtualAddresses.append(address) }
            },
            .entries(
                "virtual_ipaddress_excluded", "ADDRESS[/LENGTH] [OPTIONS]",
                "Addresses that the master holds in silence."
            ) {
                if let address = $1.addressEntry(virtualAddress) { $0.excludedAddresses.append(address) }
            },
            .flag("no_virtual_ipaddress", \.noVirtualAddress, "An instance without addresses is meant."),
            .entries("virtual_routes", "ROUTE", "Routes that the master holds.") {
                if let route = $1.entry(virtualRoute) { $0.virtualRoutes.append(route) }
            }.refused(),
            .entries("virtual_rules", "RULE", "Rules that the master holds.") {
                if let rule = $1.entry(virtualRule) { $0.virtualRules.append(rule) }
            }.refused(),
            .flag(
                "promote_secondaries", \.promoteSecondaries,
                "Keep other addresses of a subnet when its first is removed."),
            .integerSeconds(
                "address_lifetime", \.addressLifetime, "Seconds until an address ends that nobody refreshes; 0 never."),
            .flag("accept", \.accept, "Answer packets to the addresses even in strict mode."),
            Keyword(
                "no_accept", .none, default: "off", "Drop packets to the addresses, unless the instance owns them."
            ) { instance, reader in
                reader.assign(&instance.accept, false, repeatable: true)
            }.refused(),
        ]
    }

    // MARK: How loudly it speaks

    private static var announcing: [Keyword<InstanceDraft>] {
        [
            .wholeSeconds(
                "garp_master_delay", \.announcements.masterDelay, burstSeconds, default: "5",
                "Seconds from the first burst of announcements to the second."),
            .integer(
                "garp_master_repeat", \.announcements.masterRepeat, 0...2_147_483_647, default: "5",
                "Announcements of each address in a burst."),
            .wholeSeconds(
                "garp_master_refresh", \.announcements.masterRefresh, anySeconds,
                "Seconds between refreshes; 0 is none."),
            .integer(
                "garp_master_refresh_repeat", \.announcements.refreshRepeat, 0...2_147_483_647, default: "1",
                "Announcements of each address in a refresh."),
            .wholeSeconds(
                "garp_lower_prio_delay", \.announcements.lowerPriorityDelay, burstSeconds,
                default: "vrrp_garp_lower_prio_delay",
                "Seconds to the second burst after an advert of lower priority."),
            .integer(
                "garp_lower_prio_repeat", \.announcements.lowerPriorityRepeat, 0...2_147_483_647,
                default: "vrrp_garp_lower_prio_repeat", "Announcements after an advert of lower priority."),
            .extraInterfaces(
                "garp_extra_if", \.announcements.elsewhere, 0...86_400, default: "vrrp_garp_extra_if"),
            .extraInterfaces(
                "vmac_garp_intvl", \.announcements.elsewhere, 0...86_400, default: "vrrp_garp_extra_if",
                status: .deprecated("garp_extra_if")),
            .boolean("lower_prio_no_advert", \.lowerPriorityNoAdvert, "Do not answer an advert of lower priority."),
            .boolean("higher_prio_send_advert", \.higherPrioritySendAdvert, "Send a last advert before yielding."),
            .boolean("owner_ignore_adverts", \.ownerIgnoreAdverts, "With priority 255, hear nobody."),
            .boolean(
                "skip_check_adv_addr", \.skipCheckAdvertAddresses,
                "Accepted without effect: an advert's addresses are compared, and never a reason to drop it."
            ).withoutEffect(),
        ]
    }

    // MARK: Whom it tells

    private static var telling: [Keyword<InstanceDraft>] {
        [
            .command("notify_master", \.notify.master, "Run on becoming master."),
            .command("notify_backup", \.notify.backup, "Run on becoming backup."),
            .command("notify_fault", \.notify.fault, "Run on going to fault."),
            .command("notify_stop", \.notify.stop, "Run when the daemon stops."),
            Keyword(
                "notify_deleted", .optional(.command),
                "Report DELETED when a reload removes the instance, and run a script."
            ) {
                instance, reader in
                reader.assign(&instance.notify.reportsDeleted, true)
                if reader.hasMore, let hook = reader.hook() { reader.assign(&instance.notify.deleted, hook) }
            },
            .command("notify", \.notify.any, "Run on every change, with INSTANCE, name, state and priority appended."),
            .command(
                "notify_master_rx_lower_pri", \.notify.masterReceivedLowerPriority,
                "Run when a master hears a lower priority."),
            .command(
                "notify_split", \.notify.split,
                "Run once when another holds the addresses as well, with INSTANCE, name, SPLIT and priority appended."),
            .boolean(
                "notify_priority_changes", \.notifyPriorityChanges, default: "the sync group's",
                "A line in the FIFOs for each change of priority."),
            .boolean(
                "smtp_alert", \.rare.smtpAlert, default: "smtp_alert_vrrp, else smtp_alert, else off",
                "A mail on every change."),
        ]
    }

    /// An entry of `unicast_peer`, behind the address.
    static let peer = EntryGrammar<PeerDraft>(
        "vrrp_instance/unicast_peer", "peer", rule: .choice, consequence: "the peer would be heard without it",
        [
            EntryOption(
                "min_ttl", .integer(0...255, unit: ""), default: "0", "Adverts that arrive with less are dropped."
            ) {
                peer, reader in
                guard let number = reader.integer(0...255) else { return false }
                peer.peer.minTTL = UInt8(clamping: number)
                return true
            },
            EntryOption(
                "max_ttl", .integer(0...255, unit: ""), default: "255", "Adverts that arrive with more are dropped."
            ) {
                peer, reader in
                guard let number = reader.integer(0...255) else { return false }
                peer.peer.maxTTL = UInt8(clamping: number)
                return true
            },
        ])

    /// `authentication`.
    static let authentication = Block<AuthenticationDraft>(
        "vrrp_instance/authentication",
        [
            .word("auth_type", \.type, "PASS", "PASS. AH is not supported."),
            {
                var keyword = Keyword<AuthenticationDraft>(
                    "auth_pass", .word("password"), "The password: 1 to 8 bytes, readable by everyone on the link."
                ) { authentication, reader in
                    guard let (bytes, range) = reader.nextBytes() else {
                        _ = reader.required("password")
                        return
                    }
                    reader.assignSecret(&authentication.password, Secret(bytes), range)
                }
                keyword.isSecret = true
                return keyword
            }(),
        ])
}

extension Keyword {
    /// `address_lifetime`: a lifetime below 2 s cannot be refreshed in time.
    static func integerSeconds(_ name: String, _ slot: Slot<Target, Duration>, _ documentation: String) -> Keyword {
        Keyword(name, .integer(0...4_294_967_294, unit: "s"), default: "10", documentation) { target, reader in
            guard let value = reader.integer(0...4_294_967_294, unit: "s") else { return }
            guard value != 1 else {
                return reader.report(
                    .range, at: reader.statementRange, "a lifetime of 1 s is too short",
                    reason: "the address would end between two refreshes", fix: "write 0 for no end, or 2 and more")
            }
            reader.assign(&target[keyPath: slot], .seconds(value))
        }
    }
}

extension Keyword {
    /// `garp_extra_if [all] SECS`.
    static func extraInterfaces(
        _ name: String, _ slot: Slot<Target, Duration>, _ range: ClosedRange<Int>, default text: String,
        status: KeywordStatus = .supported
    ) -> Keyword {
        Keyword(
            name, .other("[all] SECONDS"), default: text,
            "Seconds between announcements of addresses on other interfaces than the instance's own; 0 is none.",
            status: status
        ) { target, reader in
            let all = reader.peek() == "all"
            if all { _ = reader.next() }
            guard let value = reader.integer(range, unit: "s") else { return }
            if !all, value > 0 {
                reader.report(
                    .notSupportedYet, at: reader.statementRange,
                    "`\(name)` without `all` concerns virtual MAC interfaces only",
                    reason: "there are none, so nothing is announced", fix: "write `\(name) all \(value)`")
            }
            reader.assign(&target[keyPath: slot], all ? .seconds(value) : .zero)
        }
    }
}
