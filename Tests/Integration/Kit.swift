import Foundation
import NetworkLab
import Primitives
import Testing

/// The lab measures itself before anything is measured with it.
extension OnTheKernel {
    @Suite("The lab", .needsRoot) struct Kit {
        @Test("sees keepalived's own failover: adverts, holder, client and announcement")
        func keepalivedBesideItself() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            let left = try DaemonProcess(
                .keepalived, on: stage.left, in: stage.lab, RouterSetting(.v3, number: 1, priority: 150))
            let setting = RouterSetting(.v3, number: 2, priority: 100)
            let right = try DaemonProcess(.keepalived, on: stage.right, in: stage.lab, setting)
            try left.start()
            try right.start()
            try stage.waitForHolder(stage.left, upTo: .seconds(15))

            let capture = try stage.lab.capture()
            let watch = try stage.right.watchAddresses()
            let probe = try stage.client.probe(Stage.serviceIPv4, every: .milliseconds(2))
            try LabClock.wait(upTo: .seconds(5), for: "the client to be served") { () throws(LabError) in
                probe.timeline.answers.count > 50 ? true : nil
            }
            let crash = LabClock.now()
            try stage.left.unplug()
            left.current.killAll()
            try LabClock.wait(upTo: .seconds(5), for: "right to serve the client") { () throws(LabError) in
                probe.timeline.answers.suffix(20).filter { $0.node == "right" }.count == 20 ? true : nil
            }
            try probe.stop()
            try capture.stop()

            #expect(Set(capture.adverts.map(\.virtualRouterID)) == [51])
            #expect(
                capture.adverts.filter { $0.time > crash + setting.interval }.allSatisfy {
                    $0.source == IPAddress("10.77.0.2")
                })
            #expect(watch.events(of: Stage.serviceIPv4).map(\.isPresent) == [true])
            #expect(
                capture.frames.contains {
                    $0.kind == .arp && $0["sender"] == "10.77.0.100" && $0["target"] == "10.77.0.100"
                })
            let gap = try #require(probe.timeline.longestGap())
            #expect(gap.duration > setting.interval * 2)
            #expect(gap.duration < setting.masterDown + .milliseconds(100))
        }

        @Test("leaves nothing behind") func closing() throws {
            let lab = try Programs.lab()
            let node = try lab.makeNode("a", addresses: ["10.77.0.1/24"])
            let child = try node.start(["sleep", "1000"])
            lab.close()
            #expect(!child.isRunning)
            #expect(!FileManager.default.fileExists(atPath: lab.directory))
            #expect(namespaces(of: lab.prefix).isEmpty)
        }

        @Test("leaves nothing behind when its process is killed -9") func killed() throws {
            let outer = try Programs.lab()
            defer { outer.close() }
            let room = try outer.makeNode("host", addresses: []).start([Programs.aloft, "lab-agent", "room"])
            let prefix = try LabClock.wait(upTo: .seconds(10), for: "the inner lab") { () throws(LabError) in
                room.output.lines.dropFirst().first
            }
            #expect(namespaces(of: prefix).count == 2)
            room.signal(SIGKILL)
            try LabClock.wait(upTo: .seconds(5), for: "the namespaces to go") { () throws(LabError) in
                namespaces(of: prefix).isEmpty ? true : nil
            }
        }

        private func namespaces(of prefix: String) -> [String] {
            ((try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []).filter {
                $0.hasPrefix(prefix + "-")
            }
        }
    }
}
