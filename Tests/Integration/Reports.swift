import Foundation
import Glibc
import NetworkLab
import Primitives
import Testing

/// What the daemon tells others: scripts, pipes, files, systemd. In keepalived's words.
extension OnTheKernel {
    @Suite("Reports", .needsRoot) struct Reports {
        // MARK: Scripts

        @Test(
            "NOTIFY-1: each script runs after the one before has ended: notify_master, then notify, notify_stop at the end"
        )
        func scripts() throws {
            let pair = try Pair { setting, stage in
                let own = "\(stage.lab.directory)/\(setting.nodeName)"
                try File.write(
                    "#!/bin/sh\necho \"begin $@\" >>\(own).$1\nsleep 0.05\necho \"end $@\" >>\(own).$1\n",
                    to: own + ".hook")
                chmod(own + ".hook", 0o755)
                func hooks(_ who: String) -> [String] {
                    ["master", "backup", "stop"].map { "notify_\($0) \"\(own).hook \(who) \($0)\"" }
                        + ["notify \"\(own).hook \(who)\""]
                }
                setting.globalLines = ["script_user root"]
                setting.instanceLines = hooks("member")
                let group = ["vrrp_sync_group G {", "    group {", "        VI_1", "    }"] + hooks("group") + ["}"]
                setting.blocks = [group.joined(separator: "\n")]
            }
            defer { pair.close() }
            func expected(_ who: String, _ kind: String, _ name: String, _ priority: Int) -> [String] {
                ["backup", "master", "stop"].flatMap { state in
                    let calls = ["\(who) \(state)", "\(who) \(kind) \(name) \(state.uppercased()) \(priority)"]
                    return calls.flatMap { ["begin " + $0, "end " + $0] }
                }
            }
            func lines(_ who: String) -> [String] {
                let bytes = File.read("\(pair.stage.lab.directory)/left.\(who)") ?? []
                return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            }
            let ofMember = expected("member", "INSTANCE", "VI_1", 150)
            let ofGroup = expected("group", "GROUP", "G", 0)
            try LabClock.wait(upTo: .seconds(5), for: "the scripts of master") { () throws(LabError) in
                lines("member").count >= 8 && lines("group").count >= 8 ? true : nil
            }
            try pair.left.stop()
            // The daemon ends when its scripts have.
            #expect(lines("member") == ofMember, pair.log)
            #expect(lines("group") == ofGroup, pair.log)
        }

        @Test("notify_fifo and vrrp_notify_fifo get a line for each change, members before their group")
        func pipes() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            var setting = RouterSetting(.v3, number: 1, priority: 150, interval: .milliseconds(100))
            setting.blocks = ["vrrp_sync_group G {\n    group {\n        VI_1\n    }\n}"]
            let pipes = ["notify_fifo", "vrrp_notify_fifo"].map { (keyword: $0, path: stage.lab.path(for: $0)) }
            setting.globalLines = pipes.map { "\($0.keyword) \($0.path)" }
            for pipe in pipes { mkfifo(pipe.path, 0o644) }
            let readers = try pipes.map { try stage.left.start(["cat", $0.path], log: $0.keyword) }
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            try daemon.start()
            try stage.waitForHolder(stage.left, upTo: .seconds(5))
            try daemon.stop()
            let states = ["BACKUP", "MASTER", "STOP"]
            for (pipe, reader) in zip(pipes, readers) {
                // The pipe ends with its last writer.
                try reader.wait(upTo: .seconds(3))
                #expect(
                    reader.output.lines == states.flatMap { ["INSTANCE \"VI_1\" \($0) 150", "GROUP \"G\" \($0) 0"] },
                    "\(pipe.keyword)\n\(daemon.log)")
            }
        }

        // MARK: Files

        @Test("SIGUSR1 writes the state and SIGUSR2 the counters where the file says, as keepalived words them")
        func dumps() throws {
            let pair = try Pair { setting, stage in
                let own = "\(stage.lab.directory)/\(setting.nodeName)"
                setting.blocks = [
                    "vrrp_script CHECK {", "    script /bin/true", "    interval 1", "    weight 0", "}",
                    "vrrp_sync_group G {", "    group {", "        VI_1", "    }", "}",
                ]
                setting.instanceLines = ["track_script {", "    CHECK", "}"]
                setting.globalLines = ["state_dump_file \(own).data", "stats_dump_file \(own).stats"]
            }
            defer { pair.close() }
            func dump(_ node: DaemonProcess, _ signal: Int32, _ name: String) throws -> [String] {
                node.current.signal(signal)
                let path = "\(pair.stage.lab.directory)/\(name)"
                return try LabClock.wait(upTo: .seconds(3), for: name) { () throws(LabError) in
                    // Renamed into place: it is there as a whole or not at all.
                    File.read(path).map {
                        String(decoding: $0, as: UTF8.self).split(separator: "\n").map {
                            $0.trimmingCharacters(in: .whitespaces)
                        }
                    }
                }
            }
            let left = try dump(pair.left, SIGUSR1, "left.data")
            for fact in [
                "VRRP Instance = VI_1", "VRRP Version = 3", "State = MASTER", "Interface = eth0",
                "Virtual Router ID = 51", "Priority = 150", "Sync group = G", "VRRP Sync Group = G, MASTER",
                "VRRP Script = CHECK", "Status = GOOD", "------< Global definitions >------",
                "VRRP IPv4 mcast group = 224.0.0.18", "Name = eth0", "IPv4 address = 10.77.0.1",
            ] { #expect(left.contains(fact), "\(fact) is not among\n\(left)") }
            let right = try dump(pair.right, SIGUSR1, "right.data")
            for fact in ["State = BACKUP", "Master router = 10.77.0.1", "Master priority = 150"] {
                #expect(right.contains(fact), "\(fact) is not among\n\(right)")
            }

            func count(_ key: String, in lines: [String]) -> Int? {
                lines.first { $0.hasPrefix(key + ": ") }.flatMap { Int($0.dropFirst(key.count + 2)) }
            }
            let before = pair.adverts(from: pair.stage.left).count
            let ofLeft = try dump(pair.left, SIGUSR2, "left.stats")
            #expect(ofLeft.contains("VRRP Instance: VI_1") && ofLeft.contains("Became master: 1"), "\(ofLeft)")
            #expect(try #require(count("Sent", in: ofLeft)) >= before)
            #expect(count("Released master", in: ofLeft) == 0)
            let ofRight = try dump(pair.right, SIGUSR2, "right.stats")
            #expect(try #require(count("Received", in: ofRight)) > 0)
            #expect(count("Sent", in: ofRight) == 0 && ofRight.contains("Became master: 0"), "\(ofRight)")
        }

        // MARK: systemd

        @Test("systemd hears that it is ready, reloads, is ready again, and stops") func systemd() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            let service = try ServiceManager(at: stage.lab.path(for: "notify"))
            let setting = RouterSetting(.v3, number: 1, priority: 150, interval: .milliseconds(100))
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            daemon.environment = ["NOTIFY_SOCKET=\(service.path)"]
            try daemon.start()
            #expect(try service.next("READY=1").contains("READY=1"))
            daemon.current.signal(SIGHUP)
            let reloading = try service.next("RELOADING=1")
            // Type=notify-reload wants both in one message (sd_notify(3)).
            #expect(reloading.contains { $0.hasPrefix("MONOTONIC_USEC=") }, "\(reloading)")
            #expect(try service.next("READY=1").contains("READY=1"))
            try daemon.stop()
            #expect(try service.next("STOPPING=1") == ["STOPPING=1"])
        }
    }
}

/// The end of NOTIFY_SOCKET that systemd holds.
private final class ServiceManager {
    let path: String
    private let descriptor: Int32

    init(at path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_NONBLOCK | O_CLOEXEC, 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        let result = withUnsafeBytes(of: &address) { bytes in
            bind(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
        try #require(result == 0, "bind \(path)")
    }

    deinit { close(descriptor) }

    /// The lines of the next message, which should be `what`.
    func next(_ what: String) throws -> [String] {
        try LabClock.wait(upTo: .seconds(5), for: what) { () throws(LabError) in
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            return String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }
}
