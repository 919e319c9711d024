import Balancing
import Configuration
import Foundation
import Primitives
import Testing

@Suite struct AlertTests {
    private let first = "[10.0.0.1]:tcp:80"

    /// A service with two servers, each asked twice: on its own port and on another.
    private func bench(_ global: String = "", extra: String = "", each: String = "") throws -> Bench {
        let text = service(extra, servers: 2, each: each, global: global).replacingOccurrences(
            of: " }\n }\n", with: " }\n TCP_CHECK {\n connect_timeout 1\n retry 0\n connect_ip 10.0.9.9\n }\n }\n")
        return try Bench(text)
    }

    @Test("Each checker that fails and recovers is worth a mail; of the quorum only where it is asked for")
    func checkers() throws {
        let bench = try bench()
        bench.pass(.seconds(3))
        #expect(bench.take("alert") == [])
        bench.sick = [IPAddress("10.0.0.1")!]
        bench.pass(.seconds(3))
        #expect(bench.take("alert") == ["alert \(first) DOWN by TCP_CHECK"])
        bench.sick.insert(IPAddress("10.0.9.9")!)
        bench.pass(.seconds(3))
        #expect(bench.take("alert").count == 2)
        bench.sick = []
        bench.pass(.seconds(3))
        #expect(bench.take("alert").filter { $0 == "alert \(first) UP by TCP_CHECK" }.count == 2)
    }

    @Test("no_checker_emails: only what changes the server") func servers() throws {
        let bench = try bench("no_checker_emails")
        bench.pass(.seconds(3))
        bench.sick = [IPAddress("10.0.0.1")!]
        bench.pass(.seconds(3))
        bench.sick.insert(IPAddress("10.0.9.9")!)
        bench.pass(.seconds(3))
        #expect(
            bench.take("alert") == ["alert \(first) DOWN by TCP_CHECK", "alert [10.0.0.2]:tcp:80 DOWN by TCP_CHECK"])
        bench.sick = [IPAddress("10.0.9.9")!]
        bench.pass(.seconds(3))
        #expect(bench.take("alert") == [])
        bench.sick = []
        bench.pass(.seconds(3))
        #expect(bench.take("alert").count == 2)
    }

    @Test("smtp_alert of a virtual server: its quorum, from the start on; off at a real server: nothing of that")
    func quorum() throws {
        let bench = try bench(extra: "smtp_alert\nquorum 2", each: "smtp_alert off")
        bench.pass(.seconds(3))
        bench.sick = [IPAddress("10.0.0.1")!]
        bench.pass(.seconds(3))
        bench.sick = []
        bench.pass(.seconds(3))
        #expect(
            bench.take("alert") == [
                "alert quorum UP at the start: 2 of 2±0", "alert quorum DOWN: 1 of 2±0", "alert quorum UP: 2 of 2±0",
            ])
        // A successor tells nothing that its predecessor told.
        let next = try Bench(service("smtp_alert", servers: 2), adopting: bench.kernel)
        next.pass(.seconds(3))
        #expect(next.take("alert") == [])
    }

    @Test("omega: a server that was up is told of at the stop") func stop() throws {
        let bench = try bench(extra: "omega")
        bench.sick = [IPAddress("10.0.0.1")!]
        bench.pass(.seconds(3))
        _ = bench.take("alert")
        bench.give(.stop(keeping: false))
        #expect(bench.take("alert") == ["alert [10.0.0.2]:tcp:80 DOWN: Shutting down"])
    }
}
