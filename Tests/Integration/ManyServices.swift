import Foundation
import NetworkLab
import Primitives
import Testing

/// Ten thousand services, of which a reload changes one.
extension OnTheKernel {
    @Suite("Many services", .needsRoot) struct ManyServices {
        private static let count = 10_000

        /// The farm's service and very many that nobody serves, without checks; `weight` is that of one server of one of them.
        private static func configuration(weight: Int) -> String {
            var text = Balanced.configuration()
            text.reserveCapacity(count * 400)
            for number in 0..<count {
                let address = "10.\(100 + number / 60_000).\(number / 250).\(number % 250 + 1)"
                text += "virtual_server \(address) 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n"
                for server in 1...3 {
                    let weight = number == 4321 && server == 2 ? weight : 1
                    text += "real_server 10.82.1.\(server) \(1000 + number % 50_000) { weight \(weight) }\n"
                }
                text += "}\n"
            }
            return text
        }

        /// What stands in the maps of this host, without the counters.
        private func elements(of node: Node) throws(LabError) -> Set<Substring> {
            Set(try node.run(["nft", "-s", "list", "ruleset"]).split(whereSeparator: { ",{}\n".contains($0) }))
        }

        @Test("RELOAD-1: of 10,000 services a reload touches the one that it changes; open connections go on")
        func reload() throws {
            let farm = try Farm()
            defer { farm.close() }
            let director = try Balanced.Director(farm, Self.configuration(weight: 1), upTo: .seconds(60))
            let connections = try (0..<3).map { _ in try farm.stay() }
            let before = try elements(of: farm.director)
            let answers = connections.map(\.output.lines.count)
            try director.reload(Self.configuration(weight: 7))
            let changed = try LabClock.poll(upTo: .seconds(30)) { () throws(LabError) in
                let difference = try elements(of: farm.director).symmetricDifference(before)
                return difference.isEmpty ? nil : difference
            }
            let difference = try #require(changed, "no change in\n\(director.daemon.output.lines.suffix(20))")
            // A service's turns are some elements of maps for each of its three servers.
            #expect(difference.count < 100, "\(difference.count), such as \(difference.prefix(5))")
            for (connection, count) in zip(connections, answers) {
                #expect(connection.output.lines.count > count + 10 && connection.isRunning)
            }
            #expect(try farm.ask(12).values.reduce(0, +) == 12)
            let status = try director.aloft("status", "--json")
            #expect(status.contains("\"repairs\":0"))
        }
    }
}
