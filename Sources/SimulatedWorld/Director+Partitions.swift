import Configuration
import Primitives
import RouterEngine
import VRRP

/// Links that are parted, judged on each side, and joined again.
extension Director {
    func part() {
        guard hosts.count(where: \.isRunning) > 1 else { return scheduleStep(in: second) }
        sideMask = 0
        for host in hosts where draw.flip() { sideMask |= 1 << UInt32(host.index) }
        setSides(sideMask)
        judge.suspend()
        simulation.tell(nil, "links are parted: \(String(sideMask, radix: 2))")
        sidesJudged = false
        simulation.queue.push(.sides, at: now + judge.settleBound, token: judge.currentToken)
    }

    func setSides(_ mask: UInt32) {
        for link in simulation.segments.indices {
            for host in hosts.indices {
                let isInside = mask & 1 << UInt32(host) != 0
                simulation.segments[link].blocked[host] = isInside ? ~mask : mask
            }
            simulation.segments[link].clients[0].sees = mask
            simulation.segments[link].clients[1].sees = ~mask
        }
    }

    func checkSides(_ token: UInt32) {
        guard token == judge.currentToken else { return }
        sideHolders = []
        for router in scenario.routers.indices {
            var holders: [Int] = []
            if simulation.isLeased(router) {
                // Both sides reach the arbiter, and one of them has the lease.
                let eligible = hosts.filter { judge.standing($0, router) != nil }.map(\.index)
                let holding = hosts.filter { $0.isRunning && judge.views[router][$0.index].holds }.map(\.index)
                if !eligible.isEmpty, holding.count != 1 {
                    return simulation.fail(
                        "SAFE-2",
                        expected: "one of nodes \(eligible) holds \(scenario.routers[router].name), whatever the cut",
                        seen: "nodes \(holding) do")
                }
                sideHolders.append([])
                continue
            }
            for side in [sideMask, ~sideMask] {
                let members = hosts.filter { side & 1 << UInt32($0.index) != 0 }
                let eligible = members.filter { judge.standing($0, router) != nil }.map(\.index)
                let holding = members.filter { $0.isRunning && judge.views[router][$0.index].holds }.map(\.index)
                if !eligible.isEmpty, holding.count != 1 {
                    return simulation.fail(
                        "SAFE-1",
                        expected:
                            "on its side of the cut one of nodes \(eligible) holds \(scenario.routers[router].name)",
                        seen: "nodes \(holding) do")
                }
                holders += holding
            }
            sideHolders.append(holders)
        }
        followUps = [.reunite]
        scheduleStep(in: draw.within(0...second))
    }

    func reunite() {
        simulation.tell(nil, "links are whole again")
        for link in simulation.segments.indices { simulation.segments[link].heal() }
        judge.healedAt = now
        isReuniting = true
        disturb()
    }

    /// Of two masters that meet, the higher priority stays, and of equals the higher address.
    func judgeReunion() {
        for router in scenario.routers.indices where sideHolders[router].count == 2 {
            let (a, b) = (sideHolders[router][0], sideHolders[router][1])
            guard let pa = judge.standing(hosts[a], router), let pb = judge.standing(hosts[b], router) else { continue }
            let aWins = pa != pb ? pa > pb : Scenario.octet(of: a) > Scenario.octet(of: b)
            let winner = aWins ? a : b
            guard let holder = judge.expected[router], holder != winner else { continue }
            if holder == (aWins ? b : a) || !judge.mayPreempt(holder, winner, router) {
                simulation.fail(
                    "RIGHT-1",
                    expected:
                        "node \(winner) stays master of \(scenario.routers[router].name) when it meets node \(aWins ? b : a)",
                    seen: "node \(holder) holds it")
            }
        }
    }
}
