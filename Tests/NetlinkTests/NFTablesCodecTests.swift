import Primitives
import Testing

@testable import Netlink

private let table = NFTablesTable(.ipv4, "t")

/// The messages of some bytes: type, flags, sequence and body without `struct nfgenmsg`.
private func messages(_ bytes: [UInt8]) -> [(header: NetlinkMessage, body: [UInt8])] {
    var walk = NetlinkMessages()
    var all: [(NetlinkMessage, [UInt8])] = []
    while let message = walk.next(in: bytes.span.bytes) {
        all.append((message, Array(bytes[message.body + 4..<message.end])))
    }
    #expect(!walk.isMalformed)
    return all
}

private func records(_ bytes: [UInt8]) -> [NFTablesRecord] {
    var walk = NetlinkMessages()
    var all: [NFTablesRecord] = []
    while let message = walk.next(in: bytes.span.bytes) {
        if let record = NFTablesRecord(message, in: bytes.span.bytes) { all.append(record) }
    }
    return all
}

@Suite struct NFTablesCodecTests {
    @Test func aBatchStandsBetweenItsEndsAndOnlyTheLastMessageAsksForAnAnswer() {
        var batch = NFTablesBatch(sequence: 9)
        batch.addTable(table)
        batch.deleteTable(table)
        batch.addChain("c", to: table)
        let all = messages(batch.finish())
        #expect(all.map(\.header.type) == [0x10, 0xA00, 0xA02, 0xA03, 0x11])
        #expect(all.map(\.header.flags) == [0x01, 0x401, 0x01, 0x405, 0x01])
        #expect(all.allSatisfy { $0.header.sequence == 9 })
        #expect(all[1].body == [6, 0, 1, 0, 116, 0, 0, 0])
    }

    /// The bytes that `nft` 1.0.6 sends for the same map and element (`nft --debug=mnl`), but for the key that tells it not to
    /// look for intervals.
    @Test func aMapAndItsElementAreTheBytesThatNftSends() {
        var batch = NFTablesBatch(sequence: 1)
        batch.addSet(
            NFTablesSet(
                "services", key: [.ipv4Address, .transportProtocol, .port], value: .fields([.mark, .mark])), to: table)
        let element = NFTablesElement(
            key: [10, 0, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0], value: .data([1, 0, 0, 0, 2, 0, 0, 0]), comment: "rr")
        batch.addElements([element], to: "services", of: table)
        let all = messages(batch.finish())
        let names: [UInt8] = [
            6, 0, 1, 0, 116, 0, 0, 0,
            13, 0, 2, 0, 115, 101, 114, 118, 105, 99, 101, 115, 0, 0, 0, 0,
        ]
        let set: [UInt8] =
            names + [
                8, 0, 3, 0, 0, 0, 0, 8, 8, 0, 4, 0, 0, 0, 0x73, 0x0D, 8, 0, 5, 0, 0, 0, 0, 12,
                8, 0, 6, 0, 0, 0, 0x04, 0xD3, 8, 0, 7, 0, 0, 0, 0, 8, 8, 0, 10, 0, 0, 0, 0, 1,
                16, 0, 13, 0, 0, 4, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0,
            ]
        #expect(all[1].body == set)
        let added: [UInt8] =
            names + [
                56, 0, 3, 0x80, 52, 0, 1, 0x80,
                20, 0, 1, 0x80, 16, 0, 1, 0, 10, 0, 0, 1, 6, 0, 0, 0, 0, 80, 0, 0,
                16, 0, 2, 0x80, 12, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0,
                9, 0, 6, 0, 0, 3, 114, 114, 0, 0, 0, 0,
            ]
        #expect(all[2].body == added)
    }

    /// The attributes that `nft` 1.0.6 sends for `fwd ip to … device …`, and for a chain of the family netdev (there in another order).
    @Test func whatDirectRoutingNeedsIsWhatNftSends() {
        var bytes: [UInt8] = []
        NFTablesExpression.forward(.ipv4, neighbour: .word(1), interface: .word(0)).append(to: &bytes)
        #expect(
            bytes == [
                40, 0, 1, 0x80, 8, 0, 1, 0, 102, 119, 100, 0,  // "fwd"
                28, 0, 2, 0x80, 8, 0, 1, 0, 0, 0, 0, 8, 8, 0, 2, 0, 0, 0, 0, 9, 8, 0, 3, 0, 0, 0, 0, 2,
            ])
        var batch = NFTablesBatch(sequence: 1)
        let hook = NFTablesBatch.Hook(.ingress, priority: 0, type: "filter", device: "eth0")
        batch.addChain("c", hook: hook, to: NFTablesTable(.netdev, "t"))
        #expect(
            messages(batch.finish())[1].body == [
                6, 0, 1, 0, 116, 0, 0, 0, 6, 0, 3, 0, 99, 0, 0, 0,
                32, 0, 4, 0x80, 8, 0, 1, 0, 0, 0, 0, 0, 8, 0, 2, 0, 0, 0, 0, 0, 9, 0, 3, 0, 101, 116, 104, 48, 0, 0, 0,
                0,
                11, 0, 7, 0, 102, 105, 108, 116, 101, 114, 0, 0,
            ])
    }

    @Test func elementsAreReadBackAsTheyWereWritten() {
        let elements = [
            NFTablesElement(key: [1, 2, 3, 4], value: .data([5, 6, 7, 8]), comment: "weight 3"),
            NFTablesElement(key: [2, 2, 3, 4], value: .verdict(.jump("there"))),
            NFTablesElement(key: [3, 2, 3, 4], value: .verdict(.drop)),
            NFTablesElement(key: [4, 2, 3, 4]),
        ]
        var batch = NFTablesBatch(sequence: 1)
        batch.addElements(elements, to: "s", of: table)
        #expect(
            records(batch.finish()) == [
                .elements(table, set: "s", elements.map { NFTablesListedElement(element: $0) })
            ])
    }

    @Test func manyElementsBecomeManyMessagesAndNoneIsLost() {
        let elements = (0..<30_000).map { number in
            NFTablesElement(key: [UInt8(number & 255), UInt8(number >> 8), 0, 0], value: .data([0, 0, 0, 1]))
        }
        var batch = NFTablesBatch(sequence: 1)
        batch.addElements(elements, to: "s", of: table)
        #expect(batch.count > 10)
        let read = records(batch.finish()).flatMap { record -> [NFTablesElement] in
            if case .elements(_, _, let list) = record { list.map(\.element) } else { [] }
        }
        #expect(read == elements)
    }

    @Test func aRuleIsReadBackByItsComment() {
        var batch = NFTablesBatch(sequence: 1)
        batch.addRule(
            [.loadConnection(.mark, into: .word(0)), .lookup(.word(0), set: "choices", into: .verdict)],
            comment: "aloft", to: "serve", of: table)
        let bytes = batch.finish()
        #expect(records(bytes) == [.rule(table, chain: "serve", comment: "aloft")])
        let expressions: [UInt8] = [
            84, 0, 4, 0x80,
            32, 0, 1, 0x80, 7, 0, 1, 0, 99, 116, 0, 0,
            20, 0, 2, 0x80, 8, 0, 1, 0, 0, 0, 0, 8, 8, 0, 2, 0, 0, 0, 0, 3,
            48, 0, 1, 0x80, 11, 0, 1, 0, 108, 111, 111, 107, 117, 112, 0, 0,
        ]
        let body = messages(bytes)[1].body
        #expect(Array(body[20..<20 + expressions.count]) == expressions)
    }

    /// What the kernel sends may be cut off anywhere: it is read or it is not, and nothing traps.
    @Test func bytesThatAreCutOffOrWrongNeverTrap() {
        var batch = NFTablesBatch(sequence: 1)
        batch.addElements(
            [NFTablesElement(key: [1, 2, 3, 4], value: .verdict(.goto("x")), comment: "weight 3")], to: "s", of: table)
        batch.addRule([.counter], comment: "c", to: "x", of: table)
        let whole = batch.finish()
        for count in 0...whole.count { _ = records(Array(whole.prefix(count))) }
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<3 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            _ = records(bytes)
            var walk = NetlinkMessages()
            while let message = walk.next(in: bytes.span.bytes) { _ = ConntrackRecord(message, in: bytes.span.bytes) }
        }
    }

    @Test func connectionsAreDeletedByTheirMark() {
        var bytes: [UInt8] = []
        ConntrackRequest.deleteAll(.ipv4, mark: 0x6100_0001, mask: .max).append(to: &bytes, sequence: 3)
        #expect(
            bytes == [
                36, 0, 0, 0, 2, 1, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
                8, 0, 8, 0, 0x61, 0, 0, 1, 8, 0, 21, 0, 255, 255, 255, 255,
            ])
    }

    @Test func aConnectionIsReadWithItsMarkAndState() throws {
        let tuple: [UInt8] = [8, 0, 1, 0, 9, 9, 9, 9]
        let body: [UInt8] =
            [2, 0, 0, 0] + [12, 0, 1, 0x80] + tuple + [
                16, 0, 4, 0x80, 12, 0, 1, 0x80, 5, 0, 1, 0, 3, 0, 0, 0,
                8, 0, 8, 0, 0x61, 0, 0, 2,
            ]
        let bytes = message(1 << 8, body: body)
        var walk = NetlinkMessages()
        guard let header = walk.next(in: bytes.span.bytes),
            let record = ConntrackRecord(header, in: bytes.span.bytes)
        else {
            Issue.record("the connection is not read")
            return
        }
        #expect(record.mark == 0x6100_0002 && record.isActive && record.original == tuple && record.family == .ipv4)
        var request: [UInt8] = []
        ConntrackRequest.delete(record).append(to: &request, sequence: 1)
        #expect(Array(request.suffix(12)) == [12, 0, 1, 0x80] + tuple)
    }
}
