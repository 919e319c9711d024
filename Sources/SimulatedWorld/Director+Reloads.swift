import Configuration
import Primitives
import RouterEngine
import VRRP

/// Reloads: what they change, and which routers that touches.
extension Director {
    func reload(_ host: Host, isCalm: Bool) {
        var model = host.model
        let router = draw.below(scenario.routers.count)
        let plan = scenario.routers[router]
        guard let at = model.instances.firstIndex(where: { $0.virtualRouterID == plan.id }) else {
            // It was taken out: put it back.
            simulation.learn(baseModel(host), of: host)
            if isCalm { disturb() }
            simulation.reload(host, touching: Array(scenario.routers.indices))
            return
        }
        var touching = [router]
        var moves = false
        switch draw.below(8) {
        case 0: touching = []
        case 1, 2:
            let spare = VirtualAddress(plan.spare)
            if let present = model.instances[at].virtualAddresses.firstIndex(of: spare) {
                model.instances[at].virtualAddresses.remove(at: present)
            } else {
                model.instances[at].virtualAddresses.append(spare)
            }
        case 3:
            guard !model.instances[at].isOwner else { return isCalm ? observe() : () }
            model.instances[at].basePriority = UInt8(draw.within(1...254))
            if plan.isGrouped {
                // Members of a group agree about who is better.
                for index in model.instances.indices {
                    model.instances[index].basePriority = model.instances[at].basePriority
                }
                touching = Array(scenario.routers.indices)
            }
            moves = true
        case 4:
            model.instances[at].announcements.masterRepeat = draw.within(1...5)
            model.instances[at].announcements.masterRefresh = .seconds(draw.pick([0, 10]))
        case 5:
            let old = model.instances[at].name
            let new = old == plan.name ? plan.name + "_renamed" : plan.name
            model.instances[at].name = new
            for group in model.syncGroups.indices {
                model.syncGroups[group].members = model.syncGroups[group].members.map { $0 == old ? new : $0 }
            }
        case 6:
            guard scenario.routers.count > 1, !plan.isGrouped else { return isCalm ? observe() : () }
            model.instances.remove(at: at)
            moves = true
            if isCalm { followUps = [.reload(host.index)] }
        default:
            if model.scripts.contains(where: { $0.name == "more" }) {
                model.scripts.removeAll { $0.name == "more" }
                for index in model.instances.indices {
                    model.instances[index].trackScripts.removeAll { $0.name == "more" }
                }
            } else {
                model.scripts.append(TrackScript(name: "more", command: .run(["/usr/bin/more"])))
                model.instances[at].trackScripts.append(TrackedScript(name: "more"))
            }
            touching = Array(scenario.routers.indices)
        }
        simulation.tell(host.index, "reload touching \(touching)\(moves ? ", moves" : "")")
        simulation.learn(model, of: host)
        if isCalm { if moves { disturb() } else { observe() } }
        simulation.reload(host, touching: touching)
    }
}
