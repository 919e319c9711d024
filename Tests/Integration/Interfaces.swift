import Foundation
import NetworkLab
import Primitives
import Testing

/// What happens to the instance's interface under the daemon.
extension OnTheKernel {
    @Suite("Interfaces", .needsRoot) struct Interfaces {
        @Test("an interface that is deleted is waited for, and served on again when it is made anew") func deleted()
            throws
        {
            let pair = try Pair()
            defer { pair.close() }
            let before = try index(of: "eth0", on: pair.stage.left)
            try pair.stage.left.ip("link del eth0")
            try pair.waitForService(by: pair.stage.right)
            try pair.left.waitForStatus("VI_1  FAULT")
            try pair.stage.lab.connect(
                pair.stage.left, interface: "eth0", addresses: ["10.77.0.1/24", "fe80::1/64", "fd00:77::1/64"])
            #expect(try index(of: "eth0", on: pair.stage.left) != before)
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
            try pair.waitForService(by: pair.stage.left)
        }

        @Test("an interface that is renamed is gone, and back under its old name") func renamed() throws {
            let pair = try Pair()
            defer { pair.close() }
            try pair.stage.left.ip("link set eth0 down", "link set eth0 name elsewhere", "link set elsewhere up")
            try pair.stage.waitForHolder(pair.stage.right, upTo: .seconds(5))
            try pair.waitForService(by: pair.stage.right)
            try pair.left.waitForStatus("VI_1  FAULT")
            try pair.stage.left.ip("link set elsewhere down", "link set elsewhere name eth0", "link set eth0 up")
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
            try pair.waitForService(by: pair.stage.left)
        }

        @Test("a node that cannot hear others does not hold, says why, and serves when it can hear") func deaf() throws
        {
            // Joining the multicast group is what fails: a limit of the kernel's that each namespace has.
            let limit = "/proc/sys/net/ipv4/igmp_max_memberships"
            let pair = try Pair()
            defer { pair.close() }
            try pair.left.stop()
            try pair.waitForService(by: pair.stage.right)
            try pair.stage.left.run(["sh", "-c", "echo 0 >\(limit)"])
            try pair.left.start()
            try pair.left.waitForStatus("VI_1  FAULT")
            try pair.left.waitForStatus("no socket to hear other routers with on eth0")
            try LabClock.observe(for: pair.settings[0].masterDown * 2)
            #expect(try pair.stage.holders() == ["right"])
            try pair.stage.left.run(["sh", "-c", "echo 20 >\(limit)"])
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
            try pair.waitForService(by: pair.stage.left)
        }

        @Test("an interface that flaps leaves one holder") func flaps() throws {
            let pair = try Pair()
            defer { pair.close() }
            let flap = ["link set eth0 down", "link set eth0 up"]
            let batch = pair.stage.lab.path(for: "flaps")
            try File.write((1...5).flatMap { _ in flap }.joined(separator: "\n") + "\n", to: batch)
            try pair.stage.left.run(["ip", "-batch", batch])
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
            try pair.waitForService(by: pair.stage.left)
            // It stays so: over six intervals left is the only one to advertise.
            let settled = LabClock.now()
            try LabClock.observe(for: pair.settings[0].interval * 6)
            #expect(pair.adverts(from: pair.stage.right, after: settled).isEmpty, pair.log)
            #expect(try pair.stage.holders() == ["left"])
        }

        @Test("an interface that is not there at the start is served on when it appears") func later() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            let address = IPAddress("10.78.0.100")!
            var setting = RouterSetting(.v3, number: 1, priority: 150, interval: .milliseconds(100))
            setting.blocks = [
                Operation.second(address, setting).replacingOccurrences(of: "eth0", with: "eth1")
            ]
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            try daemon.start()
            // What can be served is.
            try stage.waitForHolder(stage.left, upTo: .seconds(5))
            try daemon.waitForStatus("VI_2  FAULT")
            try stage.lab.connect(stage.left, interface: "eth1", addresses: ["10.78.0.1/24"], bridge: "br1")
            try stage.waitForHolder(stage.left, of: address, upTo: .seconds(5))
        }

        @Test("reports that are lost are made good: an address deleted meanwhile is back, and the role stays")
        func overrun() throws {
            let pair = try Pair(interval: .seconds(1))
            defer { pair.close() }
            let left = pair.stage.left
            try pair.stage.lab.connect(left, interface: "eth1", addresses: ["10.78.0.1/24"], bridge: "br1")
            // More reports than the kernel keeps for the worker, which stands still meanwhile.
            let flood = (0..<7000).flatMap { number in
                ["add", "del"].map { "addr \($0) 10.99.\(number / 250).\(number % 250 + 1)/32 dev eth1" }
            }
            let changes = flood.prefix(7000) + ["addr del 10.77.0.100/24 dev eth0"] + flood.dropFirst(7000)
            let batch = pair.stage.lab.path(for: "flood")
            try File.write(changes.joined(separator: "\n") + "\n", to: batch)
            let worker = try pair.worker()
            let event = LabClock.now()
            // The supervisor as well, or it would replace the worker.
            pair.left.current.signalAll(SIGSTOP)
            defer { pair.left.current.signalAll(SIGCONT) }
            // The kernel yields to others after each report that finds a reader behind: only a real-time process
            // is done with its flood in time on a busy machine.
            try left.run(["chrt", "-f", "1", "ip", "-batch", batch])
            pair.left.current.signalAll(SIGCONT)
            let awake = LabClock.now()
            let lost = try droppedReports(on: left)
            try LabClock.wait(upTo: .seconds(3), for: "the address to come back") { () throws(LabError) in
                try left.holds(Stage.serviceIPv4) ? true : nil
            }
            #expect(LabClock.now() - awake < .seconds(1))
            #expect(lost > 0, "the flood was too small to be one")
            try LabClock.observe(for: .seconds(1))
            try pair.waitForService(by: left)
            #expect(pair.left.workerPID == worker, pair.log)
            #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty, "the role moved\n\(pair.log)")
        }

        /// How many reports the kernel has thrown away for lack of room, by /proc/net/netlink. Nobody but the
        /// daemon listens here.
        private func droppedReports(on node: Node) throws -> Int {
            try node.run(["cat", "/proc/net/netlink"]).split(separator: "\n").reduce(0) { sum, line in
                // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode; Eth 0 is NETLINK_ROUTE.
                let fields = line.split(separator: " ")
                return fields.count > 8 && fields[1] == "0" ? sum + (Int(fields[8]) ?? 0) : sum
            }
        }

        private func index(of interface: String, on node: Node) throws -> String {
            try node.run(["cat", "/sys/class/net/\(interface)/ifindex"])
        }
    }
}
