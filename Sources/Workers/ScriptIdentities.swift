import Configuration
import LinuxWorld
import Primitives
import Supervision

/// Whom scripts run as: names of the configuration turned into numbers, once per configuration, because the
/// supervisor does not read it.
public struct ScriptIdentities {
    private let users: UserDatabase?
    private let standard: ScriptUser?
    /// Somebody says whom scripts run as that do not say it themselves.
    var hasStandardUser: Bool { standard != nil }
    public let fifoTargets: [FIFOTarget]

    public init(_ global: GlobalDefinitions) {
        // Without readable user files numbers still work, and names are told to be unknown.
        users = try? UserDatabase.load()
        // keepalived's rule: `script_user`, else the user keepalived_script where it exists, else the daemon's own.
        let conventional = users?.user("keepalived_script") != nil ? ScriptUser(user: "keepalived_script") : nil
        standard = global.scriptUser ?? conventional
        var targets: [FIFOTarget] = []
        if global.notifyFIFO != nil { targets.append(.all) }
        if global.vrrpNotifyFIFO != nil { targets.append(.vrrp) }
        fifoTargets = targets
    }

    private func identity(_ user: ScriptUser) -> ProcessIdentity? {
        users?.identity(user: user.user, group: user.group)
    }

    /// The command with its rights. One whose user is unknown gets none: it runs as nobody rather than as root.
    public func command(_ hook: HookCommand) -> ScriptCommand {
        guard let user = hook.user ?? standard else { return ScriptCommand(arguments: hook.argv) }
        guard let identity = identity(user) else {
            return ScriptCommand(arguments: hook.argv, user: 65534, group: 65534)
        }
        return ScriptCommand(
            arguments: hook.argv, user: identity.uid, group: identity.gid,
            supplementaryGroups: user.supplementary ? identity.groups : [])
    }

    /// Users that the model's scripts name and that this machine does not have.
    public func unknownUsers(of model: Model) -> [String] {
        var named = model.scripts.compactMap(\.user)
        if let standard { named.append(standard) }
        let notifies = model.instances.map(\.notify) + model.syncGroups.map(\.notify)
        for notify in notifies {
            let hooks = [notify.master, notify.backup, notify.fault, notify.stop, notify.deleted, notify.any]
            named += hooks.compactMap { $0?.user }
        }
        var unknown: [String] = []
        for user in named where identity(user) == nil && !unknown.contains(user.user) { unknown.append(user.user) }
        return unknown
    }

    /// What the supervisor must know of a configuration.
    public func settings(of model: Model, shortest: Duration?) -> SupervisorSettings {
        var fifos: [SupervisorSettings.FIFO] = []
        let pipes = [
            (FIFOTarget.all, model.global.notifyFIFO), (.vrrp, model.global.vrrpNotifyFIFO),
            (.lvs, model.global.forwarding.notifyFIFO),
        ]
        for (target, fifo) in pipes {
            guard let fifo else { continue }
            let owner = fifo.user.flatMap { users?.identity(user: $0, group: fifo.group) }
            fifos.append(
                .init(
                    target: target, path: fifo.path, user: owner?.uid, group: owner?.gid,
                    reader: fifo.script.map(command)))
        }
        return SupervisorSettings(
            advertInterval: shortest ?? .seconds(1), fifos: fifos, statePath: model.global.stateDumpFile ?? "",
            statisticsPath: model.global.statsDumpFile ?? "",
            shutdownScript: model.global.shutdownScript.map(command), shutdownLimit: model.global.shutdownScriptTimeout,
            umask: model.global.umask.map { UInt32($0) }, processName: model.global.processName ?? "",
            needsHealth: !model.virtualServers.isEmpty, needsArbiter: !model.leases.isEmpty,
            followedInstance: model.global.forwarding.syncDaemon?.instance ?? "")
    }
}
