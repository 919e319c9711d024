import Foundation
import NetworkLab
import Testing

/// `aloft dump` beside the real `keepalived -d`.
extension OnTheKernel {
    @Suite("Dump", .needsRoot) struct Listings {
        static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Corpus/dump").path
        // Those of virtual servers were captured on a stand-in for ip_vs; those with sessions are listed by two processes.
        static let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
            .filter { $0.hasSuffix(".conf") && !$0.hasPrefix("lvs-") && $0 != "bfd.conf" && $0 != "trackers.conf" }.map
        { String($0.dropLast(5)) }.sorted()

        @Test(
            "lists what keepalived -d lists for the same file, and the captured listing is still that", arguments: names
        )
        func listings(_ name: String) throws {
            let lab = try Programs.lab()
            defer { lab.close() }
            let node = try lab.makeNode("host", addresses: ["10.0.0.1/24"])
            try node.ip(
                "link add eth1 type veth peer name eth1p", "link set eth1 up", "link set eth1p up",
                "addr add 10.1.0.1/24 dev eth1")
            let directory = try lab.makeDirectory("keepalived")
            let file = "\(Self.directory)/\(name).conf"
            let keepalived = try node.start(
                [
                    "keepalived", "-n", "-l", "-d", "-P", "-G", "-f", file, "-p", directory + "/p", "-r",
                    directory + "/r",
                ])
            // The interfaces come last.
            try LabClock.wait(upTo: .seconds(10), for: "the listing of \(name)") { () throws(LabError) in
                keepalived.output.text.contains("------< Interfaces >------") ? true : nil
            }
            try keepalived.stop()
            // What is not supported yet is said on standard error.
            let (text, status) = try aloft(["dump", "--compat", "keepalived", file], errors: false)
            #expect(status == 0 || name == "static" || name == "vmac")
            let theirs = KeepalivedListing(keepalived.output.text)
            #expect(theirs.lines.count > 60, "\(keepalived.output.text)")
            #expect(
                KeepalivedListing(text) == theirs, "\(KeepalivedListing.differences(theirs, KeepalivedListing(text)))")
            let captured = KeepalivedListing(
                try String(contentsOfFile: "\(Self.directory)/\(name).expected", encoding: .utf8))
            #expect(captured == theirs, "\(KeepalivedListing.differences(theirs, captured))")
        }
    }
}
