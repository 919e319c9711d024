import Foundation
import NetworkLab
import Primitives
import Testing

/// A whole director: configuration, checks, table, connections, commands.
extension OnTheKernel {
    @Suite("Servers behind a service", .needsRoot) struct Balanced {
        /// The service of the farm, with what its servers are asked. `plane`: what these tests look at, whatever else the kernel has.
        static func configuration(
            plane: String = "nftables",
            servers: ClosedRange<Int> = 1...3, check: String = "TCP_CHECK {\n connect_timeout 1\n retry 0\n}",
            extra: String = "",
            each: String = ""
        ) -> String {
            var text = """
                global_defs {
                    router_id farm
                    data_plane \(plane)
                }
                virtual_server \(Farm.service) 8080 {
                    lvs_sched rr
                    lvs_method NAT
                    protocol TCP
                    delay_loop 0.2
                    delay_before_retry 0.1
                    warmup 0
                    \(extra)

                """
            for number in servers {
                text += "    real_server \(Farm.server(number)) 8080 {\n weight 1\n \(each)\n \(check)\n }\n"
            }
            return text + "}\n"
        }

        /// A director with a daemon of this configuration, once it says that it is ready.
        struct Director {
            let farm: Farm
            let directory: String
            let daemon: Child

            init(_ farm: Farm, _ text: String, upTo limit: Duration = .seconds(10)) throws {
                self.farm = farm
                directory = try farm.lab.makeDirectory("aloft")
                try File.write(text, to: directory + "/keepalived.conf")
                daemon = try farm.director.start(
                    [
                        Programs.aloftd, "run", "-n", "-l", "-f", directory + "/keepalived.conf", "--state-dir",
                        directory,
                    ], log: "daemon")
                let output = daemon.output
                let ready = try LabClock.poll(upTo: limit) { () throws(LabError) in
                    output.text.contains("in the table") ? true : nil
                }
                try #require(ready != nil, "\(output.text)")
            }

            /// Replaces the configuration.
            func reload(_ text: String) throws {
                try File.write(text, to: directory + "/keepalived.conf")
                try farm.director.run([Programs.aloft, "reload", "--state-dir", directory])
            }

            @discardableResult
            func aloft(_ arguments: String...) throws -> String {
                try farm.director.run([Programs.aloft] + arguments + ["--state-dir", directory])
            }

            /// Waits for a line of the log.
            func wait(_ text: String, upTo limit: Duration = .seconds(10)) throws {
                let output = daemon.output
                let found = try LabClock.poll(upTo: limit) { () throws(LabError) in
                    output.text.contains(text) ? true : nil
                }
                try #require(found != nil, "no `\(text)` in\n\(output.text)")
            }

            /// Another worker has taken over the table.
            func waitForSuccessor() throws {
                _ = try LabClock.wait(upTo: .seconds(5), for: "the successor") { () throws(LabError) in
                    daemon.output.text.components(separatedBy: "in the table").count > 2 ? true : nil
                }
            }

            /// The process id of the health worker.
            func worker() throws -> Int32 {
                let status = try aloft("status", "--json")
                let number = status.split(separator: "\"health_pid\":").dropFirst().first?.prefix { $0.isNumber } ?? ""
                return try #require(Int32(number))
            }
        }

        @Test("LB-1: a dead server leaves the table, comes back, and is explained")
        func death() throws {
            let farm = try Farm(serving: false)
            defer { farm.close() }
            var servers: [Child] = []
            for number in 1...3 { servers.append(try farm.serve(number)) }
            let director = try Director(farm, Self.configuration())
            #expect(try farm.ask(12) == ["server1": 4, "server2": 4, "server3": 4])
            servers[1].signal(SIGKILL)
            try director.wait(
                "[10.82.0.12]:tcp:8080 of [10.81.0.100]:tcp:8080 is out: TCP_CHECK: connection refused",
                upTo: .seconds(3))
            #expect(try farm.ask(12) == ["server1": 6, "server3": 6])
            let explanation = try director.aloft("explain", "10.81.0.100:8080", "10.82.0.12")
            #expect(explanation.contains("connection refused"), "\(explanation)")
            #expect(try director.aloft("status").contains("DOWN"))
            try farm.serve(2)
            try director.wait("[10.82.0.12]:tcp:8080 of [10.81.0.100]:tcp:8080 is back")
            #expect(try farm.ask(12) == ["server1": 4, "server2": 4, "server3": 4])
        }

        @Test("LB-2: drain and undrain, through a reload and the death of the worker, without cutting a connection")
        func drain() throws {
            let farm = try Farm()
            defer { farm.close() }
            let director = try Director(farm, Self.configuration(servers: 1...1))
            let connection = try farm.stay()
            try director.reload(Self.configuration())
            try director.aloft("drain", Farm.server(1))
            #expect(try farm.ask(12) == ["server2": 6, "server3": 6])
            try director.reload(Self.configuration(extra: "quorum 2"))
            kill(try director.worker(), SIGKILL)
            try director.wait("and is replaced")
            try director.waitForSuccessor()
            #expect(try farm.ask(12) == ["server2": 6, "server3": 6])
            let count = connection.output.lines.count
            _ = try LabClock.wait(upTo: .seconds(5), for: "the open connection to go on") { () throws(LabError) in
                connection.output.lines.count > count + 10 ? true : nil
            }
            connection.signal(SIGKILL)
            try director.wait("out: its last connection has ended")
            try director.aloft("undrain", Farm.server(1))
            #expect(try farm.ask(12) == ["server1": 4, "server2": 4, "server3": 4])
        }

        @Test("A worker that hangs is replaced; meanwhile connections go on, and new ones are served")
        func hangs() throws {
            let farm = try Farm()
            defer { farm.close() }
            let director = try Director(farm, Self.configuration())
            let connection = try farm.stay()
            kill(try director.worker(), SIGSTOP)
            let count = connection.output.lines.count
            #expect(try farm.ask(6) == ["server1": 2, "server2": 2, "server3": 2])
            try director.wait("and is replaced", upTo: .seconds(20))
            try director.waitForSuccessor()
            #expect(try farm.ask(6).values.reduce(0, +) == 6)
            _ = try LabClock.wait(upTo: .seconds(5), for: "the open connection to go on") { () throws(LabError) in
                connection.output.lines.count > count + 10 ? true : nil
            }
            #expect(connection.isRunning)
        }

        @Test("KERN-1: what someone else flushes is back within 200 ms; a stop leaves nothing")
        func repair() throws {
            let farm = try Farm()
            defer { farm.close() }
            let director = try Director(farm, Self.configuration())
            try withoutStarvation { meter in
                let event = meter.event()
                try farm.director.run(["nft", "flush", "ruleset"])
                _ = try LabClock.wait(upTo: .seconds(5), for: "the table") { () throws(LabError) in
                    try farm.director.run(["nft", "list", "tables"]).contains("aloft") ? true : nil
                }
                return [Figure("flushed to repaired", LabClock.now() - event, atMost: .milliseconds(300))]
            }
            try director.wait("put right")
            #expect(try farm.ask(3).values.reduce(0, +) == 3)
            try director.daemon.stop()
            #expect(director.daemon.status == 0)
            let left = try farm.director.run(["nft", "list", "ruleset"])
            #expect(!left.contains(Farm.service), "\(left)")
        }

        @Test("HTTP_GET and MISC_CHECK take servers out for what they say")
        func checks() throws {
            let farm = try Farm()
            defer { farm.close() }
            let http = "HTTP_GET {\n url {\n path /status/503\n status_code 200\n }\n connect_timeout 1\n retry 0\n }"
            let director = try Director(farm, Self.configuration(check: http))
            try director.wait("HTTP_GET: HTTP status 503, wanted 200")
            #expect(try farm.ask(2) == ["-": 2])
            let good =
                "HTTP_GET {\n url {\n path /\n digest 6ff3f1a5ddd4ed1cca1dd7d4a1a5fd7b\n }\n url {\n path /\n regex \"^server[13]\"\n }\n connect_timeout 1\n retry 0\n }"
            try director.reload(Self.configuration(check: good))
            try director.wait("the body's MD5 is")
            let matching = "HTTP_GET {\n url {\n path /\n regex \"^server[13]\"\n }\n connect_timeout 1\n retry 0\n }"
            try director.reload(Self.configuration(check: matching))
            try director.wait("[10.82.0.13]:tcp:8080 of [10.81.0.100]:tcp:8080 is back")
            try director.wait("[10.82.0.11]:tcp:8080 of [10.81.0.100]:tcp:8080 is back")
            #expect(try farm.ask(12) == ["server1": 6, "server3": 6])
            let script = "MISC_CHECK {\n misc_path \"/bin/sh -c 'test $0 != x'\"\n misc_timeout 2\n user root\n}"
            try director.reload(Self.configuration(check: script))
            try director.wait("[10.82.0.12]:tcp:8080 of [10.81.0.100]:tcp:8080 is back")
        }
    }
}
