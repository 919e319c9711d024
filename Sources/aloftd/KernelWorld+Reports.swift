import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP

/// What people and scripts learn of the engine: log lines, history, hooks, FIFO lines.
extension KernelWorld {
    mutating func report(_ transition: Transition, _ id: RouterID, _ engine: borrowing Engine, at now: Instant) {
        guard let status = engine.status(of: id) else { return }
        let reason = Narration.reason(transition, of: status)
        let rule = transition.cause.rule.description
        let level: LogLevel = transition.to == .fault ? .warning : .notice
        log(level, "(\(status.name)) \(stateName(transition.to)) STATE, was \(transition.from): \(reason) [\(rule)]")
        send(
            .transition(
                TransitionRecord(
                    name: status.name, from: transition.from.description, to: stateName(transition.to), rule: rule,
                    reason: reason, priority: status.priority.rawValue, at: now)))
    }

    mutating func reportGroup(
        _ id: GroupID, _ from: Role, _ to: Role, _ engine: borrowing Engine, at now: Instant
    ) {
        guard let group = engine.group(id) else { return }
        log(.notice, "(\(group.name)) sync group: \(stateName(to)) STATE, was \(from)")
        send(
            .transition(
                TransitionRecord(
                    name: group.name, subject: .group, from: from.description, to: stateName(to),
                    rule: RuleID.groupRole.description, reason: "its members changed", priority: 0, at: now)))
    }

    /// What is no change of state stands in the history as one from it to itself: the last record tells the state.
    private mutating func remember(_ rule: RuleID, _ reason: String, of status: RouterStatus, at now: Instant) {
        let state = stateName(status.role)
        send(
            .transition(
                TransitionRecord(
                    name: status.name, from: state, to: state, rule: rule.description, reason: reason,
                    priority: status.priority.rawValue, at: now)))
    }

    private func stateName(_ role: Role) -> String { role == .initialize ? "STOP" : role.description }

    // MARK: - Hooks

    /// - Parameter unlessRun: only the hooks, and only if the supervisor did not hear of this state yet.
    mutating func runHooks(
        _ subject: HookSubject, _ kind: HookKind, _ engine: borrowing Engine, unlessRun: Bool = false
    ) {
        let name: String
        let notify: NotifyScripts
        let priority: UInt8
        let isGroup: Bool
        switch subject {
        case .router(let id):
            guard let definition = engine.definition(of: id) else { return }
            (name, notify, isGroup) = (definition.name, definition.notify, false)
            priority = engine.priority(of: id)?.rawValue ?? 0
        case .group(let id):
            guard let group = engine.group(id) else { return }
            (name, notify, isGroup, priority) = (group.name, group.notify, true, 0)
        }
        let kindOfSubject = isGroup ? "GROUP" : "INSTANCE"
        var state = Self.word(kind)
        if kind == .priorityChanged, case .router(let id) = subject {
            state = engine.status(of: id)?.role == .master ? "MASTER_PRIORITY" : "BACKUP_PRIORITY"
        }
        // A word that keepalived's readers do not know goes only where a keyword of Aloft's asks for what it is about.
        for target in scripts.fifoTargets where !unlessRun && (kind != .split || notify.split != nil) {
            send(.fifo(target, "\(kindOfSubject) \"\(name)\" \(state) \(priority)\n"))
        }
        var commands: [ScriptCommand] = []
        let isRole = kind != .masterReceivedLowerPriority && kind != .priorityChanged && kind != .split
        if var specific = Self.specific(notify, kind) {
            if kind == .split { specific.argv += [kindOfSubject, name, state, "\(priority)"] }
            commands.append(scripts.command(specific))
        }
        if isRole, var general = notify.any {
            general.argv += [kindOfSubject, name, state, "\(priority)"]
            commands.append(scripts.command(general))
        }
        // A change of role without commands of its own still supersedes one that waits: its hook would come too late.
        guard !commands.isEmpty || isRole && notify != NotifyScripts() else { return }
        let subjectKey = "\(kindOfSubject) \(name)"
        let limit: Duration = kind == .stop ? .seconds(1) : HookRequest.defaultLimit
        send(
            .hook(
                HookRequest(
                    key: isRole ? subjectKey : subjectKey + " \(state)", state: state, commands: commands, limit: limit,
                    unlessRun: unlessRun)))
    }

    /// `fifo_write_vrrp_states_on_reload`.
    mutating func repeatStates(_ engine: borrowing Engine) {
        guard engine.model.global.fifoWriteStatesOnReload else { return }
        for status in engine.statuses {
            for target in scripts.fifoTargets {
                send(.fifo(target, "INSTANCE \"\(status.name)\" \(status.role) \(status.priority)\n"))
            }
        }
        for id in engine.groupIDs {
            guard let group = engine.group(id) else { continue }
            for target in scripts.fifoTargets { send(.fifo(target, "GROUP \"\(group.name)\" \(group.role) 0\n")) }
        }
    }

    private static func word(_ kind: HookKind) -> String {
        switch kind {
        case .backup: "BACKUP"
        case .master: "MASTER"
        case .fault: "FAULT"
        case .stop: "STOP"
        case .deleted: "DELETED"
        case .masterReceivedLowerPriority: "MASTER_RX_LOWER_PRI"
        case .priorityChanged: "PRIORITY"
        case .split: "SPLIT"
        }
    }

    private static func specific(_ notify: NotifyScripts, _ kind: HookKind) -> HookCommand? {
        switch kind {
        case .backup: notify.backup
        case .master: notify.master
        case .fault: notify.fault
        case .stop: notify.stop
        case .deleted: notify.deleted
        case .masterReceivedLowerPriority: notify.masterReceivedLowerPriority
        case .priorityChanged: nil
        case .split: notify.split
        }
    }

    // MARK: - Tracked scripts

    mutating func startScript(_ id: ScriptID, _ engine: borrowing Engine) {
        guard let script = engine.script(id) else { return }
        let command: ScriptCommand
        switch script.command {
        case .run(let argv): command = scripts.command(HookCommand(argv: argv, user: script.user))
        // keepalived's `script "</path"` asks only whether the file can be read.
        case .open(let path):
            command = scripts.command(HookCommand(argv: ["/usr/bin/test", "-r", path], user: script.user))
        }
        send(.startCheck(CheckRequest(id: id.number, command: command, timeout: script.effectiveTimeout)))
    }

    // MARK: - Notes

    mutating func report(_ note: Note, _ engine: borrowing Engine, at now: Instant) {
        func name(_ id: RouterID) -> String { engine.definition(of: id)?.name ?? "?" }
        func log(_ level: LogLevel, _ text: String) { send(.log(level, "\(text) [\(note.rule)]")) }
        switch note {
        case .heardLowerPriority(let id, let priority, let from):
            log(
                .warning,
                "(\(name(id))) \(from) advertises with the lower priority \(priority) although this node is master; answered so that it yields"
            )
        case .priorityChanged(let id, let from, let to):
            log(.notice, "(\(name(id))) priority \(from) becomes \(to)")
        case .rejected(let id, let rejection, let from):
            guard let status = engine.status(of: id) else { return }
            log(
                .warning,
                "(\(status.name)) \(Narration.rejection(rejection, from: from, of: status)); dropped, more of its kind are only counted"
            )
        case .addressesDiffer(let id, let from):
            log(
                .warning,
                "(\(name(id))) \(from) advertises other addresses than `virtual_ipaddress` has here; accepted, but a fail-over would change what is served"
            )
        case .unknownRouter(let id, let interface, let from):
            let device = engine.link(interface)?.name ?? "\(interface)"
            log(.info, "\(from) advertises virtual router \(id) on \(device), which is not configured here")
        case .repaired(let id):
            guard let entry = engine.address(id) else { return }
            log(
                .warning,
                "\(entry.key.prefix) disappeared from \(entry.key.device) although this node is master; put back"
            )
        case .fought(let id):
            guard let entry = engine.address(id) else { return }
            log(
                .error,
                "\(entry.key.prefix) was removed from \(entry.key.device) ten times in ten seconds; somebody else manages that interface. Its instances are in FAULT for 30 s"
            )
        case .operationFailed(let id, let operation, let errno):
            guard let entry = engine.address(id) else { return }
            log(
                .error,
                "cannot \(operation) \(entry.key.prefix) on \(entry.key.device): \(Errno(errno)); tried again every second"
            )
        case .scriptChanged(let id, let isUp):
            log(.notice, "script \(engine.script(id)?.name ?? "?") \(isUp ? "succeeds" : "fails")")
        case .scriptSkipped(let id):
            log(
                .warning,
                "script \(engine.script(id)?.name ?? "?") is still running when it is due again; this round is skipped"
            )
        case .leaseTaken(let id):
            guard let lease = engine.lease(id) else { return }
            log(.notice, "(\(lease.definition.name)) this node holds the lease: \(Narration.holding(lease))")
        case .leaseLost(let id, let loss):
            guard let lease = engine.lease(id) else { return }
            log(.error, "(\(lease.definition.name)) this node serves no more: \(Narration.loss(loss, of: lease))")
        case .split(let id, let split), .splitLasts(let id, let split), .splitOver(let id, let split):
            guard let status = engine.status(of: id) else { return }
            let text = Narration.split(split, of: status, on: engine.nodeName, at: now)
            if case .splitLasts = note { return log(.warning, "(\(status.name)) \(text)") }
            log(split.isOver ? .warning : .error, "(\(status.name)) \(text)")
            remember(note.rule, text, of: status, at: now)
        case .leaseKept(let id, let keeping):
            guard let lease = engine.lease(id) else { return }
            log(
                keeping.rule == .leaseKeptAnyway ? .error : .warning,
                "(\(lease.definition.name)) \(Narration.keeping(lease) ?? "it is held without its arbiter")")
        case .leaseKeptNoMore(let id):
            guard let lease = engine.lease(id) else { return }
            log(.notice, "(\(lease.definition.name)) arbiter \(lease.arbiter.name) has granted a renewal again")
        case .greeting(let id, let note):
            guard let line = Narration.line(note) else { return }
            log(line.level, "(\(name(id))) \(line.text)")
        case .tooLateToAdopt(let id, let since):
            log(
                .error,
                "(\(name(id))) the last advertisement of the previous worker is \(since.formattedSeconds()) s old; starting as backup"
            )
        }
    }
}
