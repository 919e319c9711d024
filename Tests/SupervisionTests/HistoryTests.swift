import Primitives
import Supervision
import Testing

private func record(_ name: String, _ number: Int) -> TransitionRecord {
    TransitionRecord(
        name: name, from: "BACKUP", to: "MASTER", rule: "vrrp.backup.master-down", reason: "no advert for 3.609 s",
        priority: 100, at: Instant(nanoseconds: Int64(number) * 1_000_000_000))
}

@Suite struct HistoryTests {
    @Test func theLast32OfEachAreKeptInOrder() {
        var history = History()
        for number in 0..<100 {
            history.append(record("VI_1", number))
            if number < 5 { history.append(record("VI_2", number)) }
        }
        #expect(history.records(of: "VI_1").map(\.at.nanoseconds) == (68..<100).map { Int64($0) * 1_000_000_000 })
        #expect(history.records(of: "VI_2").count == 5)
        #expect(history.total(of: "VI_1") == 100)
        #expect(history.total == 105)
        #expect(history.records(of: "nobody").isEmpty)
    }

    @Test func manyInstancesShareTheBound() {
        var history = History(depth: 8, limit: 100)
        for number in 0..<20 {
            for instance in 0..<50 { history.append(record("VI_\(instance)", number)) }
        }
        #expect(history.all.count <= 100)
        #expect(history.records(of: "VI_7").map(\.at.nanoseconds).last == 19_000_000_000)
        for instance in 0..<500 { history.append(record("other \(instance)", 30)) }
        #expect(history.all.count <= 100)
    }

    @Test func anInstanceAndAGroupOfOneNameAreTwo() {
        var history = History()
        var group = record("x", 1)
        group.subject = .group
        history.append(group)
        #expect(history.records(of: "x").isEmpty)
        #expect(history.records(of: "x", .group).count == 1)
    }

    @Test func aRecordReadsAsASentence() {
        #expect(
            record("VI_1", 1).text(at: Instant(nanoseconds: 13_300_000_000))
                == "VI_1: BACKUP to MASTER (priority 100) 12.3 s ago, vrrp.backup.master-down: no advert for 3.609 s")
    }

    @Test func theJSONIsReadBack() throws {
        var history = History()
        history.append(record("VI_1", 1))
        var json = JSONWriter()
        history.write(of: "VI_1", to: &json)
        let value = try #require(JSONValue(json.bytes))
        #expect(value.array?.first?["instance"] == .string("VI_1"))
        #expect(value.array?.first?["priority"] == .integer(100))
    }
}

@Suite struct JSONTests {
    @Test(arguments: [
        ("null", JSONValue.null), ("true", .bool(true)), (" false ", .bool(false)), ("-12", .integer(-12)),
        ("1.5e1", .number(15)), ("99999999999999999999", .number(1e20)),
        ("\"a\\n\\u00e9\\ud83d\\ude00\"", .string("a\né😀")),
        ("[1,[]]", .array([.integer(1), .array([])])),
        (
            "{\"a\":{},\"b\":\"\"}",
            .object([.init(name: "a", value: .object([])), .init(name: "b", value: .string(""))])
        ),
    ])
    func whatIsJSONIsRead(_ text: String, _ value: JSONValue) {
        #expect(JSONValue(text.utf8) == value)
    }

    @Test(arguments: [
        "", "nul", "01", "1.", "-", "+1", "1e", ".5", "\"", "\"\\x\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\u{1}\"",
        "[1,]",
        "{\"a\"}", "{a:1}", "[", "{", "[1 2]", "1 2", "1e999", "tru\u{0}",
    ])
    func whatIsNotIsRefused(_ text: String) {
        #expect(JSONValue(text.utf8) == nil)
    }

    @Test func depthIsBounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(JSONValue(deep.utf8) == nil)
        #expect(JSONValue("[[[1]]]".utf8, maximumDepth: 3) == nil)
        #expect(JSONValue("[[[1]]]".utf8, maximumDepth: 4) != nil)
    }

    @Test func invalidUTF8IsRefused() {
        #expect(JSONValue([0x22, 0xFF, 0x22]) == nil)
    }

    @Test func textIsEscapedSoThatItReadsBack() {
        for text in ["a\"b\\c", "\n\t\r\u{0}\u{1f}\u{7f}", "é😀", ""] {
            var json = JSONWriter()
            json.value(text)
            #expect(JSONValue(json.bytes) == .string(text))
        }
    }

    @Test func noBytesTrap() {
        var random = SplitMix64(seed: 5)
        let alphabet = Array("{}[]\",:\\u0d8e1-+.tfn \u{ff}".utf8)
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...24, using: &random)
            _ = JSONValue((0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
        }
    }
}

@Suite struct ControlProtocolTests {
    @Test(arguments: [
        ControlRequest.status(instance: nil), .status(instance: "VI_1"), .explain(instance: "V \"1\""),
        .history(instance: nil), .reload, .stop, .version,
    ])
    func aRequestArrivesAsItWasSent(_ request: ControlRequest) throws {
        #expect(try ControlRequest(payload: request.payload) == request)
    }

    @Test(arguments: [
        ("[]", "the request names no command"), ("{\"command\":\"fly\"}", "there is no command fly"),
        ("{\"command\":\"explain\"}", "explain needs an instance"), ("x", "the request is not JSON"),
    ])
    func whatIsNoRequestIsAnsweredWithTheReason(_ text: String, _ reason: String) {
        do {
            _ = try ControlRequest(payload: text.utf8)
            Issue.record("accepted")
        } catch {
            #expect(error.text == reason)
        }
    }

    @Test func answersSayWhetherTheyAreOne() {
        #expect(String(decoding: ControlAnswer.success("[]".utf8), as: UTF8.self) == "{\"ok\":true,\"result\":[]}")
        #expect(String(decoding: ControlAnswer.failure("no"), as: UTF8.self) == "{\"ok\":false,\"error\":\"no\"}")
    }
}
