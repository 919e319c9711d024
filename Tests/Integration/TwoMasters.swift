import Foundation
import NetworkLab
import Primitives
import Testing

/// Two hold at once, without an arbiter: both say so, with each other's name, and the link learns who holds when it is over.
extension OnTheKernel {
    @Suite("Two masters", .needsRoot) struct TwoMasters {
        static func pair() throws -> Pair {
            try Pair { setting, stage in
                let log = "\(stage.lab.directory)/\(setting.nodeName)"
                try File.write("#!/bin/sh\necho \"$@\" >>\(log).events\n", to: log + ".split")
                chmod(log + ".split", 0o755)
                setting.globalLines = ["script_user root", "router_id \(setting.nodeName)"]
                setting.instanceLines = ["notify_split \(log).split"]
            }
        }

        static func events(_ pair: Pair, _ node: String) -> [String] {
            let bytes = File.read("\(pair.stage.lab.directory)/\(node).events") ?? []
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        }

        static func count(_ rule: String, of daemon: DaemonProcess) -> Int {
            daemon.log.components(separatedBy: "[\(rule)]").count - 1
        }

        static func began(_ daemon: DaemonProcess) -> Int {
            ["advert", "greeting", "address"].reduce(0) { $0 + count("vrrp.split.\($1)", of: daemon) }
        }

        func wait(_ what: String, _ pair: Pair, upTo limit: Duration, _ condition: () throws -> Bool) throws {
            let found = try LabClock.poll(upTo: limit) { () throws(LabError) in
                do { return try condition() ? true : nil } catch { throw LabError(.failed, "\(error)") }
            }
            try #require(found == true, "\(what)\n\(pair.log)")
        }

        @Test("A pair that starts, hands over, crashes and comes back has no split") func everyDay() throws {
            let pair = try Self.pair()
            defer { pair.close() }
            try pair.left.stop()
            try pair.stage.waitForHolder(pair.stage.right, upTo: .seconds(5))
            // The higher priority comes back, and pre-empts.
            try pair.left.start()
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
            try pair.stage.left.unplug()
            pair.left.current.killAll()
            try pair.waitForService(by: pair.stage.right)
            try pair.stage.left.ip("addr flush dev eth0 to 10.77.0.100/32")
            try pair.stage.left.plug()
            try pair.left.start()
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
            // As long as a greeting takes.
            try LabClock.observe(for: .seconds(8))
            #expect(Self.began(pair.left) == 0 && Self.began(pair.right) == 0, pair.log)
            #expect(Self.events(pair, "left").isEmpty && Self.events(pair, "right").isEmpty)
        }

        @Test("A cut between the two: each tells of one split with its time, and the one that stays announces again")
        func cut() throws {
            let pair = try Self.pair()
            defer { pair.close() }
            try pair.stage.right.unplug()
            try wait("both hold", pair, upTo: .seconds(5)) { try pair.stage.holders().sorted() == ["left", "right"] }
            try LabClock.observe(for: .seconds(5))
            let healed = LabClock.now()
            try pair.stage.right.plug()
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(2))
            for daemon in [pair.left, pair.right] {
                try wait("the end is told of", pair, upTo: .seconds(12)) {
                    Self.count("vrrp.split.over", of: daemon) > 0
                }
            }
            try wait("scripts ran", pair, upTo: .seconds(3)) {
                Self.events(pair, "left") == ["INSTANCE VI_1 SPLIT 150"]
                    && Self.events(pair, "right") == ["INSTANCE VI_1 SPLIT 100"]
            }
            for (daemon, own, other) in [(pair.left, "left", "right"), (pair.right, "right", "left")] {
                #expect(Self.began(daemon) == 1, pair.log)
                #expect(Self.count("vrrp.split.over", of: daemon) == 1, pair.log)
                let status = try instance(of: daemon)
                let split = try #require(status["split"] as? [String: Any], "\(status)")
                #expect(split["is_over"] as? Bool == true)
                #expect(split["node"] as? String == other, "\(split)")
                let reason = try #require(split["reason"] as? String)
                #expect(reason.contains("\(own) (10.77.0.") && reason.contains("\(other) (10.77.0."), "\(reason)")
                let milliseconds = try #require(split["for_ms"] as? Int)
                #expect(milliseconds > 4500 && milliseconds < 9000, "\(split)")
                let counters = try #require(status["counters"] as? [String: Any])
                #expect(counters["splits"] as? Int == 1)
            }
            let announced = pair.capture.frames.filter {
                $0.time > healed && $0.kind == .arp && $0["sender"] == "10.77.0.100" && $0["target"] == "10.77.0.100"
            }
            #expect(announced.count >= 5, "\(announced)")
            #expect(Set(announced.map { $0["hardware"] }).count == 1)
            let (history, _) = try aloft("history", "--state-dir", pair.right.directory)
            #expect(history.contains("[vrrp.split.over]"), "\(history)")
            let (text, _) = try aloft("explain", "VI_1", "--state-dir", pair.left.directory)
            #expect(text.contains("was split"), "\(text)")
        }

        @Test("vrrp.split.address: a host that claims the address is told of within a second, and answered")
        func claim() throws {
            let pair = try Self.pair()
            defer { pair.close() }
            try LabClock.observe(for: .seconds(1))
            let event = LabClock.now()
            try send(from: pair.stage.client)
            try wait("the claim is told of", pair, upTo: .seconds(3)) {
                Self.count("vrrp.split.address", of: pair.left) == 1
            }
            let told = LabClock.now()
            #expect(told - event < .seconds(1), "\(told - event)")
            try wait("it is answered", pair, upTo: .seconds(1)) {
                pair.capture.frames.contains {
                    $0.time > event && $0.kind == .arp && $0["sender"] == "10.77.0.100"
                        && $0["hardware"] != "02:00:00:00:00:66"
                }
            }
            let text = pair.left.log
            #expect(text.contains("MAC 02:00:00:00:00:66 says that it has 10.77.0.100"), "\(text)")
            #expect(Self.began(pair.right) == 0, "a backup has no split")
            // A flood of claims: one event, few answers, and the role stays.
            try send(from: pair.stage.client, count: 20_000)
            try LabClock.observe(for: .seconds(1))
            #expect(Self.began(pair.left) == 1 && Self.count("worker.stalled", of: pair.left) == 0, pair.log)
            #expect(try pair.stage.holders() == ["left"])
            try wait("the script ran", pair, upTo: .seconds(3)) {
                Self.events(pair, "left") == ["INSTANCE VI_1 SPLIT 150"]
            }
            try wait("it is over", pair, upTo: .seconds(15)) { Self.count("vrrp.split.over", of: pair.left) == 1 }
            let punctuality = try #require(try worker(of: pair.left)["punctuality"] as? [String: Any])
            print("punctuality: \(punctuality)")
            #expect((punctuality["late_us_since_start"] as? Int).map { $0 >= 0 } == true)
            #expect(punctuality["patience_us"] as? Int == 25_000)
        }

        @Test("worker.stalled: a worker that stood still for less than the watchdog minds says so, and goes on")
        func stalled() throws {
            let pair = try Pair(interval: .milliseconds(40))
            defer { pair.close() }
            // Late by more than 10 ms is a stall; what is stopped for 20 ms beyond its deadline is replaced.
            try wait("the stall is told of", pair, upTo: .seconds(10)) {
                let process = try pair.worker()
                kill(process, SIGSTOP)
                try LabClock.observe(for: .milliseconds(16))
                kill(process, SIGCONT)
                try LabClock.observe(for: .milliseconds(23))
                return Self.count("worker.stalled", of: pair.left) > 0
            }
            let punctuality = try #require(try worker(of: pair.left)["punctuality"] as? [String: Any])
            #expect(punctuality["patience_us"] as? Int == 10_000)
            // A busy machine may have had the worker replaced meanwhile; then it counts from the start again.
            if punctuality["stalls"] as? Int != 0 {
                let (text, _) = try aloft("status", "--state-dir", pair.left.directory)
                #expect(text.contains("[worker.stalled]"), "\(text)")
            }
        }

        /// Gratuitous ARP for 10.77.0.100 from a MAC address that nobody has.
        private func send(from node: Node, count: Int = 1) throws {
            let program = """
                import socket
                s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
                s.bind(("eth0", 0))
                mac = bytes.fromhex("020000000066")
                address = bytes([10, 77, 0, 100])
                frame = b"\\xff" * 6 + mac + bytes.fromhex("08060001080006040002") + mac + address + mac + address
                for _ in range(\(count)): s.send(frame)
                """
            try node.run(["/usr/bin/python3", "-c", program])
        }

        private func worker(of daemon: DaemonProcess) throws -> [String: Any] {
            let (text, _) = try aloft("status", "--json", "--state-dir", daemon.directory)
            let status = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            return try #require(status?["worker"] as? [String: Any], "\(text)")
        }

        private func instance(of daemon: DaemonProcess) throws -> [String: Any] {
            try #require((try worker(of: daemon)["instances"] as? [[String: Any]])?.first)
        }
    }
}
