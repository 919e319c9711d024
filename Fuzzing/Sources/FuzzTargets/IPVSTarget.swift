import Netlink
import Primitives

/// `IPVSRecord`. The input is one datagram of the family 0x1b.
enum IPVSTarget {
    private static let family: UInt16 = 0x1B

    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        let records = read(input)
        try require(read(input) == records, "read twice, understood differently")
        try require(records.count <= input.count / NetlinkMessage.headerLength, "\(records.count) records")
        var digest = Digest()
        for record in records {
            digest.add("\(record)")
            try checkRoundTrip(record)
        }
        return digest.value
    }

    private static func read(_ datagram: [UInt8]) -> [IPVSRecord] {
        let span = datagram.span.bytes
        var messages = NetlinkMessages()
        var records: [IPVSRecord] = []
        while let message = messages.next(in: span) {
            _ = GenericNetlink.familyNumber(message, in: span)
            if let record = IPVSRecord(message, in: span, family: family) { records.append(record) }
        }
        return records
    }

    /// What we would ask the kernel for, to get this record, says the same when it is read. Counters are not asked for.
    private static func checkRoundTrip(_ record: IPVSRecord) throws(Violation) {
        let wanted: IPVSRecord
        let request: IPVSRequest
        switch record {
        case .service(var service):
            service.statistics = IPVSStatistics()
            service.scheduler = bounded(service.scheduler)
            service.engine = bounded(service.engine)
            (wanted, request) = (.service(service), .newService(service))
        case .destination(var destination):
            destination.statistics = IPVSStatistics()
            destination.activeConnections = 0
            destination.inactiveConnections = 0
            destination.persistentConnections = 0
            let id = IPVSServiceID.mark(1, .ipv4)
            (wanted, request) = (.destination(destination), .newDestination(id, destination))
        case .daemon(var daemon):
            daemon.interface = bounded(daemon.interface)
            (wanted, request) = (.daemon(daemon), .startDaemon(daemon))
        case .timeouts(let timeouts): (wanted, request) = (record, .setTimeouts(timeouts))
        case .information: return
        }
        var bytes: [UInt8] = []
        request.append(to: &bytes, sequence: 1, family: family)
        try require(read(bytes) == [wanted], "\(wanted) is asked for as \(read(bytes))")
    }

    /// Names of at most 15 bytes; what a cut leaves of a letter is read as U+FFFD, of which fewer fit.
    private static func bounded(_ name: String) -> String {
        var name = name
        while name.utf8.count > 15 { name.removeLast() }
        return name
    }
}
