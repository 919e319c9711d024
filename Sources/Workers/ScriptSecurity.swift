import Configuration
import LinuxWorld
import Primitives

/// `enable_script_security`: a script that runs as root must lie where only root can write, along its whole
/// path, or whoever may write there is root too. Scripts that do not are not run. Nor are scripts for which no user is
/// named anywhere: in this mode nothing runs as root by omission.
public enum ScriptSecurity {
    /// The model without the scripts that are refused, and a line for each.
    public static func secured(_ model: Model, _ identities: ScriptIdentities) -> (Model, refused: [String]) {
        guard model.global.enableScriptSecurity else { return (model, []) }
        var model = model
        var refused: [String] = []
        func isSafe(_ hook: HookCommand) -> Bool {
            guard let path = hook.argv.first, (identities.command(hook).user ?? ThisProcess.user) == 0 else {
                return true
            }
            func refuse(_ line: String) -> Bool {
                if !refused.contains(line) { refused.append(line) }
                return false
            }
            if hook.user == nil, !identities.hasStandardUser {
                return refuse(
                    "\(path) is not run: with `enable_script_security` somebody must say whom it runs as; write `script_user`, "
                        + "or make the user keepalived_script")
            }
            // What is not found is not run, and the supervisor says so.
            guard let file = ScriptPath.find(path), let fault = PathSafety.fault(of: file) else { return true }
            return refuse(
                "\(path) is not run: \(fault), and it would run as root; mend the permissions, or give it a `user`")
        }
        func secure(_ notify: inout NotifyScripts) {
            let hooks: [WritableKeyPath<NotifyScripts, HookCommand?>] = [
                \.master, \.backup, \.fault, \.stop, \.deleted, \.any, \.masterReceivedLowerPriority, \.split,
            ]
            for hook in hooks {
                if let command = notify[keyPath: hook], !isSafe(command) { notify[keyPath: hook] = nil }
            }
        }
        for index in model.instances.indices { secure(&model.instances[index].notify) }
        for index in model.syncGroups.indices { secure(&model.syncGroups[index].notify) }
        for index in model.virtualServers.indices { secureServers(of: &model.virtualServers[index], isSafe) }
        if let command = model.global.startupScript, !isSafe(command) { model.global.startupScript = nil }
        if let command = model.global.shutdownScript, !isSafe(command) { model.global.shutdownScript = nil }
        if let reader = model.global.notifyFIFO?.script, !isSafe(reader) { model.global.notifyFIFO?.script = nil }
        if let reader = model.global.vrrpNotifyFIFO?.script, !isSafe(reader) {
            model.global.vrrpNotifyFIFO?.script = nil
        }
        if let reader = model.global.forwarding.notifyFIFO?.script, !isSafe(reader) {
            model.global.forwarding.notifyFIFO?.script = nil
        }
        model.scripts.removeAll { script in
            guard case .run(let argv) = script.command else { return false }
            return !isSafe(HookCommand(argv: argv, user: script.user))
        }
        // As keepalived: what tracks a refused script goes on without it.
        let names = model.scripts.map(\.name)
        for index in model.instances.indices {
            model.instances[index].trackScripts.removeAll { !names.contains($0.name) }
        }
        for index in model.syncGroups.indices {
            model.syncGroups[index].trackScripts.removeAll { !names.contains($0.name) }
        }
        return (model, refused)
    }

    /// A check whose program is refused never succeeds: nobody may take a server for well that nobody asked.
    private static func secureServers(of server: inout VirtualServer, _ isSafe: (HookCommand) -> Bool) {
        if let hook = server.quorumUp, !isSafe(hook) { server.quorumUp = nil }
        if let hook = server.quorumDown, !isSafe(hook) { server.quorumDown = nil }
        for index in server.realServers.indices {
            if let hook = server.realServers[index].notifyUp, !isSafe(hook) { server.realServers[index].notifyUp = nil }
            if let hook = server.realServers[index].notifyDown, !isSafe(hook) {
                server.realServers[index].notifyDown = nil
            }
            for check in server.realServers[index].checks.indices {
                guard case .command(var probe) = server.realServers[index].checks[check].probe,
                    !isSafe(HookCommand(argv: probe.argv, user: probe.user))
                else { continue }
                probe.argv = ["/bin/false"]
                server.realServers[index].checks[check].probe = .command(probe)
            }
        }
    }
}
