import ConfigLanguage
import Configuration
import Testing

@Suite struct RepairTests {
    func repair(_ text: String, others: [(String, String)] = []) -> Repair {
        let files = [("k.conf", text)] + others
        return Repair(
            main: "k.conf", files: MemoryFiles(files.map { ProvidedFile(path: $0.0, bytes: Array($0.1.utf8)) }),
            leniency: .strict)
    }

    func text(_ repair: Repair, _ path: String = "k.conf") -> String? {
        repair.files.first { $0.path == path }.map { String(decoding: $0.after, as: UTF8.self) }
    }

    static let fault = """
        vrrp_script chk {
            script /usr/bin/killall -0 haproxy
        }
        vrrp_instance VI_1{
            state master
            interface = eth0
            virtual_router_id 51;
            prioritty 150
            authentication{
                auth_type PASS
                auth_pass hunter2
            }
            virtual_ipaddress {
                192.168.1.100/24
            }
            track_script {
                chk
            }
        }

        """

    @Test("All that can mean one thing only is mended at once, and nothing else is touched")
    func mends() throws {
        let repair = repair(Self.fault)
        #expect(repair.count == 7)
        #expect(repair.after.isValid && repair.after.diagnostics.isEmpty)
        #expect(
            text(repair) == """
                vrrp_script chk {
                    script "/usr/bin/killall -0 haproxy"
                }
                vrrp_instance VI_1 {
                    state MASTER
                    interface eth0
                    virtual_router_id 51
                    priority 150
                    authentication {
                        auth_type PASS
                        auth_pass hunter2
                    }
                    virtual_ipaddress {
                        192.168.1.100/24
                    }
                    track_script {
                        chk
                    }
                }

                """)
    }

    @Test("The difference shows the edits and no password")
    func difference() throws {
        let repair = repair(Self.fault)
        let diff = try #require(repair.files.first).diff(repair)
        #expect(diff.contains("-    prioritty 150\n") && diff.contains("+    priority 150\n"))
        #expect(diff.contains("         auth_pass *******\n") && !diff.contains("hunter2"))
    }

    @Test("An edit that uncovers another fault is not made, and the others are")
    func uncovered() throws {
        let repair = repair(instance("prioritty 7\npriority 8\nstate master"))
        #expect(repair.count == 1)
        #expect(text(repair)?.contains("prioritty 7\npriority 8\nstate MASTER") == true)
    }

    @Test("Proposals are left to people")
    func proposals() {
        let repair = repair(instance("notify_master /bin/a MASTER\nstate MSTER\ninterface eth0@if3"))
        #expect(repair.count == 0 && repair.files.isEmpty)
    }

    @Test("Included files are mended as well, once where they are included twice")
    func included() {
        let repair = repair(
            instance("include part.conf") + instance("include part.conf", name: "B", vrid: 2, address: "10.0.0.2"),
            others: [("part.conf", "prioritty 7\n")])
        #expect(repair.files.map(\.path) == ["part.conf"])
        #expect(text(repair, "part.conf") == "priority 7\n" && repair.after.isValid)
    }

    @Test("A corpus of faults is never worse after it was mended, and a second time has nothing to do")
    func corpus() {
        for file in CorpusTests.faulty.main {
            let repair = Repair(main: file.path, files: CorpusTests.faulty.files, leniency: .strict)
            let errors = { (loaded: LoadedConfiguration) in loaded.diagnostics.count { $0.severity == .error } }
            let warnings = { (loaded: LoadedConfiguration) in loaded.diagnostics.count { $0.severity == .warning } }
            #expect(errors(repair.after) <= errors(repair.before), "\(file.path)")
            #expect(warnings(repair.after) <= warnings(repair.before), "\(file.path)")
            #expect(repair.files.isEmpty == (repair.count == 0), "\(file.path)")
            let mended = CorpusTests.faulty.files.files.map { file in
                let other = repair.files.first { $0.path == file.path }
                return ProvidedFile(path: file.path, bytes: other?.after ?? file.bytes)
            }
            let again = Repair(main: file.path, files: MemoryFiles(mended), leniency: .strict)
            #expect(again.count == 0, "\(file.path)")
        }
    }
}
