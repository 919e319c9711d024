import LinuxWorld
import Netlink
import Primitives

// What concerns ip_vs as a whole.
extension IPVSPlane {
    /// How long connections are remembered; what is nil stays as it is.
    public mutating func setTimeouts(_ timeouts: IPVSTimeouts) throws(SystemError) {
        try require(.setTimeouts(timeouts), "set the timeouts of ip_vs")
    }

    public mutating func timeouts() throws(SystemError) -> IPVSTimeouts {
        var found = IPVSTimeouts()
        let failures = try execute([.getTimeouts]) { if case .timeouts(let timeouts) = $0 { found = timeouts } }
        if let answer = failures[0] { throw SystemError(.netlink, Errno(answer.errno), "ask ip_vs for its timeouts") }
        return found
    }

    public var canFlush: Bool { true }
    public var hasDaemons: Bool { true }

    /// Removes all services, whoever made them.
    public mutating func flush() throws(SystemError) {
        try require(.flush, "empty the table of ip_vs")
        _ = try read()
    }

    /// The sync daemons that run: one that tells and one that listens, at most.
    public mutating func daemons() throws(SystemError) -> [IPVSDaemon] {
        var all: [IPVSDaemon] = []
        try dump(.dumpDaemons) { if case .daemon(let daemon) = $0 { all.append(daemon) } }
        return all
    }

    /// Makes these the sync daemons that run. One that runs with other settings is started anew.
    public mutating func setDaemons(_ desired: [IPVSDaemon]) throws(SystemError) {
        let running = try daemons()
        for daemon in running where !desired.contains(where: { $0.isSatisfied(by: daemon) }) {
            let failures = try execute([.stopDaemon(daemon.state)]) { _ in }
            if let answer = failures[0], !Errno(answer.errno).isAbsence {
                throw SystemError(.netlink, Errno(answer.errno), "stop the sync daemon of ip_vs", answer.text)
            }
        }
        for daemon in desired where !running.contains(where: { daemon.isSatisfied(by: $0) }) {
            try require(.startDaemon(daemon), "start the sync daemon of ip_vs on \(daemon.interface)")
        }
    }

    private mutating func require(_ request: IPVSRequest, _ action: String) throws(SystemError) {
        guard let answer = try execute([request], { _ in })[0] else { return }
        throw SystemError(.netlink, Errno(answer.errno), action, answer.text)
    }
}

extension IPVSDaemon {
    /// Whether one that runs is what is asked for; where nothing was asked for the kernel chose.
    fileprivate func isSatisfied(by running: IPVSDaemon) -> Bool {
        func agrees<Value: Equatable>(_ wanted: Value?, _ found: Value?) -> Bool { wanted == nil || wanted == found }
        return state == running.state && interface == running.interface && syncID == running.syncID
            && agrees(maximumLength, running.maximumLength) && agrees(group, running.group)
            && agrees(port, running.port) && agrees(ttl, running.ttl)
    }
}
