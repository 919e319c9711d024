import ConfigLanguage
import Configuration
import Primitives
import Testing

/// Names of files, processes, sessions and groups find what they name.
@Suite struct TrackerNameTests {
    static let definitions = """
        track_file maintenance { file /run/maintenance }
        vrrp_track_process nginx { process nginx }
        bfd_instance gateway { neighbor_ip 10.0.0.254 }

        """

    func rules(_ text: String) -> [String] {
        faults(text).map { String($0.split(separator: " ")[2]) }.filter { !$0.hasPrefix("config.keyword.") }
    }

    @Test("What an instance or a group tracks is looked up, and counts as used")
    func lookup() {
        let trackers =
            "track_file {\nmaintenance weight -254\n}\ntrack_process {\nnginx weight 5 reverse\n}\ntrack_bfd {\ngateway\n}"
        #expect(rules(Self.definitions + instance(trackers)) == [])
        let group = "vrrp_sync_group G {\ngroup { A B }\nsync_group_tracking_weight\n\(trackers)\n}\n"
        let members = instance("priority 5") + instance("priority 5", name: "B", vrid: 2, address: "10.0.0.2")
        #expect(rules(Self.definitions + group + members) == [])
        #expect(rules(Self.definitions + instance()) == Array(repeating: "config.tracker.unused", count: 3))
    }

    @Test("A definition with a fault of its own is not missing as well")
    func faulty() {
        let text = "track_file f {\nfile\n}\n" + instance("track_file {\nf\n}")
        #expect(rules(text) == ["config.value.missing"])
        #expect(rules("track_file f {\n}\n" + instance("track_file {\nf\n}")) == ["config.tracker.incomplete"])
    }

    @Test("A name that is misspelt is told which one was meant")
    func spelling() throws {
        let loaded = Configuration.load(text: Self.definitions + instance("track_process {\nngnix\n}"))
        let fault = try #require(loaded.diagnostics.first { $0.rule.description == "config.tracker.undefined" })
        #expect(fault.fix == "did you mean `nginx`?" && fault.fixIt?.replacement == "nginx")
        let other = Configuration.load(text: instance("track_bfd {\nrouter\n}"))
        #expect(other.diagnostics.contains { $0.fix == "define it with `bfd_instance router { … }`" })
    }

    @Test("Twice is once, and a weight beside nopreempt counts whatever it comes from")
    func weights() {
        let text =
            Self.definitions
            + instance("nopreempt\ntrack_file {\nmaintenance\nmaintenance\n}\ntrack_process {\nnginx\n}")
        #expect(
            rules(text).sorted() == [
                "config.instance.duplicate-tracker", "config.instance.nopreempt-weights", "config.tracker.unused",
            ])
        // A process has the weight 0 unless it says otherwise.
        let process = "vrrp_track_process p { process x }\n" + instance("nopreempt\ntrack_process {\np\n}")
        #expect(rules(process) == [])
    }

    @Test("Checkers of servers use what they name")
    func checkers() {
        let server = """
            virtual_server 10.0.0.9 80 {
                protocol TCP
                real_server 10.0.0.5 80 {
                    FILE_CHECK { track_file maintenance }
                    BFD_CHECK { name gateway }
                }
            }

            """
        let found = rules(Self.definitions + instance("track_process {\nnginx\n}") + server)
        #expect(!found.contains("config.tracker.unused") && !found.contains { $0.hasPrefix("config.server.unknown") })
        let misspelt = Configuration.load(
            text: Self.definitions + server.replacing("track_file maintenance", with: "track_file maintainance"))
        #expect(
            misspelt.diagnostics.contains {
                $0.rule.description == "config.server.unknown-track-file" && $0.fix == "did you mean `maintenance`?"
            })
    }

    @Test("What is static may name a group, which names instances")
    func statics() {
        let text = """
            track_group net { group { A } }
            static_ipaddress { 10.9.0.1/24 dev eth1 track_group net }
            static_routes { 10.9.1.0/24 dev eth1 track_group nte }

            """
        #expect(rules(text + instance()) == ["config.static.undefined-group"])
    }
}
