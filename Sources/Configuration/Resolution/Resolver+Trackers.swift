import ConfigLanguage
import Primitives

/// Names of one kind of block that others refer to.
struct DefinedNames {
    /// The first definition of each.
    var places: [String: SourceRange] = [:]
    /// In the order of the text.
    var names: [String] = []
    /// Dropped for a fault, which has been reported where they stand.
    var faulty: Set<String> = []
    var used: Set<String> = []
    /// The weight that counts where a name is tracked without one.
    var weights: [String: Int] = [:]
}

/// What instances, groups and servers may track by name, beside scripts.
struct TrackerNames {
    enum Kind: Int, CaseIterable {
        case files, processes, sessions, groups

        /// The keyword that defines one.
        var block: String {
            switch self {
            case .files: "track_file"
            case .processes: "vrrp_track_process"
            case .sessions: "bfd_instance"
            case .groups: "track_group"
            }
        }
    }

    private var kinds: [DefinedNames] = Array(repeating: DefinedNames(), count: Kind.allCases.count)
    /// Names that were looked for among others like them: each search goes through all.
    var searches = 0

    subscript(kind: Kind) -> DefinedNames {
        get { kinds[kind.rawValue] }
        _modify { yield &kinds[kind.rawValue] }
    }
}

extension Resolver {
    /// The blocks that are referred to by name.
    mutating func resolveTrackers(
        _ root: RootDraft, _ definitions: inout Definitions
    ) -> ([TrackFile], [TrackProcess], [BFDInstance]) {
        var files: [TrackFile] = []
        for draft in root.trackFiles {
            guard isFirst(draft.name, .files), let file = resolve(draft) else { continue }
            files.append(file)
            definitions.trackFiles.append(draft.name.range)
        }
        var processes: [TrackProcess] = []
        for draft in root.trackProcesses {
            guard isFirst(draft.name, .processes), let process = resolve(draft) else { continue }
            processes.append(process)
            definitions.trackProcesses.append(draft.name.range)
        }
        var sessions: [BFDInstance] = []
        for draft in root.sessions {
            guard isFirst(draft.name, .sessions), let session = resolve(draft) else { continue }
            sessions.append(session)
            definitions.bfdInstances.append(draft.name.range)
        }
        return (files, processes, sessions)
    }

    /// Takes a name; a second one is reported.
    mutating func isFirst(_ name: Written<String>, _ kind: TrackerNames.Kind) -> Bool {
        if let before = trackers[kind].places[name.value] {
            report(
                .duplicateTrackerName, at: name.range, "there are two `\(kind.block)` of the name `\(name.value)`",
                reason: "only the first is used", fix: "give it a name of its own",
                related: [Diagnostic.Related(before, "defined here before")])
            return false
        }
        trackers[kind].places[name.value] = name.range
        trackers[kind].names.append(name.value)
        return true
    }

    /// What a definition cannot be without.
    private mutating func incomplete(
        _ name: Written<String>, _ kind: TrackerNames.Kind, _ keyword: String, _ value: String, _ failed: Set<String>
    ) {
        trackers[kind].faulty.insert(name.value)
        guard !failed.contains(keyword) else { return }
        report(
            .incompleteTracker, at: name.range, "`\(kind.block) \(name.value)` has no `\(keyword)`",
            reason: "there is nothing to look at", fix: "add `\(keyword) \(value)`")
    }

    // MARK: Definitions

    private mutating func resolve(_ draft: TrackFileDraft) -> TrackFile? {
        guard let path = draft.path else {
            incomplete(draft.name, .files, "file", "\"/path\"", draft.failed)
            return nil
        }
        var file = TrackFile(name: draft.name.value, path: path.value)
        file.weight = draft.weight?.value.value ?? 1
        file.reverse = draft.weight?.value.reverse ?? false
        file.initial = draft.initial?.value
        trackers[.files].weights[file.name] = file.weight
        return file
    }

    private mutating func resolve(_ draft: TrackProcessDraft) -> TrackProcess? {
        guard let command = draft.command else {
            incomplete(draft.name, .processes, "process", "NAME", draft.failed)
            return nil
        }
        var process = TrackProcess(name: draft.name.value, command: command.value)
        process.parameterMatch = draft.match?.value ?? .exact
        process.weight = draft.weight?.value.value ?? 0
        process.reverse = draft.weight?.value.reverse ?? false
        process.quorum = draft.quorum?.value ?? 1
        process.quorumMaximum = draft.quorumMaximum?.value
        process.terminateDelay = draft.terminateDelay?.value ?? draft.delay?.value ?? .zero
        process.forkDelay = draft.forkDelay?.value ?? draft.delay?.value ?? .zero
        process.matchesFullCommand = draft.fullCommand?.value ?? false
        // `quorum_max 0` alone is how to say that there must be none.
        if let maximum = draft.quorumMaximum, let quorum = draft.quorum, maximum.value < quorum.value {
            report(
                .trackerQuorum, at: maximum.range, "at least \(quorum.value) and at most \(maximum.value) cannot be",
                reason: "the check would always fail", fix: "write a `quorum_max` of \(quorum.value) or more",
                related: [Diagnostic.Related(quorum.range, "the least")])
        }
        trackers[.processes].weights[process.name] = process.weight
        return process
    }

    private mutating func resolve(_ draft: SessionDraft) -> BFDInstance? {
        guard let neighbour = draft.neighbour else {
            let failed = draft.failed.contains("neighbour_ip") ? draft.failed.union(["neighbor_ip"]) : draft.failed
            incomplete(draft.name, .sessions, "neighbor_ip", "ADDRESS", failed)
            return nil
        }
        var session = BFDInstance(name: draft.name.value, neighbour: neighbour.value)
        if let source = draft.source {
            if source.value.family == neighbour.value.family {
                session.source = source.value
            } else {
                report(
                    .sessionFamily, at: source.range, "\(source.value) cannot speak to \(neighbour.value)",
                    reason: "they are of different families", fix: "write an address of this node in the other family",
                    related: [Diagnostic.Related(neighbour.range, "the neighbour")])
            }
        }
        session.minimumReceive = draft.minimumReceive?.value ?? session.minimumReceive
        session.minimumTransmit = draft.minimumTransmit?.value ?? session.minimumTransmit
        session.idleTransmit = draft.idleTransmit?.value ?? session.idleTransmit
        session.multiplier = draft.multiplier?.value ?? session.multiplier
        session.isPassive = draft.passive?.value ?? false
        session.ttl = draft.ttl?.value ?? session.ttl
        session.maximumHops = draft.maximumHops?.value ?? 0
        session.isMultihop = draft.multihop?.value ?? false
        session.weight = draft.weight?.value.value ?? 0
        session.reverse = draft.weight?.value.reverse ?? false
        session.tellsInstances = draft.forInstances != nil || draft.forCheckers == nil
        session.tellsCheckers = draft.forCheckers != nil || draft.forInstances == nil
        warnOfSlowness(draft)
        trackers[.sessions].weights[session.name] = session.weight
        return session
    }

    private mutating func warnOfSlowness(_ draft: SessionDraft) {
        for interval in [draft.minimumReceive, draft.minimumTransmit] {
            guard let interval, interval.value > .seconds(10) else { continue }
            report(
                .slowSession, at: interval.range, "an interval of more than 10 s is unusual",
                reason: "these times are in milliseconds, and BFD is there to notice a loss in less than a second",
                fix: "write a time such as 300")
        }
        if let multiplier = draft.multiplier, multiplier.value > 10 {
            report(
                .slowSession, at: multiplier.range, "more than 10 missed packets are unusual",
                reason: "a loss is noticed that much later", fix: "write a number from 3 to 10")
        }
    }

    // MARK: References

    /// There is a definition of this name, which is used from now on. Its lack is reported.
    mutating func isDefined(
        _ name: String, at range: SourceRange, _ kind: TrackerNames.Kind, _ rule: Rule, reason: String
    ) -> Bool {
        guard trackers[kind].places[name] == nil else {
            trackers[kind].used.insert(name)
            return !trackers[kind].faulty.contains(name)
        }
        // A long list of names that are all unknown is not looked through for each.
        let meant = trackers.searches < 100 ? Spelling.nearest(to: name, among: trackers[kind].names) : nil
        trackers.searches += 1
        report(
            rule, at: range, "there is no `\(kind.block)` of the name `\(name)`", reason: reason,
            fix: meant.map { "did you mean `\($0)`?" } ?? "define it with `\(kind.block) \(name) { … }`",
            fixIt: meant.map { Diagnostic.FixIt(range, $0) })
        return false
    }

    /// What an instance or a group tracks beside interfaces and scripts: what exists, each once.
    mutating func resolve(_ draft: TrackedItemsDraft) -> TrackedItems {
        var items = TrackedItems()
        items.files = resolve(draft.files, .files)
        items.processes = resolve(draft.processes, .processes)
        items.sessions = resolve(draft.sessions, .sessions)
        return items
    }

    private mutating func resolve(_ drafts: [TrackedDraft], _ kind: TrackerNames.Kind) -> [TrackedItem] {
        guard !drafts.isEmpty else { return [] }
        var seen: Set<String> = []
        var items: [TrackedItem] = []
        for draft in drafts {
            let reason = "it would not be tracked"
            guard isDefined(draft.name, at: draft.range, kind, .undefinedTracker, reason: reason) else { continue }
            guard seen.insert(draft.name).inserted else {
                reportTwice(draft)
                continue
            }
            items.append(TrackedItem(name: draft.name, weight: draft.weight?.value, reverse: draft.weight?.reverse))
        }
        return items
    }

    /// One of them moves the priority.
    func isWeighted(_ items: TrackedItems) -> Bool {
        func moves(_ items: [TrackedItem], _ kind: TrackerNames.Kind) -> Bool {
            items.contains { ($0.weight ?? trackers[kind].weights[$0.name] ?? 0) != 0 }
        }
        return moves(items.files, .files) || moves(items.processes, .processes) || moves(items.sessions, .sessions)
    }

    /// Definitions that nothing refers to.
    mutating func reportUnusedTrackers() {
        for kind in TrackerNames.Kind.allCases {
            for name in trackers[kind].names where !trackers[kind].used.contains(name) {
                guard let place = trackers[kind].places[name], !trackers[kind].faulty.contains(name) else { continue }
                report(
                    .unusedTracker, at: place, "nothing refers to `\(kind.block) \(name)`",
                    reason: "what it says is looked at by nobody",
                    fix: kind == .groups
                        ? "write `track_group \(name)` behind a static entry, or remove it"
                        : "track it, or remove it")
            }
        }
    }
}
