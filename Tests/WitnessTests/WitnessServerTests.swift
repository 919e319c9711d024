import Arbitration
import LinuxWorld
import Primitives
import Testing

@testable import Witness

@Suite struct WitnessStoreTests {
    /// A path of its own, and its end.
    private func path(_ name: String) -> String { "/tmp/aloft-store-\(ThisProcess.pid)-\(name)" }

    private func remove(_ path: String) {
        for suffix in ["", ".lock", ".damaged"] { try? Files.remove(path + suffix) }
    }

    private func entry(_ version: UInt64) throws -> WitnessState.Entry {
        let record = LeaseRecord(
            holder: HolderName("a"), incarnation: Incarnation(1), request: 1, epoch: Epoch(3),
            terms: try LeaseTerms(duration: .seconds(1)), version: version)
        return WitnessState.Entry(
            cluster: try #require(ClusterName("web")), lease: try #require(LeaseName("web/VI")), record: record,
            reserved: version + 10)
    }

    @Test("What was appended is there after a restart; one process at a time") func restarts() throws {
        let path = path("restarts")
        defer { remove(path) }
        do {
            var store = try WitnessStore(path)
            let found = try store.read()
            #expect(found.state == nil && found.rule == .witnessNoState)
            let isWhole = store.isWhole
            #expect(!isWhole)
            var refused = false
            do { try store.append([try entry(1)]) } catch { refused = true }
            #expect(refused, "nothing is appended to what was not written")
            try store.replace(with: WitnessState(floor: LeaseHeight(), longest: .seconds(1)))
            try store.append([try entry(5), try entry(6)])
            #expect(throws: WitnessStore.Failure.self) { _ = try WitnessStore(path) }
        }
        let store = try WitnessStore(path)
        let found = try store.read()
        #expect(found.rule == .witnessStarted && found.state?.entries.map(\.record.version) == [5, 6])
    }

    @Test("A torn file is used, and said to be; a damaged one is put aside, and its heights are kept") func accidents()
        throws
    {
        let path = path("accidents")
        defer { remove(path) }
        var state = WitnessState(floor: LeaseHeight(epoch: Epoch(9)), longest: .seconds(1))
        state.entries = [try entry(5), try entry(6)]
        let file = WitnessLog.file(of: state)
        let store = try WitnessStore(path)
        try Files.writeAtomically(path, file.dropLast(3))
        let torn = try store.read()
        #expect(torn.rule == .witnessTornState && torn.state?.entries.count == 1)
        var damaged = file
        damaged[WitnessLog.headLength + 9] ^= 1
        try Files.writeAtomically(path, damaged)
        let found = try store.read()
        #expect(found.rule == .witnessDamagedState && found.state?.entries.isEmpty == true)
        #expect(found.state?.floor.epoch == Epoch(9) && found.message.contains("byte \(WitnessLog.headLength)"))
        #expect(try Files.status(path) == nil && Files.read(path + ".damaged") == damaged)
    }
}

@Suite struct WitnessRuleTests {
    @Test("Its rules are called as the documents call them") func names() {
        let rules: [(RuleID, String)] = [
            (.witnessStarted, "witness.start"), (.witnessNoState, "witness.state.missing"),
            (.witnessDamagedState, "witness.state.damaged"), (.witnessTornState, "witness.state.torn"),
            (.witnessNotStored, "witness.state.not-stored"), (.witnessStoredAgain, "witness.state.stored-again"),
            (.witnessOtherMachine, "witness.machine.another"), (.witnessClock, "witness.clock.not-set"),
            (.witnessUnheard, "witness.request.unheard"), (.witnessTooLong, "witness.request.lease-too-long"),
            (.witnessKeys, "witness.keys.read"), (.witnessKeysRefused, "witness.keys.refused"),
        ]
        for (rule, name) in rules { #expect(rule.description == name) }
    }

    @Test("A line that could come all the time is said at once, then with a count every half minute") func rare() {
        var line = RareLine(every: .seconds(30))
        let start = Instant(nanoseconds: 1_000_000_000)
        #expect(line.nextDeadline == .distantFuture && line.due(at: start) == nil)
        line.add("x")
        #expect(line.due(at: start) == "1 × x" && line.due(at: start) == nil)
        for _ in 0..<5 { line.add("y") }
        #expect(line.due(at: start + .seconds(29)) == nil && line.nextDeadline == start + .seconds(30))
        #expect(line.due(at: start + .seconds(30)) == "5 × y")
    }
}
