import Foundation
import Glibc
import NetworkLab
import Testing

/// The commands about files, and what they ask of a running daemon.
extension OnTheKernel {
    @Suite("Plan", .needsRoot) struct PlanOfARunningDaemon {
        @Test("plan compares with what runs, not with what the file says by now; a reload makes them the same")
        func running() throws {
            let stage = try Stage()
            defer { stage.lab.close() }
            var setting = RouterSetting(.v2PASS, number: 1, priority: 150)
            let daemon = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, setting)
            try daemon.start()
            try stage.waitForHolder(stage.left, upTo: .seconds(8))
            let directory = ["--state-dir", daemon.directory]
            #expect(try aloft(["plan"] + directory).status == 0)

            setting.priority = 140
            setting.globalLines = ["vrrp_priority -5"]
            try daemon.configure(setting)
            let (text, status) = try aloft(["plan"] + directory)
            #expect(status == 1 && text.contains("VI_1 (MASTER now): changed"), "\(text)")
            #expect(text.contains("priority: 150 → 140") && text.contains("-5   at the next start only"), "\(text)")
            #expect(!text.contains("rosebud"))

            #expect(try aloft(["reload"] + directory).status == 0)
            let (after, done) = try aloft(["plan", daemon.configuration] + directory)
            #expect(done == 0 && after.contains("Nothing changes."), "\(after)")

            try File.write(setting.keepalived + "nonsense\n", to: daemon.configuration)
            let (_, refused) = try aloft(["plan", "--json"] + directory)
            // Under keepalived's name an unknown keyword is a warning.
            #expect(refused == 0)
            try File.write("global_defs {\n    router_id other\n}\n", to: daemon.directory + "/other")
            let (ends, gone) = try aloft(["plan", daemon.directory + "/other"] + directory)
            #expect(gone == 1 && ends.contains("VI_1 (MASTER now): removed"), "\(ends)")
        }

        @Test("a daemon reads its node's lines of a file, and plan compares with what it read") func ofANode() throws {
            let lab = try Programs.lab()
            defer { lab.close() }
            let node = try lab.makeNode("host", addresses: ["10.0.0.1/24"])
            let directory = try lab.makeDirectory("aloft")
            let (file, state) = (directory + "/both.conf", directory + "/state")
            try File.write(CommandsAboutFiles.ofTwoNodes, to: file)
            let daemon = try node.start([
                Programs.aloftd, "run", "-n", "-l", "-i", "left", "-f", file, "--state-dir", state,
            ])
            defer { try? daemon.stop() }
            try LabClock.wait(upTo: .seconds(5), for: "a master of the node left") { () throws(LabError) in
                (try? aloft("status", "--state-dir", state).output.contains("MASTER")) == true ? true : nil
            }
            #expect(try aloft("explain", "VI_1", "--state-dir", state).output.contains("priority   150"))
            let (none, undisturbed) = try aloft("plan", "--state-dir", state)
            #expect(undisturbed == 0, "\(none)")
            #expect(try aloft("plan", "--state-dir", state, "-i", "right").output.contains("150 → 100"))
        }
    }

    /// What needs no root.
    @Suite("Commands about files") struct CommandsAboutFiles {
        /// One file for two nodes.
        static let ofTwoNodes = """
            @left $PRIORITY=150
            @right $PRIORITY=100
            vrrp_instance VI_1 {
                interface eth0
                virtual_router_id 51
                priority $PRIORITY
                advert_int 1
                virtual_ipaddress {
                    ~SEQ(n, 1, 3) 10.9.0.${n}/24
                }
            }

            """

        private func directory() throws -> String {
            let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID())").path
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            return path
        }

        private static let ugly =
            "vrrp_instance A {\nauthentication {\nauth_type PASS\nauth_pass geheim\n}\ninterface eth0\nvirtual_router_id   7\nvirtual_ipaddress {\n10.0.0.1\n}\n}\n"

        @Test("fmt prints, checks, shows, and writes in place through a link, keeping mode and link") func fmt() throws
        {
            let directory = try directory()
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let (file, link) = (directory + "/real.conf", directory + "/link.conf")
            try File.write(Self.ugly, to: file)
            chmod(file, 0o640)
            symlink("real.conf", link)
            let (printed, _) = try aloft("fmt", link)
            #expect(printed.contains("    virtual_router_id 7\n"))
            #expect(File.read(file).map { String(decoding: $0, as: UTF8.self) } == Self.ugly)
            let (names, differs) = try aloft("fmt", "--check", file)
            #expect(differs == 1 && names == file + "\n")
            let (difference, _) = try aloft("fmt", "--diff", file)
            #expect(
                difference.contains("\n-virtual_router_id   7\n") && difference.contains("\n+    virtual_router_id 7\n")
            )
            #expect(!difference.contains("geheim"))
            #expect(try aloft("fmt", "-w", link).status == 0)
            #expect(File.read(file).map { String(decoding: $0, as: UTF8.self) } == printed)
            var status = stat()
            lstat(file, &status)
            #expect(status.st_mode & 0o7777 == 0o640)
            lstat(link, &status)
            #expect(status.st_mode & S_IFMT == S_IFLNK)
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
            #expect(try aloft("fmt", "--check", file).status == 0)
        }

        @Test("fmt leaves a broken file alone, and says where it is broken") func broken() throws {
            let directory = try directory()
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let file = directory + "/a.conf"
            try File.write("a {\n  b\n", to: file)
            let (text, status) = try aloft("fmt", "-w", file)
            #expect(status == 1 && text.contains("\(file):1:3: error:"), "\(text)")
            #expect(File.read(file).map { String(decoding: $0, as: UTF8.self) } == "a {\n  b\n")
            #expect(try aloft("fmt", "/nonexistent").status == 3)
            #expect(try aloft("fmt", "-w", "--check", file).status == 2)
        }

        @Test("plan of two files, and run --dry-run, answer with their exit codes") func plan() throws {
            let directory = try directory()
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let (old, new) = (directory + "/old.conf", directory + "/new.conf")
            try File.write(Self.ugly, to: old)
            try File.write(Self.ugly.replacing("}\n}", with: "10.0.0.2\n}\n}"), to: new)
            let (added, harmless) = try aloft("plan", old, new)
            #expect(harmless == 0 && added.contains("virtual_ipaddress: + 10.0.0.2/32"), "\(added)")
            #expect(try aloft("plan", new, old).status == 1)
            #expect(try aloft("plan", "--json", old, old).output.hasPrefix(#"{"disturbs":false,"#))
            try File.write("nonsense\n", to: new)
            #expect(try aloft("plan", old, new).status == 3)
            #expect(try aloft("plan", old, old, old).status == 2)
            #expect(try aloft("plan", "--state-dir", "/nonexistent", old).status == 3)
            let (text, fit) = try aloft("run", "--dry-run", "-f", old)
            #expect(fit == 0 && text.contains("holds 10.0.0.1/32 on eth0 as master"), "\(text)")
            #expect(try aloft("run", "-f", new, "--dry-run").status == 1)
            #expect(try aloft("run", "--dry-run", "-f", "/nonexistent").status == 3)
            #expect(try aloft("run", "--dry-run", "--nonsense").status == 2)
        }

        @Test(
            "one file is read as each of its nodes: by check, by dump, by run")
        func nodes() throws {
            let directory = try directory()
            defer { try? FileManager.default.removeItem(atPath: directory) }
            let file = directory + "/both.conf"
            try File.write(Self.ofTwoNodes, to: file)
            let (table, status) = try aloft("check", "-i", "left", "-i", "right", file)
            #expect(status == 0 && table.contains("both.conf as left"), "\(table)")
            // Without its node's name no priority is left.
            let (other, refused) = try aloft("check", "-i", "middle", file)
            #expect(refused == 1 && other.contains("both.conf:6:14: error: `$PRIORITY` is not defined"), "\(other)")
            #expect(try aloft("check", "--fix", "-i", "left", "-i", "right", file).status == 2)
            #expect(try aloft("dump", "-i", "right", file).output.contains("Priority = 100"))
            let (start, fit) = try aloft("run", "--dry-run", "-i", "left", "-f", file)
            #expect(fit == 0 && start.contains("priority 150"), "\(start)")
        }
    }
}
