import Configuration
import LinuxWorld
import Primitives

/// `enable_script_security`: a script that runs as root must lie where only root can write, along its whole
/// path, or whoever may write there is root too. Scripts that do not are not run.
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
            guard let fault = fault(of: path) else { return true }
            let line =
                "\(path) is not run: \(fault), and it would run as root; mend the permissions, or give it a `user`"
            if !refused.contains(line) { refused.append(line) }
            return false
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

    /// Who besides root could change what runs; nil when nobody.
    private static func fault(of path: String) -> String? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        var prefix = ""
        for component in path.utf8.split(separator: UInt8(ascii: "/")) {
            prefix += "/" + String(decoding: component, as: UTF8.self)
            guard let status = try? Files.status(prefix) else { return "\(prefix) cannot be looked at" }
            if status.uid != 0 { return "\(prefix) belongs to user \(status.uid)" }
            let isSticky = status.mode & 0o1000 != 0
            if status.mode & 0o002 != 0, !isSticky { return "everybody may write \(prefix)" }
            if status.mode & 0o020 != 0, status.gid != 0 { return "group \(status.gid) may write \(prefix)" }
        }
        return nil
    }
}
