import Configuration
import Primitives
import VRRP

/// A tracked script while it runs again and again.
struct ScriptSlot: Sendable {
    let id: ScriptID
    let definition: TrackScript
    /// Successes count up to `rise + fall - 1`, failures down to 0; it is up from `rise` on.
    var result: Int
    /// Whether any result came yet. Until then it is neither up nor down.
    var isKnown: Bool
    var isRunning = false
    /// A run was due while the last one was still going.
    var isOverdue = false
    var nextRun: Instant?
    var users: [RouterID] = []
    var lastOutcome: ScriptOutcome?
    var recordKey: UInt64

    var isUp: Bool { result >= definition.rise }

    init(id: ScriptID, _ definition: TrackScript) {
        self.id = id
        self.definition = definition
        // One success is enough at first, unless the script starts as failed.
        result = definition.initFail ? 0 : definition.rise - 1
        isKnown = definition.initFail
        var hash = StableHash()
        hash.add(definition.name)
        switch definition.command {
        case .run(let argv): for word in argv { hash.add(word) }
        case .open(let path): hash.add(path)
        }
        recordKey = hash.value
    }
}

extension Engine {
    func scriptIndex(_ id: ScriptID) -> Int? { scripts.firstIndex { $0.id == id } }

    /// The definition behind a script's handle, for the world that runs it.
    public func script(_ id: ScriptID) -> TrackScript? { scriptIndex(id).map { scripts[$0].definition } }

    /// What a successor needs of a script.
    public func record(of id: ScriptID) -> ScriptRecord? {
        guard let index = scriptIndex(id), scripts[index].isKnown else { return nil }
        return ScriptRecord(key: scripts[index].recordKey, result: Int32(clamping: scripts[index].result))
    }

    mutating func adopt(_ records: [ScriptRecord]) {
        for index in scripts.indices {
            guard let record = records.first(where: { $0.key == scripts[index].recordKey }) else { continue }
            let definition = scripts[index].definition
            scripts[index].result = min(max(Int(record.result), 0), definition.rise + definition.fall - 1)
            scripts[index].isKnown = true
        }
    }

    /// Scripts that are tracked run from now on; others do not run at all.
    mutating func startScripts(at now: Instant) {
        for index in scripts.indices where !scripts[index].users.isEmpty && scripts[index].nextRun == nil {
            scripts[index].nextRun = now
            deadlines.set(.init(.script, index), now)
        }
    }

    mutating func cancelScript(_ index: Int, into effects: inout [Effect]) {
        deadlines.set(.init(.script, index), nil)
        scripts[index].nextRun = nil
        if scripts[index].isRunning { effects.append(.cancelScript(scripts[index].id)) }
        scripts[index].isRunning = false
    }

    mutating func scriptIsDue(_ index: Int, at now: Instant, into effects: inout [Effect]) {
        guard index < scripts.count, let due = scripts[index].nextRun, phase == .running else { return }
        let interval = max(scripts[index].definition.interval, .milliseconds(1))
        // As with adverts: the next follows the deadline, unless it was far too late.
        let next = (now - due < interval ? due : now) + interval
        scripts[index].nextRun = next
        deadlines.set(.init(.script, index), next)
        if scripts[index].isRunning {
            scripts[index].isOverdue = true
            effects.append(.note(.scriptSkipped(scripts[index].id)))
        } else {
            start(index, into: &effects)
        }
    }

    private mutating func start(_ index: Int, into effects: inout [Effect]) {
        (scripts[index].isRunning, scripts[index].isOverdue) = (true, false)
        effects.append(.startScript(scripts[index].id))
    }

    mutating func receive(
        _ outcome: ScriptOutcome, of id: ScriptID, at now: Instant, into effects: inout [Effect]
    ) {
        guard phase == .running, let index = scriptIndex(id), scripts[index].isRunning else { return }
        let definition = scripts[index].definition
        let (wasUp, wasKnown) = (scripts[index].isUp, scripts[index].isKnown)
        scripts[index].isRunning = false
        scripts[index].lastOutcome = outcome
        scripts[index].isKnown = true
        // With a timeout as long as the interval a hanging script would only be tried every other time.
        if outcome == .timedOut, scripts[index].isOverdue, scripts[index].nextRun != nil {
            start(index, into: &effects)
        }
        let (rise, top) = (definition.rise, definition.rise + definition.fall - 1)
        if outcome.isSuccess {
            let next = scripts[index].result + 1
            scripts[index].result = next >= rise ? top : next
        } else {
            let next = scripts[index].result - 1
            scripts[index].result = next < rise ? (wasUp || !wasKnown ? 0 : max(next, 0)) : next
        }
        guard scripts[index].isUp != wasUp || !wasKnown else { return }
        effects.append(.recordScript(id))
        effects.append(.note(.scriptChanged(id, isUp: scripts[index].isUp)))
        for user in scripts[index].users { environmentChanged(user, at: now, into: &effects) }
    }

    // MARK: - What trackers mean for a router

    /// keepalived's table: without a weight a tracker decides about FAULT, with one about the priority.
    func fault(of tracker: Tracker) -> FaultReason? {
        switch tracker {
        case .interface(let name, 0, let reverse): isUp(name) == reverse ? .trackedInterface(name) : nil
        case .script(let id, 0, let reverse):
            scriptIndex(id).flatMap { index in
                let script = scripts[index]
                if !script.isKnown { return .scriptPending(script.definition.name) }
                return script.isUp == reverse ? .script(script.definition.name) : nil
            }
        default: nil
        }
    }

    func priorityDelta(of slot: RouterSlot) -> Int {
        slot.trackers.reduce(0) { sum, tracker in
            switch tracker {
            case .interface(let name, let weight, let reverse):
                sum + PriorityRange.delta(weight, reverse: reverse, isUp: isUp(name))
            case .script(let id, let weight, let reverse):
                sum
                    + (scriptIndex(id).map { PriorityRange.delta(weight, reverse: reverse, isUp: scripts[$0].isUp) }
                        ?? 0)
            }
        }
    }
}
