import Configuration
import Foundation
import Primitives
import Testing

/// What is made from the declarations: documents, tables, completion.
@Suite struct ReferenceTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let advice: Comment = "run `.build/debug/aloft reference --write .`"

    static func committed(_ path: String) -> String? {
        try? String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    @Test("docs/reference is what the schema gives, page by page")
    func pages() throws {
        let pages = ReferencePages.all
        for page in pages { #expect(Self.committed("docs/reference/" + page.name) == page.text, Self.advice) }
        let files = try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: "docs/reference").path)
        #expect(files.sorted() == pages.map(\.name).sorted(), Self.advice)
    }

    @Test("aloft.conf(5) is what the schema gives, and no line of text is taken for a request")
    func manual() {
        #expect(Self.committed("Packaging/aloft.conf.5") == ManualPage.text, Self.advice)
        let requests: Set<Substring> = [".TH", ".SH", ".SS", ".TP", ".B", ".I", ".BR", ".PP", ".\\\""]
        for line in ManualPage.text.split(separator: "\n") where line.hasPrefix(".") {
            #expect(requests.contains(line.prefix { $0 != " " }), "\(line)")
        }
        #expect(Roff.line(".x -y \\z") == "\\&.x \\-y \\ez")
    }

    @Test("The table has a row for each keyword, and finds keywords and blocks")
    func table() {
        let all = SupportTable.rows(matching: [])
        #expect(all.found == Schema.entries && all.unknown.isEmpty)
        #expect(SupportTable.text(all.found).split(separator: "\n").count == Schema.entries.count + 1)
        let found = SupportTable.rows(matching: ["priority", "vrrp_script", "nosuch"])
        #expect(found.unknown == ["nosuch"])
        #expect(found.found.contains { $0.block == "vrrp_instance" && $0.name == "priority" })
        #expect(found.found.filter { $0.block == "vrrp_script" }.count == 8)
        #expect(!found.found.contains { $0.name == "state" })
        let row = found.found.first { $0.block == "vrrp_instance" && $0.name == "priority" }
        #expect(row?.arguments == "N" && row?.range == "1…255" && row?.defaultText == "100" && row?.support == .works)
        #expect(SupportTable.rows(matching: ["virtual_server/real_server"]).found.contains { $0.name == "uthreshold" })
    }

    @Test("The table as JSON can be read again")
    func json() throws {
        let rows = SupportTable.rows(matching: ["vrrp_vmac_garp_intvl", "-nodad"]).found
        let value = try #require(JSONValue(SupportTable.json(rows).utf8))
        let objects = try #require(value.array)
        #expect(objects.count == rows.count)
        #expect(objects[0]["state"]?.string == "old-name" && objects[0]["better"]?.string == "vrrp_garp_extra_if")
        #expect(objects[1]["block"]?.string == "vrrp_instance/virtual_ipaddress" && objects[1]["option"]?.bool == true)
    }

    @Test("Completion offers what a block knows")
    func completion() {
        #expect(
            Schema.completions(in: "vrrp_instance", prefix: "virtual_r") == [
                "virtual_router_id", "virtual_routes", "virtual_rules",
            ])
        #expect(Schema.completions(in: "top", prefix: "vrrp_s") == ["vrrp_script", "vrrp_sync_group"])
        #expect(Schema.completions(in: "real_server", prefix: "SMTP") == ["SMTP_CHECK"])
        #expect(Schema.completions(in: "nosuch", prefix: "") == [])
    }
}
