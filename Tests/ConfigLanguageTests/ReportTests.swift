import ConfigLanguage
import Primitives
import Testing

@Suite struct ReportTests {
    static func report() -> Report {
        var first = SourceSet()
        _ = first.add("/etc/k a.conf", Array("state master\n".utf8))
        var second = SourceSet()
        _ = second.add("b.conf", Array("state x\n".utf8))
        var report = Report([first, second])
        report.add(
            Report.Finding(
                1, Diagnostic(.warning, RuleID("config.test.rule"), at: SourceRange(start: 6, end: 7), "said")))
        report.add(
            Report.Finding(
                0,
                Diagnostic(
                    .error, RuleID("config.test.rule"), at: SourceRange(start: 6, end: 12), "wrong", reason: "why",
                    fix: "do", fixIt: Diagnostic.FixIt(SourceRange(start: 6, end: 12), "MASTER", isSafe: true)),
                elsewhere: [Report.Place(1, SourceRange(start: 6, end: 7), "there")]))
        report.sort()
        return report
    }

    @Test("Findings of several texts are shown with places in the others, and counted")
    func text() {
        #expect(
            Self.report().text() == """
                /etc/k a.conf:1:7: error: wrong [config.test.rule]
                   1 | state master
                     |       ^~~~~~
                    reason: why
                    fix: do
                b.conf:1:7: note: there
                   1 | state x
                     |       ^

                b.conf:1:7: warning: said [config.test.rule]
                   1 | state x
                     |       ^

                1 error, 1 warning

                """)
        #expect(Report().text() == "")
    }

    @Test("JSON has the page of the rule, and the places in other texts")
    func json() throws {
        var json = JSONWriter()
        json.array { Self.report().write(to: &$0) { "page#\($0)" } }
        let value = try #require(JSONValue(json.bytes)?.array)
        #expect(value.map { $0["helpUri"]?.string } == ["page#config.test.rule", "page#config.test.rule"])
        #expect(value[0]["related"]?.array?.first?["file"]?.string == "b.conf")
        #expect(value[0]["fixIt"]?["safe"]?.bool == true)
    }

    @Test("SARIF has the rules once, results with places as URIs, and edits")
    func sarif() throws {
        let text = Self.report().sarif(version: "1.2", page: { "page#\($0)" })
        let run = try #require(JSONValue(text.utf8)?["runs"]?.array?.first)
        let driver = run["tool"]?["driver"]
        #expect(driver?["version"]?.string == "1.2")
        #expect(driver?["rules"]?.array?.map { $0["id"]?.string } == ["config.test.rule"])
        #expect(driver?["rules"]?.array?.first?["helpUri"]?.string == "page#config.test.rule")
        let results = try #require(run["results"]?.array)
        #expect(results.map { $0["level"]?.string } == ["error", "warning"])
        #expect(results.map { $0["ruleIndex"]?.integer } == [0, 0])
        let place = results[0]["locations"]?.array?.first?["physicalLocation"]
        #expect(place?["artifactLocation"]?["uri"]?.string == "file:///etc/k%20a.conf")
        #expect(place?["region"]?["startColumn"]?.integer == 7 && place?["region"]?["endColumn"]?.integer == 13)
        #expect(results[0]["message"]?["text"]?.string == "wrong; why; do")
        let change = results[0]["fixes"]?.array?.first?["artifactChanges"]?.array?.first
        #expect(change?["replacements"]?.array?.first?["insertedContent"]?["text"]?.string == "MASTER")
        let other = results[0]["relatedLocations"]?.array?.first
        #expect(other?["message"]?["text"]?.string == "there")
        #expect(results[1]["fixes"] == nil && results[1]["relatedLocations"] == nil)
    }
}
