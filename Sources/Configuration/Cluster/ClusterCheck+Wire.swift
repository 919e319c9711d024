import ConfigLanguage
import Primitives

/// What must be equal on the wire, or the nodes do not hear each other: each is then master alone.
extension ClusterCheck {
    mutating func checkWire(_ router: ClusterRouter) {
        let members = router.members
        guard !checkTransport(members), !checkVersion(members) else { return }
        checkInterval(members)
        checkAuthentication(members)
        checkChecksum(members)
    }

    /// True when nothing that follows would matter.
    private mutating func checkTransport(_ members: [Member]) -> Bool {
        if let (usual, odd) = odd(members, \.isUnicast) {
            for member in odd {
                let how = instance(member).isUnicast ? "unicast" : "multicast"
                report(
                    .clusterTransport, at: member, places(member).unicastPeers,
                    "`\(instance(member).name)` speaks \(how) here, and not on \(name(usual))",
                    reason: "neither hears the other: both would be master",
                    fix: "write `unicast_peer` on every node, or on none",
                    elsewhere: [place(usual, places(usual).unicastPeers, "the other node")])
            }
            return true
        }
        guard members.first.map({ !instance($0).isUnicast }) == true,
            let (usual, odd) = odd(members, \.multicastGroup)
        else { return false }
        for member in odd {
            report(
                .clusterGroup, at: member, places(member).multicastGroup,
                "adverts of `\(instance(member).name)` go to \(instance(member).multicastGroup) here, "
                    + "and to \(instance(usual).multicastGroup) on \(name(usual))",
                reason: "neither hears the other: both would be master", fix: "write the same group on every node",
                elsewhere: [place(usual, places(usual).multicastGroup, "the other group")])
        }
        return true
    }

    private mutating func checkVersion(_ members: [Member]) -> Bool {
        guard let (usual, odd) = odd(members, \.version) else { return false }
        for member in odd {
            report(
                .clusterVersion, at: member, places(member).version,
                "`\(instance(member).name)` speaks version \(instance(member).version.rawValue) here, "
                    + "and \(instance(usual).version.rawValue) on \(name(usual))",
                reason: "adverts of another version are dropped: both would be master",
                fix: "write the same `version` or `vrrp_version` on every node",
                elsewhere: [place(usual, places(usual).version, "the other version")])
        }
        return true
    }

    private mutating func checkInterval(_ members: [Member]) {
        guard let (usual, odd) = odd(members, \.advertInterval) else { return }
        let isFatal = instance(usual).version == .v2
        for member in odd {
            let here = instance(member).advertInterval.formattedSeconds()
            let there = instance(usual).advertInterval.formattedSeconds()
            report(
                isFatal ? .clusterInterval : .clusterIntervalLearnt, at: member, places(member).advertInterval,
                "`\(instance(member).name)` advertises every \(here) s here, and every \(there) s on \(name(usual))",
                reason: isFatal
                    ? "version 2 drops adverts of another interval: both would be master"
                    : "a backup learns the master's interval, so the time to fail over depends on who was master",
                fix: "write the same `advert_int` on every node",
                elsewhere: [place(usual, places(usual).advertInterval, "the other interval")])
        }
    }

    /// Never says a password.
    private mutating func checkAuthentication(_ members: [Member]) {
        guard let (usual, odd) = odd(members, \.authentication) else { return }
        for member in odd {
            let what =
                switch (instance(member).authentication, instance(usual).authentication) {
                case (.none, _): "there is no password here, and one on \(name(usual))"
                case (_, .none): "there is a password here, and none on \(name(usual))"
                default: "the password is another one than on \(name(usual))"
                }
            report(
                .clusterAuthentication, at: member, places(member).authentication,
                "`\(instance(member).name)`: \(what)",
                reason: "adverts that do not carry the own password are dropped: both would be master",
                fix: "write the same `authentication` on every node",
                elsewhere: [place(usual, places(usual).authentication, "the other node")])
        }
    }

    private mutating func checkChecksum(_ members: [Member]) {
        guard let first = members.first, instance(first).version == .v3, instance(first).family == .ipv4,
            let (usual, odd) = odd(members, \.checksumAsV2)
        else { return }
        for member in odd {
            let with = instance(member).checksumAsV2 ? "without" : "with"
            report(
                .clusterChecksum, at: member, places(member).checksumAsV2,
                "checksums of `\(instance(member).name)` are \(with) the pseudo-header here, and not so on \(name(usual))",
                reason: "adverts of another checksum are dropped: both would be master",
                fix: "write the same `v3_checksum_as_v2` on every node",
                elsewhere: [place(usual, places(usual).checksumAsV2, "the other node")])
        }
    }

    // MARK: - Addresses

    mutating func checkAddresses(_ router: ClusterRouter) {
        func addresses(_ instance: InstanceDefinition) -> [IPAddress] {
            instance.virtualAddresses.map(\.prefix.address).sorted()
        }
        if let (usual, odd) = odd(router.members, addresses) {
            for member in odd { reportAddresses(member, usual) }
        } else if let (usual, odd) = odd(
            router.members, { $0.virtualAddresses.map(\.prefix).sorted() })
        {
            for member in odd {
                let there = Set(instance(usual).virtualAddresses.map(\.prefix))
                guard let first = instance(member).virtualAddresses.first(where: { !there.contains($0.prefix) })
                else { continue }
                report(
                    .clusterPrefix, at: member, places(member).place(of: first.prefix.address),
                    "\(first.prefix.address) has the length \(first.prefix.length) here, and another on \(name(usual))",
                    reason: "the hosts that are on its link differ from node to node",
                    fix: "write the same length on every node",
                    elsewhere: [place(usual, places(usual).place(of: first.prefix.address), "the other length")])
            }
        }
        guard
            let (usual, odd) = odd(
                router.members, { $0.excludedAddresses.map(\.prefix.address).sorted() })
        else { return }
        for member in odd {
            let difference = Self.difference(
                instance(member).excludedAddresses.map(\.prefix.address),
                instance(usual).excludedAddresses.map(\.prefix.address))
            report(
                .clusterExcluded, at: member, difference.extra.first.map { places(member).place(of: $0) },
                "`\(instance(member).name)` holds other excluded addresses here than on \(name(usual)): \(difference)",
                reason: "when the master changes, some addresses are gone", fix: "write the same ones on every node",
                elsewhere: [place(usual, places(usual).name, "the other node")])
        }
    }

    private mutating func reportAddresses(_ member: Member, _ usual: Member) {
        let difference = Self.difference(
            instance(member).virtualAddresses.map(\.prefix.address),
            instance(usual).virtualAddresses.map(\.prefix.address))
        report(
            .clusterAddresses, at: member, difference.extra.first.map { places(member).place(of: $0) },
            "`\(instance(member).name)` holds other addresses here than on \(name(usual)): \(difference)",
            reason: "when the master changes, some addresses are gone; keepalived before 2.3.3 even drops such adverts",
            fix: "write the same addresses on every node",
            elsewhere: [place(usual, difference.missing.first.map { places(usual).place(of: $0) }, "the other node")])
    }

    /// What one list has and the other has not.
    struct AddressDifference: CustomStringConvertible {
        var missing: [IPAddress]
        var extra: [IPAddress]

        var description: String {
            var parts: [String] = []
            if !missing.isEmpty {
                parts.append(Self.list(missing) + (missing.count == 1 ? " is" : " are") + " missing")
            }
            if !extra.isEmpty { parts.append(Self.list(extra) + (extra.count == 1 ? " is" : " are") + " only here") }
            return parts.joined(separator: ", ")
        }

        private static func list(_ addresses: [IPAddress]) -> String {
            let shown = addresses.prefix(3).map(\.description).joined(separator: ", ")
            return addresses.count > 3 ? "\(shown) and \(addresses.count - 3) more" : shown
        }
    }

    static func difference(_ here: [IPAddress], _ there: [IPAddress]) -> AddressDifference {
        let (own, other) = (Set(here), Set(there))
        return AddressDifference(
            missing: there.filter { !own.contains($0) }, extra: here.filter { !other.contains($0) })
    }
}
