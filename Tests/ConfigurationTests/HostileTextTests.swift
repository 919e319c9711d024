import ConfigLanguage
import Configuration
import Primitives
import Testing

/// Texts that are larger than a configuration, or none at all: each is one located message, and soon read.
@Suite struct HostileTextTests {
    static let instance = """
        vrrp_instance VI_1 {
            interface eth0
            virtual_router_id 51
            priority 100
            virtual_ipaddress {
                192.0.2.1/24
            }
        }

        """

    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let expected: [String]
        let text: @Sendable () -> String

        init(_ description: String, _ expected: [String], _ text: @escaping @Sendable () -> String) {
            testDescription = description
            self.expected = expected
            self.text = text
        }
    }

    static let rows: [Row] = [
        Row("a word of 10 MB", ["9:1 config.keyword.unknown"]) {
            instance + String(repeating: "x", count: 10 << 20) + "\n"
        },
        Row("a line of 10 MB", ["9:1 config.keyword.unknown"]) {
            instance + String(repeating: "word ", count: 2 << 20) + "\n"
        },
        Row("10,000 nested blocks", ["9:1 config.keyword.unknown"]) {
            instance + String(repeating: "a {\n", count: 10_000) + String(repeating: "}\n", count: 10_000)
        },
        Row("10,000 nested blocks on one line", ["9:1 config.keyword.unknown"]) {
            instance + String(repeating: "a { ", count: 10_000) + String(repeating: "} ", count: 10_000)
        },
        Row(
            "10,000 blocks that nobody closes",
            ["1:20 config.syntax.missing-brace", "5:21 config.syntax.unexpected-brace"]
        ) {
            "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n priority 100\n virtual_ipaddress {{\n"
                + String(repeating: "{\n", count: 10_000)
        },
        Row("a sequence of 10⁶", ["6:9 config.loop.limit"]) {
            instance.replacing("192.0.2.1/24", with: "~SEQ(n, 1000000) 192.0.2.${n}/24")
        },
        Row("a sequence of 10⁶ instances", ["9:1 config.loop.limit"]) {
            instance + "~SEQ(n, 1000000) vrrp_instance V${n} {\n}\n"
        },
        Row("a NUL byte", ["4:17 config.syntax.nul"]) { instance.replacing("100", with: "100\0") },
        Row("a quote that does not end", ["4:14 config.syntax.unterminated-quote"]) {
            instance.replacing("100", with: "\"100")
        },
        Row("a million laughs", ["20:14 config.variable.limit"]) {
            var text = "$L0=lol\n"
            for level in 1..<16 { text += "$L\(level)=" + String(repeating: "${L\(level - 1)}", count: 10) + "\n" }
            return text + instance.replacing("100", with: "${L15}")
        },
    ]

    @Test("Each is one located message", .timeLimit(.minutes(2)), arguments: rows)
    func oneMessage(_ row: Row) {
        let loaded = Configuration.load(text: row.text(), name: "a")
        let found = loaded.diagnostics.filter { $0.severity == .error }.map { diagnostic in
            let place = loaded.sources.location(of: diagnostic.range)
            return "\(place.line):\(place.column) \(diagnostic.rule)"
        }
        #expect(found == row.expected)
        #expect(loaded.renderedDiagnostics().utf8.count < 10_000)
    }

    @Test("A hundred levels of include are one message")
    func includes() {
        var files = (0..<100).map { ProvidedFile(path: "f\($0)", bytes: Array("include f\($0 + 1)\n".utf8)) }
        files.append(ProvidedFile(path: "f100", bytes: Array(Self.instance.utf8)))
        let loaded = Configuration.load(main: "f0", files: MemoryFiles(files))
        let errors = loaded.diagnostics.filter { $0.severity == .error }
        #expect(errors.map { "\($0.rule)" } == ["config.include.limit"])
        #expect(errors.first.map { loaded.sources.location(of: $0.range).file } == "f32")
    }

    @Test("Bytes at random are read to their end", arguments: 1...8)
    func noise(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let bytes = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &random) }
        let loaded = Configuration.load(
            main: "a", files: MemoryFiles([ProvidedFile(path: "a", bytes: bytes)]), leniency: .keepalived)
        #expect(!loaded.diagnostics.isEmpty && loaded.diagnostics.count <= DiagnosticList.limit + 1)
        #expect(!loaded.renderedDiagnostics().utf8.contains { $0 < 0x09 || $0 == 0x1B })
    }
}
