import Foundation
import NetworkLab
import Primitives
import Testing

/// What an operator does with a running pair, and what surrounds it.
extension OnTheKernel {
    @Suite("Operation", .needsRoot) struct Operation {
        // MARK: Options

        @Test("--namespace NAME: the daemon serves in that namespace, wherever it was started") func namespace() throws
        {
            let stage = try Stage()
            defer { stage.lab.close() }
            let setting = RouterSetting(.v3, number: 2, priority: 150, interval: .milliseconds(100))
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            daemon.options = ["-s", stage.right.namespace]
            try daemon.start()
            try stage.waitForHolder(stage.right, of: Stage.serviceIPv4, upTo: .seconds(5))
        }

        @Test("--dont-release-vrrp: what is held at a stop stays, without an end") func keptAddresses() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            let setting = RouterSetting(.v3, number: 1, priority: 150, interval: .milliseconds(100))
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            daemon.options = ["-V"]
            try daemon.start()
            try stage.waitForHolder(stage.left, of: Stage.serviceIPv4, upTo: .seconds(5))
            try daemon.stop()
            let lines = try stage.left.run(["ip", "-o", "addr", "show", "dev", "eth0"]).split(separator: "\n")
            let held = lines.filter { $0.contains("\(Stage.serviceIPv4)/") }
            #expect(held.count == 1 && held.allSatisfy { $0.contains("valid_lft forever") }, "\(lines)")
        }

        // MARK: Reload

        static let secondAddress = IPAddress("10.77.0.101")!
        static let thirdAddress = IPAddress("10.77.0.102")!

        static func second(_ address: IPAddress, _ setting: RouterSetting) -> String {
            """
            vrrp_instance VI_2 {
                state BACKUP
                interface eth0
                virtual_router_id 52
                priority \(setting.priority)
                advert_int \(setting.interval.formattedSeconds())
                virtual_ipaddress {
                    \(address)/24
                }
            }
            """
        }

        @Test("RELOAD-1: what a reload does not touch does not blink, nor miss an advert") func reload() throws {
            try withoutStarvation { meter in
                let pair = try Pair { setting, _ in
                    setting.blocks = [Operation.second(Operation.secondAddress, setting)]
                }
                defer { pair.close() }
                try pair.stage.waitForHolder(pair.stage.left, of: Operation.secondAddress, upTo: .seconds(5))
                let watch = try pair.stage.left.watchAddresses()
                let event = meter.event()
                var setting = pair.settings[0]
                setting.blocks = [Operation.second(Operation.thirdAddress, setting)]
                try pair.left.configure(setting)
                pair.left.current.signal(SIGHUP)
                try pair.stage.waitForHolder(pair.stage.left, of: Operation.thirdAddress, upTo: .seconds(3))
                try LabClock.wait(upTo: .seconds(3), for: "the old address to go") { () throws(LabError) in
                    watch.events(of: Operation.secondAddress).contains { !$0.isPresent } ? true : nil
                }
                try LabClock.observe(for: .milliseconds(500))
                #expect(!watch.events(of: Stage.serviceIPv4).contains { !$0.isPresent }, "VI_1's address blinked")
                #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty)
                let silence = pair.longestSilence(from: pair.stage.left, after: event)
                return [Figure("between two adverts", silence, atMost: .milliseconds(150))]
            }
        }

        @Test("RELOAD-1: of 200 instances the one that is touched gets its address, and no other loses one")
        func reloadOfMany() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            var setting = RouterSetting(.v3, number: 1, priority: 150, interval: .milliseconds(300))
            func address(_ number: Int) -> IPAddress { IPAddress("10.77.1.\(number)")! }  // a literal address
            let numbers = (1...200).filter { $0 != 51 }
            func blocks(with added: IPAddress? = nil) -> [String] {
                numbers.map { number in
                    """
                    vrrp_instance M_\(number) {
                        interface eth0
                        virtual_router_id \(number)
                        priority 150
                        advert_int 0.3
                        virtual_ipaddress {
                            \(address(number))/32
                            \(number == 100 ? added.map { "\($0)/32" } ?? "" : "")
                        }
                    }
                    """
                }
            }
            setting.blocks = blocks()
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            let before = try stage.left.watchAddresses()
            try daemon.start()
            let wanted = Set(numbers.map(address) + [Stage.serviceIPv4])
            try LabClock.wait(upTo: .seconds(15), for: "200 addresses") { () throws(LabError) in
                wanted.isSubset(of: before.events.map(\.prefix.address)) ? true : nil
            }
            let watch = try stage.left.watchAddresses()
            let added = IPAddress("10.77.2.1")!
            setting.blocks = blocks(with: added)
            try daemon.configure(setting)
            daemon.current.signal(SIGHUP)
            try LabClock.wait(upTo: .seconds(5), for: "the added address") { () throws(LabError) in
                watch.events(of: added).contains(where: \.isPresent) ? true : nil
            }
            try LabClock.observe(for: .milliseconds(600))
            #expect(!watch.events.contains { !$0.isPresent }, "an address blinked")
            #expect(Set(watch.events.map(\.prefix.address)).isSubset(of: wanted.union([added])))
            #expect(!daemon.log.contains("BACKUP STATE, was MASTER"))
        }

        @Test("a faulty file replaces nothing") func rejectedReload() throws {
            let pair = try Pair()
            defer { pair.close() }
            let watch = try pair.stage.left.watchAddresses()
            let event = LabClock.now()
            try File.write(
                "vrrp_instance VI_1 {\n    interface eth0\n    priority 150\n}\n", to: pair.left.configuration)
            let (text, status) = try aloft("reload", "--state-dir", pair.left.directory)
            #expect(status == 1)
            #expect(text.contains("virtual_router_id"), "the reason is told: \(text)")
            try LabClock.observe(for: .milliseconds(500))
            #expect(!watch.events.contains { !$0.isPresent })
            #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty)
            // And a node does not start from it.
            try pair.left.stop()
            try pair.left.start()
            #expect(try pair.left.current.wait(upTo: .seconds(3)) != 0)
        }

        // MARK: Trackers, groups, hooks

        @Test("a script that fails hands over, and back when it succeeds (engine.script.fell, engine.script.rose)")
        func script() throws {
            let pair = try Pair { setting, stage in
                let flag = "\(stage.lab.directory)/\(setting.nodeName).ok"
                try File.write("", to: flag)
                setting.globalLines = ["script_user root"]
                setting.blocks = [
                    "vrrp_script chk {\n    script \"/usr/bin/test -e \(flag)\"\n    interval 1\n    timeout 1\n    fall 1\n    rise 1\n}"
                ]
                setting.instanceLines = ["track_script {", "    chk", "}"]
            }
            defer { pair.close() }
            let flag = "\(pair.stage.lab.directory)/left.ok"
            try FileManager.default.removeItem(atPath: flag)
            try pair.waitForService(by: pair.stage.right)
            #expect(try pair.stage.holders() == ["right"])
            let (text, status) = try aloft("status", "--state-dir", pair.left.directory)
            #expect(status == 1 && text.contains("FAULT") && text.contains("chk"), "status names the script: \(text)")
            try File.write("", to: flag)
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
        }

        @Test("a script that takes longer than its interval skips a turn (engine.script.overrun)") func slowScript()
            throws
        {
            let pair = try Pair { setting, _ in
                setting.globalLines = ["script_user root"]
                setting.blocks = [
                    "vrrp_script slow {\n    script \"/bin/sleep 1.5\"\n    interval 1\n    timeout 5\n    weight 2\n}"
                ]
                setting.instanceLines = ["track_script {", "    slow", "}"]
            }
            defer { pair.close() }
            try LabClock.wait(upTo: .seconds(5), for: "the skipped turn") { () throws(LabError) in
                pair.left.log.contains("[engine.script.overrun]") ? true : nil
            }
            #expect(try pair.stage.holders() == ["left"])
        }

        @Test("NOTIFY-1: notify scripts run in order with keepalived's arguments") func notify() throws {
            let pair = try Pair { setting, stage in
                let log = "\(stage.lab.directory)/\(setting.nodeName)"
                try File.write("#!/bin/sh\nsleep 0.05\necho \"$@\" >>\(log).events\n", to: log + ".notify")
                chmod(log + ".notify", 0o755)
                setting.globalLines = ["script_user root"]
                setting.instanceLines = ["notify \(log).notify"]
            }
            defer { pair.close() }
            try pair.left.stop()
            try pair.waitForService(by: pair.stage.right)
            func lines(_ node: String) -> [String] {
                let bytes = File.read("\(pair.stage.lab.directory)/\(node).events") ?? []
                return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            }
            let ofLeft = ["BACKUP", "MASTER", "STOP"].map { "INSTANCE VI_1 \($0) 150" }
            #expect(lines("left") == ofLeft)
            try LabClock.wait(upTo: .seconds(3), for: "right's scripts") { () throws(LabError) in
                lines("right").last == "INSTANCE VI_1 MASTER 100" ? true : nil
            }
        }

        @Test("a sync group moves as one (vrrp.master.group-left, vrrp.backup.group-ready)") func group() throws {
            let inner = IPAddress("10.78.0.100")!
            let pair = try Pair { setting, stage in
                let node = setting.number == 1 ? stage.left : stage.right
                try stage.lab.connect(
                    node, interface: "eth1", addresses: ["10.78.0.\(setting.number)/24"], bridge: "br1")
                let second = Operation.second(inner, setting).replacingOccurrences(of: "eth0", with: "eth1")
                setting.blocks = ["vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}", second]
            }
            defer { pair.close() }
            try pair.stage.waitForHolder(pair.stage.left, of: inner, upTo: .seconds(5))
            try pair.stage.left.setCarrier(false, of: "eth1")
            try pair.stage.waitForHolder(pair.stage.right, of: inner, upTo: .seconds(5))
            try pair.stage.waitForHolder(pair.stage.right, upTo: .seconds(5))
            try pair.waitForService(by: pair.stage.right)
            try pair.stage.left.setCarrier(true, of: "eth1")
            try pair.stage.waitForHolder(pair.stage.left, of: inner, upTo: .seconds(5))
            try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
        }

        @Test("with nopreempt the address stays where it is") func nopreempt() throws {
            let pair = try Pair(oneByOne: true) { setting, _ in setting.instanceLines = ["nopreempt"] }
            defer { pair.close() }
            try pair.left.stop()
            try pair.waitForService(by: pair.stage.right)
            try pair.left.start()
            let back = LabClock.now()
            try LabClock.observe(for: .seconds(1.5))
            #expect(pair.adverts(from: pair.stage.left, after: back).isEmpty)
            #expect(try pair.stage.holders() == ["right"])
        }

        // MARK: A disturbed machine

        @Test("a supervisor that stood still kills no healthy worker") func stoppedSupervisor() throws {
            let pair = try Pair()
            defer { pair.close() }
            let worker = try pair.worker()
            let event = LabClock.now()
            pair.left.current.signal(SIGSTOP)
            try LabClock.observe(for: .seconds(1))
            pair.left.current.signal(SIGCONT)
            try LabClock.observe(for: .seconds(1))
            #expect(pair.left.workerPID == worker)
            #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty, pair.log)
        }

        @Test("a machine with too much to do loses no address to its own watchdog") func busy() throws {
            let pair = try Pair()
            defer { pair.close() }
            let worker = try pair.worker()
            let event = LabClock.now()
            let hogs = try (0..<4).map { _ in
                try pair.stage.client.start(["timeout", "3", "sh", "-c", "while :; do :; done"])
            }
            for hog in hogs { try hog.wait(upTo: .seconds(10)) }
            #expect(pair.left.workerPID == worker, pair.log)
            #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty, pair.log)
        }

        // MARK: The command line

        @Test("status and explain name the state, the cause and what would change it") func explain() throws {
            let pair = try Pair()
            defer { pair.close() }
            let (status, code) = try aloft("status", "--state-dir", pair.left.directory)
            #expect(code == 0 && status.contains("VI_1  MASTER") && status.contains("10.77.0.100/24 on eth0"))
            let (why, _) = try aloft("explain", "VI_1", "--state-dir", pair.right.directory)
            #expect(why.contains("VI_1 is BACKUP") && why.contains("peer       10.77.0.1: priority 150"), "\(why)")
            #expect(why.contains("unless an advertisement arrives"))
            let (json, _) = try aloft("explain", "VI_1", "--json", "--state-dir", pair.left.directory)
            #expect(try JSONSerialization.jsonObject(with: Data(json.utf8)) is [String: Any])
            let (_, absent) = try aloft("explain", "VI_9", "--state-dir", pair.left.directory)
            #expect(absent == 1)
            let (_, nobody) = try aloft("status", "--state-dir", "/nonexistent")
            #expect(nobody == 3)
        }
    }

    /// What needs no root.
    @Suite("Command line") struct CommandLineTests {
        @Test("the examples are fit to run, and README shows one of them") func examples() throws {
            let root = Programs.root
            let paths = try #require(FileManager.default.enumerator(atPath: root.appending(path: "Examples").path))
                .compactMap { $0 as? String }.filter { $0.hasSuffix(".conf") }
            #expect(!paths.isEmpty)
            for path in paths {
                let (text, status) = try aloft("check", root.appending(path: "Examples/" + path).path)
                #expect(status == 0, "\(text)")
            }
            let readme = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
            let example = try String(contentsOf: root.appending(path: "Examples/two-nodes/left.conf"), encoding: .utf8)
            let block = example.split(separator: "\n").drop { $0.hasPrefix("#") }.joined(separator: "\n")
            #expect(readme.contains(block))
        }

        @Test("check points at a mistake: file, line, column, fix") func check() throws {
            let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).conf").path
            defer { try? FileManager.default.removeItem(atPath: file) }
            try File.write(
                "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n    prioritty 100\n}\n", to: file)
            let (text, status) = try aloft("check", file)
            #expect(status == 1)
            #expect(text.contains("\(file):4:5: error:") && text.contains("`priority`"), "\(text)")
        }

        @Test("check --fix mends the file, shows how, and keeps its mode") func fix() throws {
            let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).conf").path
            defer { try? FileManager.default.removeItem(atPath: file) }
            let text = """
                vrrp_instance VI_1{
                    interface eth0
                    virtual_router_id 51
                    prioritty 100
                    virtual_ipaddress {
                        192.0.2.1/24
                    }
                }

                """
            try File.write(text, to: file)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            let (shown, rehearsal) = try aloft("check", "--fix", "--dry-run", file)
            #expect(rehearsal == 0 && shown.contains("+    priority 100"), "\(shown)")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == text)
            #expect(try aloft("check", "--fix", file).status == 0)
            let mended = try String(contentsOfFile: file, encoding: .utf8)
            #expect(
                mended
                    == text.replacingOccurrences(of: "prioritty", with: "priority").replacingOccurrences(
                        of: "VI_1{", with: "VI_1 {"))
            let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }

        @Test("check of two nodes says who is master, and is a program's as well") func cluster() throws {
            let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            let files = ["a", "b"].map { root.appending(path: "Corpus/cluster/weight-too-small/\($0).conf").path }
            let (text, status) = try aloft("check", files[0], files[1])
            #expect(status == 0)
            #expect(text.contains("master  a.conf, 150") && text.contains("NEVER MOVES"), "\(text)")
            let (json, _) = try aloft("check", "--format", "json", files[0], files[1])
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect((object?["elections"] as? [Any])?.count == 1)
            #expect((object?["diagnostics"] as? [Any])?.count == 1)
            let (sarif, _) = try aloft("check", "--format", "sarif", files[0], files[1])
            let log = try JSONSerialization.jsonObject(with: Data(sarif.utf8)) as? [String: Any]
            #expect(log?["version"] as? String == "2.1.0")
        }

        @Test("exit codes: 0 done, 1 no, 2 usage, 3 cannot reach or read") func exitCodes() throws {
            #expect(try aloft("version").status == 0)
            #expect(try aloft("nonsense").status == 2)
            #expect(try aloft("check", "/nonexistent").status == 3)
            #expect(try aloft("check", "--dry-run", "/dev/null").status == 2)
            #expect(try aloft("check", "--live", "/dev/null", "/dev/null").status == 2)
            #expect(try aloft("check", "/dev/null").status == 1)
        }
    }
}

/// Runs `aloft` to its end.
func aloft(_ arguments: String...) throws -> (output: String, status: Int32) { try aloft(arguments) }

/// - Parameter errors: standard error as well, in its place among the output.
func aloft(_ arguments: [String], errors: Bool = true) throws -> (output: String, status: Int32) {
    let process = Process()
    process.executableURL = URL(filePath: Programs.aloft)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = errors ? pipe : FileHandle.nullDevice
    try process.run()
    let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (String(decoding: output, as: UTF8.self), process.terminationStatus)
}
