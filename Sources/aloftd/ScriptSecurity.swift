import Configuration
import LinuxWorld
import Primitives

/// `enable_script_security`: a script that runs as root must lie where only root can write, along its whole
/// path, or whoever may write there is root too. Scripts that do not are not run. Nor are scripts for which no user is
/// named anywhere: in this mode nothing runs as root by omission.
enum ScriptSecurity {
    /// The model without the scripts that are refused, and a line for each.
    static func secured(_ model: Model, _ identities: ScriptIdentities) -> (Model, refused: [String]) {
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
                \.master, \.backup, \.fault, \.stop, \.deleted, \.any, \.masterReceivedLowerPriority,
            ]
            for hook in hooks {
                if let command = notify[keyPath: hook], !isSafe(command) { notify[keyPath: hook] = nil }
            }
        }
        for index in model.instances.indices { secure(&model.instances[index].notify) }
        for index in model.syncGroups.indices { secure(&model.syncGroups[index].notify) }
        if let command = model.global.startupScript, !isSafe(command) { model.global.startupScript = nil }
        if let command = model.global.shutdownScript, !isSafe(command) { model.global.shutdownScript = nil }
        if let reader = model.global.notifyFIFO?.script, !isSafe(reader) { model.global.notifyFIFO?.script = nil }
        if let reader = model.global.vrrpNotifyFIFO?.script, !isSafe(reader) {
            model.global.vrrpNotifyFIFO?.script = nil
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
}
