import Foundation
import NetworkLab
import Primitives
import Testing

/// Examples/lvs-nat as it stands in the repository: the address outside, the gateway inside, and a server behind both.
extension OnTheKernel {
    @Suite("Examples/lvs-nat", .needsRoot) struct ExampleNAT {
        /// A director of the example and its daemon.
        final class Director {
            let node: Node
            private let directory: String
            private(set) var daemon: Child?

            init(_ name: String, number: Int, in lab: Lab) throws {
                node = try lab.makeNode(name, addresses: ["192.168.1.\(number)/24"], bridge: "front")
                try lab.connect(node, interface: "eth1", addresses: ["10.20.40.\(number)/24"], bridge: "back")
                try node.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
                directory = try lab.makeDirectory(name)
            }

            func start() throws {
                let file = Programs.root.appending(path: "Examples/lvs-nat/\(node.name).conf").path()
                daemon = try node.start(
                    [Programs.aloftd, "run", "-n", "-l", "-f", file, "--state-dir", directory], log: node.name)
            }

            func holds() throws(LabError) -> Bool {
                let outside = try node.holds(IPAddress("192.168.1.11")!)
                let inside = try node.holds(IPAddress("10.20.40.1")!)
                return outside && inside
            }
        }

        @Test("both addresses move together, and the connection behind them is forwarded by whoever holds them")
        func failover() throws {
            let lab = try Programs.lab()
            defer { lab.close() }
            let client = try lab.makeNode("client", addresses: ["192.168.1.77/24"], bridge: "front")
            let server = try lab.makeNode("server", addresses: ["10.20.40.11/24"], bridge: "back")
            try server.ip("route add default via 10.20.40.1")
            try server.serveConnections(port: 22)
            let left = try Director("left", number: 2, in: lab)
            let right = try Director("right", number: 3, in: lab)
            for director in [left, right] { try director.start() }
            func waitForHolder(_ director: Director) throws {
                try LabClock.wait(upTo: .seconds(20), for: "\(director.node.name) to hold both") {
                    () throws(LabError) in
                    try director.holds() ? true : nil
                }
            }
            try waitForHolder(left)
            let probe = try client.call(IPAddress("192.168.1.11")!, port: 22, every: .milliseconds(20))
            func waitForAnswers(since event: Instant) throws {
                try LabClock.wait(upTo: .seconds(20), for: "answers") { () throws(LabError) in
                    probe.timeline.answers.filter { $0.asked > event }.count > 25 ? true : nil
                }
            }
            try waitForAnswers(since: LabClock.now())

            // Only the inner cable: the sync group takes the outer address along.
            try left.node.setCarrier(false, of: "eth1")
            try waitForHolder(right)
            try waitForAnswers(since: LabClock.now())
            #expect(try !left.node.holds(IPAddress("192.168.1.11")!))
            try left.node.setCarrier(true, of: "eth1")
            try waitForHolder(left)
            try waitForAnswers(since: LabClock.now())

            let crash = LabClock.now()
            for interface in ["eth0", "eth1"] { try left.node.unplug(interface) }
            left.daemon?.killAll()
            try waitForHolder(right)
            try waitForAnswers(since: LabClock.now())
            try probe.stop()
            #expect(Set(probe.timeline.answers.map(\.node)) == ["server"])
            // Three adverts of a second, the skew, and a handshake that is tried again after a second.
            let gap = try #require(probe.timeline.longestGap(after: crash - .milliseconds(200)))
            #expect(gap.duration < .seconds(6), "\(gap.duration)")
        }
    }
}
