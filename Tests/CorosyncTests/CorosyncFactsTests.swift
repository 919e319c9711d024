import Arbitration
import Testing

@testable import Corosync

@Suite struct CorosyncFactsTests {
    static func facts(
        _ votes: [UInt32], node: UInt32 = 1, two: Bool = false, device: String = "",
        provider: String = "corosync_votequorum"
    ) -> CorosyncFacts {
        var facts = CorosyncFacts()
        facts.node = node
        facts.isTwoNode = two
        facts.device = device
        facts.provider = provider
        facts.electorate = Electorate(
            votes.enumerated().map { Electorate.Voter(node: UInt32($0.offset + 1), votes: $0.element) })
        return facts
    }

    @Test("Three nodes with a vote each will do, and so will four, or two of which one has more votes")
    func accepted() {
        #expect(Self.facts([1, 1, 1]).refusal == nil)
        #expect(Self.facts([1, 1, 1, 1], device: "net").refusal == nil)
        #expect(Self.facts([2, 1]).refusal == nil)
    }

    @Test("A cluster on which no lease can rest is refused, with what to do") func refused() throws {
        #expect(try #require(Self.facts([1, 1], two: true).refusal).contains("two_node"))
        #expect(try #require(Self.facts([1, 1], two: true).refusal).contains("third node"))
        #expect(try #require(Self.facts([1, 1], device: "net").refusal).contains("quorum device"))
        #expect(try #require(Self.facts([1]).refusal).contains("third node"))
        #expect(try #require(Self.facts([1, 1, 1], provider: "").refusal).contains("provider"))
        #expect(try #require(Self.facts([]).refusal).contains("nodelist"))
        #expect(try #require(Self.facts([0, 1, 1, 1]).refusal).contains("no vote"))
        #expect(try #require(Self.facts([1, 1, 1], node: 9).refusal).contains("no vote"))
    }

    @Test("A group's name is Corosync's to carry") func settings() {
        #expect(CorosyncSettings(cluster: "web", memoryPath: "/x")?.group == "aloft-web")
        #expect(CorosyncSettings(cluster: "", memoryPath: "/x") == nil)
        #expect(CorosyncSettings(cluster: "a b", memoryPath: "/x") == nil)
        #expect(CorosyncSettings(cluster: String(repeating: "a", count: 122), memoryPath: "/x") == nil)
    }
}
