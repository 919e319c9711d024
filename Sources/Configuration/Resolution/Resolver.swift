import ConfigLanguage
import Primitives

/// Turns what is written into what is meant: fills in defaults, resolves names, and checks what one statement alone
/// cannot show. Names are looked up in dictionaries; the order of the result is that of the text.
struct Resolver {
    var diagnostics: DiagnosticList
    let leniency: Leniency
    var global = GlobalDefinitions()
    var globalDraft = GlobalDraft()
    /// `set_supplementary_groups`.
    var supplementary = false
    /// Scripts by name, as indices of `scripts`.
    var scriptIndex: [String: Int] = [:]
    /// Scripts that were defined but could not be read: the fault has been reported where they stand.
    var faultyScripts: Set<String> = []
    var scripts: [TrackScript] = []
    var usedScripts: Set<String> = []
    private var searches = 0
    /// What weights make of priorities, as far as it was said.
    var reaches: Set<PriorityRange> = []
    /// All commands but those of scripts, with their places.
    var hooks: [Placed<HookCommand>] = []
    var servers = ServerScope()
    var trackers = TrackerNames()
    var arbiters = ArbiterScope()
    /// That nftables counts no connections was said.
    var saysTurns = false

    init(diagnostics: DiagnosticList, leniency: Leniency) {
        self.diagnostics = diagnostics
        self.leniency = leniency
    }

    mutating func report(
        _ rule: Rule, at range: SourceRange, _ message: String, reason: String = "", fix: String = "",
        fixIt: Diagnostic.FixIt? = nil, related: [Diagnostic.Related] = []
    ) {
        diagnostics.append(
            Diagnostic(
                rule.severity(under: leniency), rule.id, at: range, message, reason: reason, fix: fix, fixIt: fixIt,
                related: related))
    }

    /// `servers` reads the virtual servers, one by one.
    mutating func resolve(_ root: RootDraft, servers reader: inout StatementReader) -> (Model, Definitions) {
        var definitions = Definitions()
        globalDraft = root.global
        resolveGlobal(root.global)
        for draft in root.scripts {
            guard resolve(draft) else { continue }
            definitions.scripts.append(draft.name.range)
            definitions.commands.append(draft.command?.range ?? draft.name.range)
        }
        let definitionsOfTrackers = resolveTrackers(root, &definitions)
        resolveArbiters(root.arbiters, &definitions)
        let kept = uniqueInstances(root.instances)
        // Groups first: their members take defaults from them.
        let names = Dictionary(kept.enumerated().map { ($1.value.name.value, $0) }, uniquingKeysWith: { a, _ in a })
        var (groups, groupDrafts, groupOfInstance) = resolveGroups(root.groups, names)
        var instances: [InstanceDefinition] = []
        var drafts: [Boxed<InstanceDraft>] = []
        instances.reserveCapacity(kept.count)
        for (index, draft) in kept.enumerated() {
            let group = groupOfInstance[index].map { groupDrafts[$0] }
            guard let instance = resolve(draft.value, in: group) else { continue }
            instances.append(instance)
            drafts.append(draft)
            definitions.instances.append(draft.value.name.range)
            definitions.instancePlaces.append(InstancePlaces(draft))
        }
        dropFallen(&groups, &groupDrafts, instances)
        checkTogether(instances, drafts)
        checkGroups(groups, groupDrafts, instances)
        checkLeases(instances, drafts, groups, groupDrafts)
        suspectScriptUser(instances, groups)
        definitions.syncGroups = groupDrafts.map(\.name.range)
        definitions.hooks = hooks
        definitions.groupPlaces = groupDrafts.map(GroupPlaces.init)
        for (script, range) in zip(scripts, definitions.scripts) where !usedScripts.contains(script.name) {
            report(
                .unusedScript, at: range, "no instance tracks the script `\(script.name)`",
                reason: "it is never run", fix: "name it in a `track_script` block, or remove it")
        }
        var model = Model(global: global, scripts: scripts, syncGroups: groups, instances: instances)
        (model.trackFiles, model.trackProcesses, model.bfdInstances) = definitionsOfTrackers
        model.arbiters = arbiters.definitions
        model.statics = resolveStatics(root, names)
        model.interfaces = resolveInterfaces(root)
        checkSyncDaemon(names)
        resolveServers(root, &reader, into: &model, &definitions)
        reportUnusedTrackers()
        // Where something else is refused, that may be why.
        if root.instances.isEmpty, root.virtualServers.isEmpty, !diagnostics.hasError {
            report(
                .noInstances, at: SourceRange(start: 0, end: 0),
                "there is neither a `vrrp_instance` nor a `virtual_server`",
                reason: "the daemon would run and do nothing", fix: "add one, or read another file")
        }
        return (model, definitions)
    }

    private mutating func uniqueInstances(_ drafts: [Boxed<InstanceDraft>]) -> [Boxed<InstanceDraft>] {
        var first: [String: SourceRange] = [:]
        var kept: [Boxed<InstanceDraft>] = []
        for box in drafts {
            let name = box.value.name
            if let before = first[name.value] {
                report(
                    .duplicateInstance, at: name.range, "there are two instances `\(name.value)`",
                    reason: "keepalived skips the second", fix: "give it a name of its own",
                    related: [Diagnostic.Related(before, "defined here before")])
            } else {
                first[name.value] = name.range
                kept.append(box)
            }
        }
        return kept
    }

    // MARK: Scripts and hooks

    /// False when the script is dropped.
    private mutating func resolve(_ draft: ScriptDraft) -> Bool {
        let name = draft.name.value
        if let before = scriptIndex[name] {
            report(
                .duplicateScript, at: draft.name.range, "there are two scripts `\(scripts[before].name)`",
                reason: "only the first is used", fix: "give it a name of its own")
            return false
        }
        guard let command = draft.command else {
            faultyScripts.insert(name)
            guard !draft.failed.contains("script") else { return false }
            report(
                .scriptCommandMissing, at: draft.name.range, "the script `\(name)` has no `script`",
                reason: "there is nothing to run", fix: "add `script \"/path/to/program arguments\"`")
            return false
        }
        var script = TrackScript(name: name, command: command.value)
        if let interval = draft.interval?.value, interval > .zero { script.interval = interval }
        script.timeout = draft.timeout?.value ?? .zero
        script.weight = draft.weight?.value.value ?? 0
        script.reverse = draft.weight?.value.reverse ?? false
        script.rise = draft.rise?.value ?? 1
        script.fall = draft.fall?.value ?? 1
        script.user = resolve(draft.user?.value)
        script.initFail = draft.initFail?.value ?? false
        if let timeout = draft.timeout, timeout.value > script.interval {
            report(
                .scriptTimeout, at: timeout.range, "the timeout is longer than the interval",
                reason: "a run that hangs suppresses the runs after it",
                fix: "write a timeout up to \(script.interval.formattedSeconds())")
        }
        scriptIndex[name] = scripts.count
        scripts.append(script)
        return true
    }

    func resolve(_ user: ScriptUser?) -> ScriptUser? {
        guard var user else { return nil }
        if supplementary { user.supplementary = true }
        return user
    }

    mutating func resolve(_ written: Written<HookCommand>?) -> HookCommand? {
        guard let written else { return nil }
        var hook = written.value
        hook.user = resolve(hook.user)
        hooks.append(Placed(hook, written.range))
        return hook
    }

    mutating func resolve(_ draft: NotifyDraft) -> NotifyScripts {
        var notify = NotifyScripts()
        notify.master = resolve(draft.master)
        notify.backup = resolve(draft.backup)
        notify.fault = resolve(draft.fault)
        notify.stop = resolve(draft.stop)
        notify.deleted = resolve(draft.deleted)
        notify.reportsDeleted = draft.reportsDeleted?.value ?? false
        notify.any = resolve(draft.any)
        notify.masterReceivedLowerPriority = resolve(draft.masterReceivedLowerPriority)
        notify.split = resolve(draft.split)
        return notify
    }

    // MARK: Trackers

    /// The scripts of a `track_script` block that exist, each once.
    mutating func resolveScripts(_ drafts: [TrackedDraft]) -> [TrackedScript] {
        var seen: Set<String> = []
        var tracked: [TrackedScript] = []
        for draft in drafts {
            guard scriptIndex[draft.name] != nil else {
                // A script with a fault of its own has its diagnostic already; without it this one is dropped as well.
                if !faultyScripts.contains(draft.name) { reportUndefined(draft) }
                continue
            }
            guard seen.insert(draft.name).inserted else {
                reportTwice(draft)
                continue
            }
            usedScripts.insert(draft.name)
            tracked.append(
                TrackedScript(name: draft.name, weight: draft.weight?.value, reverse: draft.weight?.reverse))
        }
        return tracked
    }

    /// The name that someone may have meant: for the first hundred faults. There may be thousands, and as many names.
    mutating func meant(by name: String, among names: () -> [String]) -> String? {
        searches += 1
        return searches <= 100 ? Spelling.nearest(to: name, among: names()) : nil
    }

    private mutating func reportUndefined(_ draft: TrackedDraft) {
        let meant = meant(by: draft.name) { [scripts] in scripts.map(\.name) }
        report(
            .undefinedScript, at: draft.range, "there is no script `\(draft.name)`",
            reason: "the instance would run without this check",
            fix: meant.map { "did you mean `\($0)`?" } ?? "define it with `vrrp_script \(draft.name) { … }`",
            fixIt: meant.map { Diagnostic.FixIt(draft.range, $0) })
    }

    /// The interfaces of a `track_interface` block, each once and without `own`.
    mutating func resolveInterfaces(_ drafts: [TrackedDraft], own: String?) -> [TrackedInterface] {
        var seen: Set<String> = []
        var tracked: [TrackedInterface] = []
        for draft in drafts {
            guard draft.name != own else {
                report(
                    .ownInterfaceTracked, at: draft.range, "`\(draft.name)` is the instance's own interface",
                    reason: "it is tracked anyway, and a weight of it has no effect",
                    fix: "remove it; `dont_track_primary` is how not to track it")
                continue
            }
            guard seen.insert(draft.name).inserted else {
                reportTwice(draft)
                continue
            }
            tracked.append(
                TrackedInterface(
                    name: draft.name, weight: draft.weight?.value ?? 0, reverse: draft.weight?.reverse ?? false))
        }
        return tracked
    }

    mutating func reportTwice(_ draft: TrackedDraft) {
        report(
            .duplicateTracker, at: draft.range, "`\(draft.name)` is tracked twice", reason: "the first counts",
            fix: "remove one of them")
    }
}
