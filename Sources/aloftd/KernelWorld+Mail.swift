import Alerts
import Configuration
import LinuxWorld
import RouterEngine
import Supervision
import Workers

/// Alert mails of instances and groups, as keepalived sends them: on entering master, backup or fault, and none at a stop.
extension KernelWorld {
    mutating func mail(_ subject: HookSubject, _ kind: HookKind, _ engine: borrowing Engine) {
        let state: Alert.State?
        switch kind {
        case .master: state = .master
        case .backup: state = .backup
        case .fault: state = .fault
        case .deleted: state = nil
        case .stop, .masterReceivedLowerPriority, .priorityChanged, .split: return
        }
        let global = engine.model.global
        guard global.mail.server != nil, !(state == .fault && global.mail.omitsFaults) else { return }
        let alert: Alert
        let name: String
        switch subject {
        case .router(let id):
            guard let definition = engine.definition(of: id), definition.smtpAlert else { return }
            alert = state.map { .instance(definition.name, $0) } ?? .deletedInstance(definition.name)
            name = "INSTANCE \(definition.name)"
        case .group(let id):
            guard let state, let group = engine.group(id),
                engine.model.syncGroups.first(where: { $0.name == group.name })?.smtpAlert == true
            else { return }
            alert = .group(group.name, state)
            name = "GROUP \(group.name)"
        }
        let date = BootClock.wallClockNanoseconds()
        guard let order = MailOrder(alert, global, subject: name, state: state?.rawValue ?? "DELETED", date: date)
        else { return }
        send(.mail(order))
    }
}
