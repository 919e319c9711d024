import Foundation
import NetworkLab
import Primitives
import Testing

/// What an operator switches on so that the daemon is harder to starve and harder to misuse.
extension OnTheKernel {
    @Suite("Hardening", .needsRoot) struct Hardening {
        @Test(
            "vrrp_rt_priority and vrrp_no_swap: the worker runs under SCHED_RR with its memory locked, its scripts do not"
        )
        func realtime() throws {
            let pair = try Pair { setting, stage in
                let own = "\(stage.lab.directory)/\(setting.nodeName)"
                // Field 41 of a process's own stat is the policy it runs under.
                try File.write(
                    "#!/bin/sh\nread -r line </proc/$$/stat; set -- $line; echo ${41} >\(own).policy\n", to: own)
                chmod(own, 0o755)
                setting.globalLines = ["vrrp_rt_priority 20", "vrrp_no_swap"]
                setting.instanceLines = ["notify_master \(own)"]
            }
            defer { pair.close() }
            let worker = try pair.worker()
            let fields = try #require(File.text("/proc/\(worker)/stat")).split(separator: " ")
            #expect(fields[40] == "2", "the policy is not SCHED_RR (2)")
            #expect(fields[39] == "20", "the real-time priority")
            let locked = try #require(File.text("/proc/\(worker)/status")).split(separator: "\n")
                .first { $0.hasPrefix("VmLck:") }
            #expect(locked?.contains(" 0 kB") == false, "\(locked ?? "no VmLck")")
            let policy = try LabClock.wait(upTo: .seconds(5), for: "notify_master") { () throws(LabError) in
                File.text("\(pair.stage.lab.directory)/left.policy").flatMap { $0.hasSuffix("\n") ? $0 : nil }
            }
            #expect(policy == "0\n", "a script inherited the policy of the daemon")
        }

        @Test("enable_script_security: what others may write is not run as root, is named, and the rest goes on")
        func scriptSecurity() throws {
            let pair = try Pair { setting, stage in
                let own = "\(stage.lab.directory)/\(setting.nodeName)"
                for name in ["open", "shut"] {
                    let script = "\(own).\(name)"
                    try File.write("#!/bin/sh\ntouch \(script).ran\n", to: script)
                    chmod(script, name == "open" ? 0o777 : 0o755)
                }
                setting.globalLines = ["enable_script_security", "script_user root"]
                setting.instanceLines = ["notify_master \(own).open", "notify \(own).shut"]
            }
            defer { pair.close() }
            // The hooks of a change of role run in order: with the second, the first is over.
            try LabClock.wait(upTo: .seconds(5), for: "the script that only root may write") { () throws(LabError) in
                File.read("\(pair.stage.lab.directory)/left.shut.ran").map { _ in true }
            }
            #expect(pair.left.log.contains("left.open is not run: "), pair.log)
            #expect(File.read("\(pair.stage.lab.directory)/left.open.ran") == nil)
        }
    }
}

extension File {
    /// The text of a file; nil when it cannot be read.
    static func text(_ path: String) -> String? { read(path).map { String(decoding: $0, as: UTF8.self) } }
}
