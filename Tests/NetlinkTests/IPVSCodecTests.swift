import Primitives
import Testing

@testable import Netlink

private let family: UInt16 = 0x1B

private func request(_ request: IPVSRequest, acknowledged: Bool = true) -> [UInt8] {
    var bytes: [UInt8] = []
    request.append(to: &bytes, sequence: 7, family: family, acknowledged: acknowledged)
    return bytes
}

/// The header of a message with this length and these flags, and `struct genlmsghdr`.
private func header(_ length: UInt8, flags: [UInt8] = [5, 0], command: UInt8) -> [UInt8] {
    [length, 0, 0, 0, 0x1B, 0] + flags + [7, 0, 0, 0, 0, 0, 0, 0, command, 1, 0, 0]
}

private func records(_ bytes: [UInt8]) -> [IPVSRecord] {
    var walk = NetlinkMessages()
    var all: [IPVSRecord] = []
    while let message = walk.next(in: bytes.span.bytes) {
        if let record = IPVSRecord(message, in: bytes.span.bytes, family: family) { all.append(record) }
    }
    return all
}

private let web = IPVSServiceID.address(.v4(IPv4Address(10, 0, 0, 1)), port: 80, protocolNumber: 6)
/// AF_INET, TCP, 10.0.0.1, port 80 as attributes.
private let webBytes: [UInt8] = [
    6, 0, 1, 0, 2, 0, 0, 0, 6, 0, 2, 0, 6, 0, 0, 0,
    20, 0, 3, 0, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    6, 0, 4, 0, 0, 80, 0, 0,
]
/// 10.9.0.11, port 8080, AF_INET.
private let serverBytes: [UInt8] = [
    20, 0, 1, 0, 10, 9, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 2, 0, 0x1F, 0x90, 0, 0,
    6, 0, 11, 0, 2, 0, 0, 0,
]

/// Bytes by hand, of a machine that puts the lowest byte first.
@Suite struct IPVSCodecTests {
    @Test func theFamilyIsAskedForByNameAndFoundByItsNumber() {
        var bytes: [UInt8] = []
        GenericNetlink.appendFamilyRequest("IPVS", to: &bytes, sequence: 2)
        #expect(
            bytes == [
                32, 0, 0, 0, 16, 0, 5, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0,
                9, 0, 2, 0, 73, 80, 86, 83, 0, 0, 0, 0,
            ])
        // CTRL_CMD_NEWFAMILY: its name, its number, its version.
        let answer = message(
            0x10,
            body: [
                1, 2, 0, 0, 9, 0, 2, 0, 73, 80, 86, 83, 0, 0, 0, 0, 6, 0, 1, 0, 0x1B, 0, 0, 0, 8, 0, 3, 0, 1, 0, 0, 0,
            ])
        var walk = NetlinkMessages()
        guard let found = walk.next(in: answer.span.bytes) else {
            Issue.record("no message")
            return
        }
        #expect(GenericNetlink.familyNumber(found, in: answer.span.bytes) == 0x1B)
    }

    @Test func aServiceIsTheseBytes() {
        let service = IPVSService(
            web, scheduler: "sh", flags: [.persistent, .scheduler1], timeout: 300, netmask: 0xFFFF_FF00)
        let body: [UInt8] =
            [84, 0, 1, 0x80] + webBytes + [
                7, 0, 6, 0, 115, 104, 0, 0, 12, 0, 7, 0, 9, 0, 0, 0, 0x3D, 0, 0, 0,
                8, 0, 8, 0, 0x2C, 1, 0, 0, 8, 0, 9, 0, 255, 255, 255, 0,
            ]
        #expect(request(.newService(service)) == header(104, command: 1) + body)
        #expect(request(.setService(service), acknowledged: false) == header(104, flags: [1, 0], command: 2) + body)
    }

    @Test func aServiceOfIPv6HasALengthAndAMarkHasNoAddress() {
        let service = IPVSService(.mark(5, .ipv6), scheduler: "rr", netmask: 64, engine: "sip")
        #expect(
            request(.newService(service))
                == header(84, command: 1) + [
                    64, 0, 1, 0x80, 6, 0, 1, 0, 10, 0, 0, 0, 8, 0, 5, 0, 5, 0, 0, 0, 7, 0, 6, 0, 114, 114, 0, 0,
                    8, 0, 11, 0, 115, 105, 112, 0, 12, 0, 7, 0, 0, 0, 0, 0, 0x3D, 0, 0, 0, 8, 0, 8, 0, 0, 0, 0, 0,
                    8, 0, 9, 0, 64, 0, 0, 0,
                ])
    }

    @Test func aDestinationIsTheseBytes() {
        let server = IPVSDestination(
            .v4(IPv4Address(10, 9, 0, 11)), port: 8080, method: IPVSDestination.Method.tunnel, weight: 3,
            upperThreshold: 500, lowerThreshold: 400, tunnelType: 1, tunnelPort: 6080, tunnelFlags: 2)
        let named: [UInt8] = [48, 0, 1, 0x80] + webBytes
        let rest: [UInt8] = [
            8, 0, 3, 0, 2, 0, 0, 0, 8, 0, 4, 0, 3, 0, 0, 0, 8, 0, 5, 0, 0xF4, 1, 0, 0, 8, 0, 6, 0, 0x90, 1, 0, 0,
            5, 0, 13, 0, 1, 0, 0, 0, 6, 0, 14, 0, 0x17, 0xC0, 0, 0, 6, 0, 15, 0, 2, 0, 0, 0,
        ]
        #expect(
            request(.newDestination(web, server))
                == header(164, command: 5) + named + [96, 0, 2, 0x80] + serverBytes + rest)
        #expect(
            request(.deleteDestination(web, server.address, port: 8080))
                == header(108, command: 7) + named + [40, 0, 2, 0x80] + serverBytes)
    }

    @Test func whatNamesAServiceOrNothingIsTheseBytes() {
        let named: [UInt8] = [48, 0, 1, 0x80] + webBytes
        #expect(request(.deleteService(web)) == header(68, command: 3) + named)
        #expect(request(.getService(web)) == header(68, command: 4) + named)
        #expect(request(.dumpDestinations(web)) == header(68, flags: [1, 3], command: 8) + named)
        #expect(request(.zero(web)) == header(68, command: 16) + named)
        #expect(request(.zero(nil)) == header(20, command: 16))
        #expect(request(.flush) == header(20, command: 17))
        #expect(request(.dumpServices) == header(20, flags: [1, 3], command: 4))
        #expect(request(.dumpDaemons) == header(20, flags: [1, 3], command: 11))
        #expect(request(.getTimeouts) == header(20, command: 13))
        #expect(request(.getInformation) == header(20, command: 15))
    }

    @Test func timeoutsAndDaemonsAreTheseBytes() {
        #expect(
            request(.setTimeouts(IPVSTimeouts(tcp: 7200, udp: 60)))
                == header(36, command: 12) + [8, 0, 4, 0, 0x20, 0x1C, 0, 0, 8, 0, 6, 0, 60, 0, 0, 0])
        let daemon = IPVSDaemon(
            .master, interface: "eth1", syncID: 51, maximumLength: 1400, group: .v4(IPv4Address(224, 0, 0, 81)),
            port: 8849, ttl: 2)
        #expect(
            request(.startDaemon(daemon))
                == header(84, command: 9) + [
                    64, 0, 3, 0x80, 8, 0, 1, 0, 1, 0, 0, 0, 9, 0, 2, 0, 101, 116, 104, 49, 0, 0, 0, 0,
                    8, 0, 3, 0, 51, 0, 0, 0, 6, 0, 4, 0, 0x78, 5, 0, 0, 8, 0, 5, 0, 224, 0, 0, 81,
                    6, 0, 7, 0, 0x91, 0x22, 0, 0, 5, 0, 8, 0, 2, 0, 0, 0,
                ])
        #expect(
            request(.stopDaemon(.backup)) == header(32, command: 10) + [12, 0, 3, 0x80, 8, 0, 1, 0, 2, 0, 0, 0])
    }

    /// As the kernel writes it: the address, the scheduler, flags with the kernel's own, both kinds of counters.
    private static let listedService: [UInt8] = message(
        family, flags: 2,
        body: [1, 1, 0, 0] + [172, 0, 1, 0] + webBytes + [
            8, 0, 6, 0, 119, 108, 99, 0, 12, 0, 7, 0, 3, 0, 0, 0, 255, 255, 255, 255, 8, 0, 8, 0, 44, 1, 0, 0,
            8, 0, 9, 0, 255, 255, 0, 0,
            36, 0, 10, 0, 8, 0, 1, 0, 9, 0, 0, 0, 12, 0, 4, 0, 1, 2, 0, 0, 0, 0, 0, 0, 12, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0,
            0,
            52, 0, 12, 0, 12, 0, 1, 0, 9, 0, 0, 0, 1, 0, 0, 0, 12, 0, 6, 0, 3, 0, 0, 0, 0, 0, 0, 0,
            12, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0,
        ])

    @Test func aServiceIsReadAsTheKernelWritesIt() {
        guard case .service(let service) = records(Self.listedService).first else {
            Issue.record("no service")
            return
        }
        #expect(service.id == web && service.scheduler == "wlc" && service.engine == "")
        #expect(service.flags == [.persistent, .hashed] && service.timeout == 300 && service.netmask == 0xFFFF_0000)
        // The exact counters win, wherever they stand.
        #expect(service.statistics.connections == 0x1_0000_0009 && service.statistics.bytesOut == 7)
        #expect(service.statistics.connectionRate == 3 && service.statistics.bytesIn == 0)
    }

    private static let listedServer: [UInt8] = message(
        family, flags: 2,
        body: [5, 1, 0, 0] + [144, 0, 2, 0] + serverBytes.prefix(28) + [
            8, 0, 3, 0, 3, 1, 0, 0, 8, 0, 4, 0, 2, 0, 0, 0, 5, 0, 13, 0, 2, 0, 0, 0, 6, 0, 14, 0, 0, 5, 0, 0,
            6, 0, 15, 0, 1, 0, 0, 0, 8, 0, 5, 0, 9, 0, 0, 0, 8, 0, 6, 0, 8, 0, 0, 0, 8, 0, 7, 0, 4, 0, 0, 0,
            8, 0, 8, 0, 5, 0, 0, 0, 8, 0, 9, 0, 6, 0, 0, 0, 6, 0, 11, 0, 2, 0, 0, 0,
            24, 0, 10, 0, 8, 0, 2, 0, 77, 0, 0, 0, 12, 0, 4, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        ])

    @Test func aDestinationIsReadAsTheKernelWritesIt() {
        guard case .destination(let server) = records(Self.listedServer).first else {
            Issue.record("no destination")
            return
        }
        #expect(server.address == .v4(IPv4Address(10, 9, 0, 11)) && server.port == 8080 && server.weight == 2)
        // Of the kernel's flags the way of forwarding alone.
        #expect(server.method == IPVSDestination.Method.directRouting)
        #expect(server.tunnelType == 2 && server.tunnelPort == 5 && server.tunnelFlags == 1)
        #expect(server.upperThreshold == 9 && server.lowerThreshold == 8)
        #expect(server.activeConnections == 4 && server.inactiveConnections == 5 && server.persistentConnections == 6)
        #expect(server.statistics.packetsIn == 77 && server.statistics.bytesIn == 256)
    }

    @Test func whatWasAskedForIsReadBackTheSame() {
        let services = [
            IPVSService(
                web, scheduler: "mh", flags: [.persistent, .onePacket, .scheduler2], timeout: 1, netmask: 0xFF00_0000),
            IPVSService(.mark(.max, .ipv4), scheduler: "sed"),
            IPVSService(
                .address(.v6(IPv6Address(high: 1, low: 2)), port: 0, protocolNumber: 132), scheduler: "rr",
                flags: .persistent, timeout: 5, netmask: 48, engine: "sip"),
        ]
        // What creates one is, in the kernel's answers, what names one.
        for service in services { #expect(records(request(.newService(service))) == [.service(service)]) }
        let servers = [
            IPVSDestination(
                .v6(IPv6Address(high: 0, low: 1)), port: 1, method: 2, weight: .max, tunnelType: 1, tunnelPort: 9),
            IPVSDestination(
                .v4(IPv4Address(1, 2, 3, 4)), port: 0, method: 0, weight: 0, upperThreshold: 4, lowerThreshold: 2),
        ]
        for server in servers { #expect(records(request(.newDestination(web, server))) == [.destination(server)]) }
        let daemons = [
            IPVSDaemon(.backup, interface: "eth0", syncID: 255),
            IPVSDaemon(
                .master, interface: "bond0.4094", syncID: 0, maximumLength: 65_507,
                group: .v6(IPv6Address(high: 0xFF02 << 48, low: 0x51)), port: 1, ttl: 255),
        ]
        for daemon in daemons { #expect(records(request(.startDaemon(daemon))) == [.daemon(daemon)]) }
        let timeouts = IPVSTimeouts(tcp: 900, tcpFin: 120, udp: 300)
        #expect(records(request(.setTimeouts(timeouts))) == [.timeouts(timeouts)])
        #expect(
            records(message(family, body: [14, 1, 0, 0, 8, 0, 1, 0, 1, 2, 1, 0, 8, 0, 2, 0, 0, 16, 0, 0]))
                == [.information(version: 0x010201, tableSize: 4096)])
    }

    @Test func aDestinationWithoutAFamilyIsOfTheOneThatItsAddressShows() {
        func address(_ bytes: [UInt8]) -> IPAddress? {
            let body: [UInt8] = [5, 1, 0, 0, 24, 0, 2, 0, 20, 0, 1, 0] + bytes
            guard case .destination(let server) = records(message(family, body: body)).first else { return nil }
            return server.address
        }
        #expect(address([10, 0, 0, 9] + Array(repeating: 0, count: 12)) == .v4(IPv4Address(10, 0, 0, 9)))
        #expect(
            address([0xFD] + Array(repeating: 0, count: 14) + [9])
                == .v6(IPv6Address(high: 0xFD << 56, low: 9)))
    }

    @Test func otherFamiliesAndMessagesThatNameNothingAreNoRecords() {
        #expect(records(message(0x1C, body: Array(Self.listedService.dropFirst(16)))).isEmpty)
        for body: [UInt8] in [
            [], [1], [1, 1, 0, 0], [1, 1, 0, 0, 4, 0, 1, 0], [5, 1, 0, 0, 4, 0, 2, 0], [9, 1, 0, 0, 4, 0, 3, 0],
            [77, 1, 0, 0],
            // A service of a family that is neither IPv4 nor IPv6, and one whose address is too short.
            [1, 1, 0, 0, 12, 0, 1, 0, 6, 0, 1, 0, 9, 0, 0, 0],
            [1, 1, 0, 0, 20, 0, 1, 0, 6, 0, 1, 0, 10, 0, 0, 0, 8, 0, 3, 0, 1, 2, 3, 4],
        ] {
            #expect(records(message(family, body: body)).isEmpty, "\(body)")
        }
    }

    /// What the kernel sends may be cut off anywhere, and anything may be in it: it is read or it is not, and nothing traps.
    @Test func bytesThatAreCutOffOrWrongNeverTrap() {
        let daemon = request(.startDaemon(IPVSDaemon(.master, interface: "eth1", syncID: 1, port: 2, ttl: 3)))
        let whole = Self.listedService + Self.listedServer + daemon
        for count in 0...whole.count { _ = records(Array(whole.prefix(count))) }
        // Each prefix of each message, with a length that fits it.
        for message in [Self.listedService, Self.listedServer, daemon] {
            for count in NetlinkMessage.headerLength...message.count {
                var bytes = Array(message.prefix(count))
                bytes.write(hostOrder: UInt32(count), at: 0)
                #expect(records(bytes).count <= 1)
            }
        }
        var random = SplitMix64(seed: 11)
        for _ in 0..<50_000 {
            var bytes = whole
            for _ in 0..<4 {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            let first = records(bytes)
            #expect(records(bytes) == first)
            var walk = NetlinkMessages()
            while let message = walk.next(in: bytes.span.bytes) {
                _ = GenericNetlink.familyNumber(message, in: bytes.span.bytes)
            }
        }
        for length in 0..<200 {
            let bytes = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = records(message(family, body: [5, 1, 0, 0] + bytes))
            _ = records(message(family, body: [1, 1, 0, 0] + bytes))
        }
    }
}
