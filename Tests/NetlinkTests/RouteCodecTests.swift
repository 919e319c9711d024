import Primitives
import Testing

@testable import Netlink

func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }
func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

func decode(_ bytes: [UInt8]) -> [RouteMessage] {
    var decoder = RouteDecoder()
    var messages: [RouteMessage] = []
    decoder.forEach(in: bytes.span.bytes) { messages.append($0) }
    return messages
}

func encode(_ request: RouteRequest, sequence: UInt32 = 7) -> [UInt8] {
    var bytes: [UInt8] = []
    request.append(to: &bytes, sequence: sequence)
    return bytes
}

/// A message with the given attributes behind a fixed header, as the kernel would send it.
func message(_ type: UInt16, flags: UInt16 = 0, sequence: UInt32 = 0, body: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    let start = bytes.beginMessage(type, flags: flags, sequence: sequence)
    bytes += body
    bytes.endMessage(at: start)
    return bytes
}

@Suite struct RouteCodecTests {
    @Test func aReplacedAddressIsTheseBytes() throws {
        let record = AddressRecord(
            interface: InterfaceIndex(2), prefix: try prefix("10.0.0.9/24"), broadcast: try address("10.0.0.255"),
            label: "eth0:1", flags: [.noDAD], validLifetime: 10, preferredLifetime: 10, proto: 18)
        #expect(
            encode(.replaceAddress(record)) == [
                96, 0, 0, 0, 20, 0, 0x05, 0x05, 7, 0, 0, 0, 0, 0, 0, 0,  // nlmsghdr: REQUEST ACK CREATE REPLACE
                2, 24, 2, 0, 2, 0, 0, 0,  // ifaddrmsg
                8, 0, 2, 0, 10, 0, 0, 9,  // IFA_LOCAL
                8, 0, 1, 0, 10, 0, 0, 9,  // IFA_ADDRESS
                8, 0, 4, 0, 10, 0, 0, 255,  // IFA_BROADCAST
                11, 0, 3, 0, 101, 116, 104, 48, 58, 49, 0, 0,  // IFA_LABEL "eth0:1"
                8, 0, 8, 0, 2, 0, 0, 0,  // IFA_FLAGS
                20, 0, 6, 0, 10, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // IFA_CACHEINFO
                5, 0, 11, 0, 18, 0, 0, 0,  // IFA_PROTO
            ])
    }

    @Test func aDeletedAddressIsTheseBytes() throws {
        let record = AddressRecord(interface: InterfaceIndex(3), prefix: try prefix("fd00::1/64"))
        #expect(
            encode(.deleteAddress(record)) == [
                64, 0, 0, 0, 21, 0, 0x05, 0, 7, 0, 0, 0, 0, 0, 0, 0, 10, 64, 0, 0, 3, 0, 0, 0,
                20, 0, 2, 0, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
                20, 0, 1, 0, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
            ])
    }

    @Test func aRouteIsAskedForAndReadBack() throws {
        #expect(
            encode(.route(to: try address("10.0.0.9"))) == [
                36, 0, 0, 0, 26, 0, 0x05, 0, 7, 0, 0, 0, 0, 0, 0, 0,  // RTM_GETROUTE, REQUEST ACK
                2, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // rtmsg
                8, 0, 1, 0, 10, 0, 0, 9,  // RTA_DST
            ])
        let header: [UInt8] = [2, 32, 0, 0, 254, 0, 0, 1, 0, 2, 0, 0]
        let destination: [UInt8] = [8, 0, 1, 0, 10, 0, 0, 9]
        let interface: [UInt8] = [8, 0, 4, 0, 3, 0, 0, 0]
        let gateway: [UInt8] = [8, 0, 5, 0, 10, 0, 0, 1]
        let neighbour = RouteRecord(to: try address("10.0.0.9"), interface: InterfaceIndex(3))
        #expect(decode(message(24, body: header + destination + interface)) == [.route(neighbour)])
        let far = RouteRecord(to: try address("10.0.0.9"), interface: InterfaceIndex(3), hasGateway: true)
        #expect(decode(message(24, body: header + destination + gateway + interface)) == [.route(far)])
        #expect(decode(message(24, body: [128] + header.dropFirst())) == [.other(type: 24)], "not of IPv4 or IPv6")
        for length in 0..<header.count { _ = decode(message(24, body: Array(header.prefix(length)))) }
    }

    @Test func dumpsAreTheseBytes() {
        #expect(
            encode(.dumpLinks) == [
                40, 0, 0, 0, 18, 0, 0x01, 0x03, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                8, 0, 29, 0, 8, 0, 0, 0,
            ])
        #expect(
            encode(.dumpAddresses(.ipv6)) == [
                24, 0, 0, 0, 22, 0, 0x01, 0x03, 7, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func addressesRoundTrip() throws {
        let index = InterfaceIndex(9)
        let records = [
            AddressRecord(interface: index, prefix: try prefix("192.0.2.1/32")),
            AddressRecord(
                interface: index, prefix: try prefix("192.0.2.1/24"), peer: try address("198.51.100.1"), scope: .link,
                broadcast: try address("192.0.2.255"), label: "averylonglabel1", flags: .settable, validLifetime: 100,
                preferredLifetime: 0, proto: 18),
            AddressRecord(
                interface: index, prefix: try prefix("2001:db8::1/128"), peer: try address("2001:db8::2"),
                flags: [.noDAD, .homeAddress, .autoJoin], validLifetime: 1, preferredLifetime: 1, proto: 255),
        ]
        for record in records {
            // A request and the kernel's report of it have one layout.
            #expect(decode(encode(.replaceAddress(record))) == [.address(record)])
        }
    }

    @Test func manyRequestsInOneDatagramAreAllRead() throws {
        var bytes: [UInt8] = []
        let record = AddressRecord(interface: InterfaceIndex(1), prefix: try prefix("10.1.1.1/32"), label: "abc")
        for sequence in 0..<255 { RouteRequest.replaceAddress(record).append(to: &bytes, sequence: UInt32(sequence)) }
        #expect(decode(bytes) == Array(repeating: .address(record), count: 255))
    }

    @Test func aLinkIsRead() {
        var body: [UInt8] = [0, 0]
        body.append(hostOrder: UInt16(1))
        body.append(hostOrder: UInt32(4))
        body.append(hostOrder: UInt32(0x11043))
        body.append(hostOrder: UInt32(0))
        body.append(attribute: 3, text: "vrrp.51")
        body.append(attribute: 1, [0, 0, 0x5E, 0, 1, 51])
        body.append(attribute: 4, hostOrder: 1500)
        body.append(attribute: 5, hostOrder: 2)
        body.append(attribute: 10, hostOrder: 3)
        body.append(attribute: 16, [6])
        body.append(attribute: 33, [1])
        var info: [UInt8] = []
        info.append(attribute: 1, text: "macvlan")
        body.append(attribute: 18 | 0x8000, info)
        #expect(
            decode(message(16, body: body)) == [
                .link(
                    LinkRecord(
                        index: InterfaceIndex(4), name: "vrrp.51",
                        flags: [.up, .broadcast, .running, .multicast, .lowerUp], operationalState: .up,
                        hasCarrier: true, mac: MACAddress(bits: 0x00_00_5E_00_01_33), mtu: 1500, kind: "macvlan",
                        master: InterfaceIndex(3), parent: InterfaceIndex(2)))
            ])
        #expect(decode(message(17, body: body)) == [.linkGone(InterfaceIndex(4))])
        body[0] = 7
        #expect(decode(message(17, body: body)).isEmpty, "a port leaving its bridge is not an interface leaving")
    }

    @Test func answersAreRead() {
        var body: [UInt8] = []
        body.append(hostOrder: Int32(-22))
        body += message(20, sequence: 5, body: [])
        body.append(attribute: 1, Array("ipv4: Invalid prefix\0".utf8))
        #expect(
            decode(message(2, flags: 0x300, sequence: 5, body: body)) == [
                .error(sequence: 5, errno: 22, text: "ipv4: Invalid prefix")
            ])
        // Without NLM_F_CAPPED the whole request stands before the text.
        var long: [UInt8] = []
        long.append(hostOrder: Int32(-1))
        long += message(20, sequence: 5, body: [1, 2, 3, 4, 5, 6, 7, 8])
        long.append(attribute: 1, Array("no\0".utf8))
        #expect(
            decode(message(2, flags: 0x200, sequence: 5, body: long)) == [.error(sequence: 5, errno: 1, text: "no")])
        #expect(
            decode(message(2, sequence: 6, body: [0, 0, 0, 0] + message(20, body: []))) == [
                .error(sequence: 6, errno: 0, text: "")
            ])
        #expect(
            decode(message(3, flags: 2, sequence: 8, body: [0, 0, 0, 0])) == [
                .done(sequence: 8, errno: 0, interrupted: false)
            ])
        #expect(decode(message(4, body: [])) == [.overrun])
        #expect(decode(message(24, body: [])) == [.other(type: 24)])
    }

    @Test func anInterruptedPartMarksTheWholeDumpAndOnlyThat() throws {
        var decoder = RouteDecoder()
        var messages: [RouteMessage] = []
        let record = AddressRecord(interface: InterfaceIndex(1), prefix: try prefix("10.1.1.1/32"))
        var part = encode(.replaceAddress(record))
        part[6] |= 0x10
        let done = message(3, sequence: 1, body: [0, 0, 0, 0])
        for datagram in [part, done, done] { decoder.forEach(in: datagram.span.bytes) { messages.append($0) } }
        #expect(
            messages == [
                .address(record), .done(sequence: 1, errno: 0, interrupted: true),
                .done(sequence: 1, errno: 0, interrupted: false),
            ])
    }
}

@Suite struct HostileNetlinkTests {
    static func samples() throws -> [[UInt8]] {
        let record = AddressRecord(
            interface: InterfaceIndex(2), prefix: try prefix("10.0.0.9/24"), peer: try address("10.0.0.10"),
            label: "eth0:1", flags: [.noDAD], validLifetime: 10, preferredLifetime: 10, proto: 18)
        var link: [UInt8] = Array(repeating: 0, count: 16)
        link[4] = 1
        link.append(attribute: 3, text: "eth0")
        link.append(attribute: 1, [1, 2, 3, 4, 5, 6])
        var info: [UInt8] = []
        info.append(attribute: 1, text: "veth")
        link.append(attribute: 18, info)
        var error: [UInt8] = []
        error.append(hostOrder: Int32(-17))
        error += message(20, sequence: 5, body: [])
        error.append(attribute: 1, Array("text\0".utf8))
        return [
            encode(.replaceAddress(record)), message(16, body: link), message(2, flags: 0x300, body: error),
            message(3, body: [0, 0, 0, 0]), encode(.replaceAddress(record)) + message(16, body: link),
        ]
    }

    @Test func everyPrefixOfAMessageIsRead() throws {
        for sample in try Self.samples() {
            for count in 0...sample.count { _ = decode(Array(sample[..<count])) }
        }
    }

    /// Each 16-bit word of each message, at the values where a length is too small, fits exactly, or is too big.
    @Test func everyLengthAtEveryBoundaryIsRead() throws {
        for sample in try Self.samples() {
            let counts = [
                0, 1, 2, 3, 4, 5, 15, 16, 17, sample.count - 1, sample.count, sample.count + 1, 0x7FFF, 0x8000, 0xFFFF,
            ]
            for offset in stride(from: 0, to: sample.count - 1, by: 2) {
                for value in counts {
                    var bytes = sample
                    bytes.write(hostOrder: UInt16(truncatingIfNeeded: value), at: offset)
                    _ = decode(bytes)
                }
                guard offset + 4 <= sample.count else { continue }
                for value: UInt32 in [0, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFC, 0xFFFF_FFFD, 0xFFFF_FFFF] {
                    var bytes = sample
                    bytes.write(hostOrder: value, at: offset)
                    _ = decode(bytes)
                }
            }
        }
    }

    // A length of nothing, of less than a header, and of more than there is: nothing behind it is read.
    static let lengths: [(UInt32, [RouteMessage])] = [
        (0, [.malformed(type: 0)]), (15, [.malformed(type: 0)]), (21, [.malformed(type: 0)]),
        (.max, [.malformed(type: 0)]), (16, [.overrun, .malformed(type: 0)]), (20, [.overrun]),
    ]

    @Test(arguments: lengths)
    func messageLengths(_ length: UInt32, _ expected: [RouteMessage]) {
        var bytes = message(4, body: [1, 2, 3, 4])
        bytes.write(hostOrder: length, at: 0)
        #expect(decode(bytes) == expected)
    }

    @Test func anAttributeThatDoesNotEndInsideMakesTheMessageMalformed() throws {
        var bytes = encode(
            .deleteAddress(AddressRecord(interface: InterfaceIndex(3), prefix: try prefix("10.0.0.1/8"))))
        bytes.write(hostOrder: UInt16(9), at: 32)
        #expect(decode(bytes) == [.malformed(type: 21)])
        bytes.write(hostOrder: UInt16(8), at: 32)
        #expect(decode(bytes).count == 1)
        bytes[17] = 33
        #expect(decode(bytes) == [.malformed(type: 21)], "no IPv4 prefix has 33 bits")
    }

    @Test func aHundredThousandMutationsAreRead() throws {
        var random = SplitMix64(seed: 0xA10F7)
        let samples = try Self.samples()
        var decoder = RouteDecoder()
        var seen = 0
        for _ in 0..<100_000 {
            var bytes = samples[Int.random(in: 0..<samples.count, using: &random)]
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            decoder.forEach(in: bytes.span.bytes) { _ in seen += 1 }
        }
        #expect(seen > 0)
    }
}
