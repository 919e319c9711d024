import ConfigLanguage
import Primitives

/// What virtual servers are resolved against: what other blocks define, and what holds for all of them.
struct ServerScope {
    /// What there is to know of a group without going through its entries again.
    struct Group {
        var name: Written<String>
        var entries: [Written<VirtualServerGroup.Entry>]
        var families: Set<AddressFamily> = []
        var markFamilies: Set<AddressFamily> = []
        /// The port of every address; nil where they differ or there are none.
        var port: UInt16?
        var hasAddresses = false
        var hasPortZero = false
    }

    var groups: [String: Group] = [:]
    /// In the order of the text.
    var groupNames: [String] = []
    /// Groups that were dropped for a fault, which has been reported.
    var faultyGroups: Set<String> = []
    var usedGroups: Set<String> = []
    /// Defaults of `smtp_alert` and `log_all_failures`.
    var alertsOfVirtualServers = false
    var alertsOfRealServers = true
    var logsAllFailures = false
    /// `SSL` names the authorities to believe, or it was said that it does not.
    var knowsAuthority = false
    /// Names that were looked for among others like them: each search goes through all.
    var searches = 0
}

extension Resolver {
    /// The servers of a configuration, where they are defined, and what they share.
    mutating func resolveServers(
        _ root: RootDraft, _ reader: inout StatementReader, into model: inout Model, _ definitions: inout Definitions
    ) {
        guard !root.virtualServers.isEmpty || !root.serverGroups.isEmpty || root.tls != nil else { return }
        servers.alertsOfVirtualServers = global.mail.alertCheckers ?? global.mail.alert ?? false
        servers.alertsOfRealServers = global.mail.alertCheckers ?? global.mail.alert ?? true
        servers.logsAllFailures = global.forwarding.logsAllFailures
        if let tls = root.tls {
            model.tls = TLSMaterial(
                password: tls.value.password?.value, authority: tls.value.authority?.value,
                certificate: tls.value.certificate?.value, key: tls.value.key?.value)
            definitions.tls = tls.range
            servers.knowsAuthority = tls.value.authority != nil
        }
        for draft in root.serverGroups {
            guard let group = resolve(draft) else { continue }
            model.virtualServerGroups.append(group)
            definitions.virtualServerGroups.append(draft.name.range)
        }
        model.virtualServers.reserveCapacity(root.virtualServers.count)
        definitions.virtualServers.reserveCapacity(root.virtualServers.count)
        for statement in root.virtualServers {
            guard let draft = read(Int(statement), &reader), let server = resolve(draft) else { continue }
            model.virtualServers.append(server)
            definitions.virtualServers.append(draft.range)
        }
        checkPlane()
        dropDuplicates(&model.virtualServers, &definitions.virtualServers)
        for name in servers.groupNames where !servers.usedGroups.contains(name) {
            guard let group = servers.groups[name] else { continue }
            report(
                .unusedServerGroup, at: group.name.range, "no virtual server has the group `\(name)`",
                reason: "its addresses are not served", fix: "write `virtual_server group \(name) { … }`, or remove it")
        }
    }

    /// One virtual server as it is written. Its faults join the resolver's.
    private mutating func read(_ statement: Int, _ reader: inout StatementReader) -> VirtualServerDraft? {
        swap(&diagnostics, &reader.diagnostics)
        defer { swap(&diagnostics, &reader.diagnostics) }
        reader.resume(at: statement)
        guard var draft = reader.service() else { return nil }
        draft.failed = reader.readBlock(Schema.virtualServer, into: &draft)
        return draft
    }

    // MARK: Groups

    private mutating func resolve(_ draft: ServerGroupDraft) -> VirtualServerGroup? {
        let name = draft.name.value
        if let before = servers.groups[name] {
            report(
                .duplicateServerGroup, at: draft.name.range, "there are two groups `\(name)`",
                reason: "only the first is used", fix: "give it a name of its own",
                related: [Diagnostic.Related(before.name.range, "defined here before")])
            return nil
        }
        guard !draft.entries.isEmpty else {
            servers.faultyGroups.insert(name)
            if !draft.hadFaults || leniency == .keepalived {
                report(
                    .emptyServerGroup, at: draft.name.range, "the group `\(name)` has no entries",
                    reason: "its virtual servers serve nothing", fix: "add addresses, or `fwmark N`")
            }
            return nil
        }
        var group = ServerScope.Group(name: draft.name, entries: draft.entries)
        for entry in draft.entries {
            switch entry.value {
            case .addresses(let first, _, let port):
                group.port = group.hasAddresses && group.port != port ? nil : port
                group.hasAddresses = true
                group.families.insert(first.family)
                if port == 0 { group.hasPortZero = true }
            case .firewallMark(_, let family):
                if let family { group.markFamilies.insert(family) }
            }
        }
        if group.hasPortZero { group.port = nil }
        servers.groups[name] = group
        servers.groupNames.append(name)
        return VirtualServerGroup(name: name, entries: draft.entries.map(\.value))
    }

    /// The group of a virtual server, which names it at `range`; nil with a report.
    mutating func serverGroup(_ name: String, _ range: SourceRange) -> ServerScope.Group? {
        servers.usedGroups.insert(name)
        if let group = servers.groups[name] { return group }
        guard !servers.faultyGroups.contains(name) else { return nil }
        let meant =
            servers.searches < 100 ? Spelling.nearest(to: name, among: Array(servers.groupNames.prefix(1_000))) : nil
        servers.searches += 1
        report(
            .unknownServerGroup, at: range, "there is no group `\(name)`",
            reason: "the virtual server has nothing to serve",
            fix: meant.map { "did you mean `\($0)`?" } ?? "define it with `virtual_server_group \(name) { … }`",
            fixIt: meant.map { Diagnostic.FixIt(range, $0) })
        return nil
    }
}
