import Configuration
import Foundation
import NetworkLab
import Primitives
import Testing

/// Tests/Corpus/dump has configurations, each with what keepalived 2.2.7 (Debian 12) lists of it: its output below the first
/// heading, without times, log lines and the host's interfaces. `Integration` has the real one list them again.
@Suite struct DumpTests {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Corpus/dump")
    static let names = ((try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? [])
        .filter { $0.hasSuffix(".conf") }.map { String($0.dropLast(5)) }.sorted()

    static func text(_ name: String) throws -> String {
        try String(contentsOf: directory.appending(path: name), encoding: .utf8)
    }

    private func model(_ name: String) throws -> Model {
        let loaded = Configuration.load(text: try Self.text(name + ".conf"), leniency: .keepalived)
        return try #require(loaded.understood, "\(loaded.renderedDiagnostics())")
    }

    @Test("There are configurations to compare") func present() { #expect(Self.names.count >= 10) }

    @Test("The listing is keepalived's", arguments: names)
    func listing(_ name: String) throws {
        let expected = KeepalivedListing(try Self.text(name + ".expected"))
        var text = ConfigurationDump(try model(name)).text
        // What keepalived's checker and BFD processes list of the globals is half of them: there is no such section in those files.
        if name.hasPrefix("lvs-") || name == "bfd" {
            text = String(text[try #require(text.range(of: "\n------<")).lowerBound...])
        }
        // A listing of its VRRP process alone has no sessions.
        if name == "trackers", let sessions = text.range(of: "------< BFD Topology") {
            text = String(text[..<sessions.lowerBound])
        }
        let actual = KeepalivedListing(text)
        #expect(expected.lines.count > 30)
        #expect(actual == expected, "\(KeepalivedListing.differences(expected, actual))")
    }

    @Test("A comparison sees every line that differs")
    func differences() {
        let text = ConfigurationDump(Model()).text
        let changed = text.replacing("VRRP strict mode = false", with: "VRRP strict mode = true")
        let difference = KeepalivedListing.differences(KeepalivedListing(text), KeepalivedListing(changed))
        #expect(difference.contains("VRRP strict mode = false") && difference.contains("VRRP strict mode = true"))
        #expect(
            KeepalivedListing("Fri Nov 27 03:27:13 2026: ------< A >------\nFri Nov 27 03:27:13 2026:  b\nc\n d").lines
                == ["------< A >------", " b", " d"])
    }

    @Test("The layout that fmt gives a file changes nothing of what is understood", arguments: names)
    func formatted(_ name: String) throws {
        let text = try Self.text(name + ".conf")
        let ugly = text.split(separator: "\n").joined(separator: "   \r\n\n\n \t").replacing(" {", with: "{")
        // An empty line would end a definition.
        for source in text.contains("\\\n") ? [text] : [text, ugly] {
            let laidOut = try Configuration.format(Array(source.utf8), name: "a")
            let loaded = Configuration.load(text: String(decoding: laidOut, as: UTF8.self), leniency: .keepalived)
            let dump = ConfigurationDump(try #require(loaded.understood))
            #expect(dump.text == ConfigurationDump(try model(name)).text)
        }
    }

    @Test("The JSON has the configuration's words, with its numbers and truths")
    func json() throws {
        var writer = JSONWriter()
        ConfigurationDump(try model("plain")).write(to: &writer)
        let json = try #require(JSONValue(writer.bytes))
        #expect(json["global_defs"]?["router_id"]?.string == "left")
        #expect(json["global_defs"]?["vrrp_strict"]?.bool == false)
        let instances = try #require(json["vrrp_instance"]?.array)
        #expect(instances.map { $0["name"]?.string } == ["WEB", "DB"])
        #expect(instances[0]["priority"]?.integer == 150)
        #expect(instances[0]["virtual_ipaddress"]?.array?.map(\.string) == ["10.0.0.100/24"])
        #expect(instances[1]["notify_master"]?.string == "/usr/bin/true m 'a b'")
        #expect(!writer.text.contains("rosebud"))
    }

    @Test("No listing shows a password", arguments: ["plain", "lvs-tls"]) func secrets(_ name: String) throws {
        #expect(try Self.text(name + ".conf").contains("rosebud"))
        let dump = ConfigurationDump(try model(name))
        var json = JSONWriter()
        dump.write(to: &json)
        #expect(!dump.text.contains("rosebud") && !json.text.contains("rosebud"))
    }

    @Test("The JSON of servers nests as their blocks do")
    func serversAsJSON() throws {
        var writer = JSONWriter()
        ConfigurationDump(try model("lvs-checks")).write(to: &writer)
        let json = try #require(JSONValue(writer.bytes))
        let server = try #require(json["virtual_server"]?.array?.first)
        #expect(server["address"]?.string == "10.0.0.100" && server["port"]?.integer == 80)
        #expect(server["delay_loop"] == .number(1.5))
        let real = try #require(server["real_server"]?.array)
        #expect(real.count == 3)
        #expect(real[0]["checks"]?.array?.map { $0["kind"]?.string } == ["TCP_CHECK", "TCP_CHECK", "PING_CHECK"])
        #expect(real[2]["checks"]?.array?[0]["url"]?.array?.count == 3)
    }
}
