import Primitives
import Testing

@testable import Greeting

@Suite("Since when a node is master, as it greets") struct TenureTests {
    @Test("Both ends arrive, within the way, and what is said again changes nothing") func arrives() throws {
        var company = try Company.acquainted([150, 100])
        #expect(company.machines[1].peers[0].masterFrom == nil)
        company.act(0, at: 1000) { machine, _, _ in machine.note(masterFrom: at(990), until: nil) }
        company.change(0, at: 1000) { $0.priority = $0.priority == .owner ? .owner : .init(151) }
        company.run(1000, 1200)
        let first = try #require(company.machines[1].peers[0].masterFrom)
        #expect(first >= at(990) && first <= at(992))
        #expect(company.machines[1].peers[0].masterUntil == nil)
        company.run(1200, 20_000)
        #expect(company.machines[1].peers[0].masterFrom == first)
        // It lets go.
        company.act(0, at: 20_000) { machine, _, _ in machine.note(masterFrom: at(990), until: at(19_990)) }
        company.change(0, at: 20_000) { $0.role = .backup }
        company.run(20_000, 40_000)
        let last = try #require(company.machines[1].peers[0].masterUntil)
        #expect(last >= at(19_990) && last <= at(19_992))
        #expect(company.machines[1].peers[0].masterFrom == first)
        // And becomes master again.
        company.act(0, at: 40_000) { machine, _, _ in machine.note(masterFrom: at(40_000), until: nil) }
        company.change(0, at: 40_000) { $0.role = .master }
        company.run(40_000, 41_000)
        #expect(company.machines[1].peers[0].masterUntil == nil)
        #expect(try #require(company.machines[1].peers[0].masterFrom) >= at(40_000))
    }

    @Test("Two that follow each other within a second are two, and the time between them is nobody's") func quick()
        throws
    {
        var company = try Company.acquainted([150, 100])
        company.act(0, at: 1000) { machine, _, _ in machine.note(masterFrom: at(990), until: nil) }
        company.change(0, at: 1000) { $0.role = .master }
        company.run(1000, 1300)
        company.act(0, at: 1300) { machine, _, _ in machine.note(masterFrom: at(990), until: at(1290)) }
        company.change(0, at: 1300) { $0.role = .backup }
        company.run(1300, 1700)
        #expect(company.machines[1].peers[0].masterUntil != nil)
        company.act(0, at: 1700) { machine, _, _ in machine.note(masterFrom: at(1690), until: nil) }
        company.change(0, at: 1700) { $0.role = .master }
        company.run(1700, 2100)
        let peer = company.machines[1].peers[0]
        let began = try #require(peer.masterFrom)
        #expect(began >= at(1690) && began <= at(1692) && peer.masterUntil == nil)
    }
}
