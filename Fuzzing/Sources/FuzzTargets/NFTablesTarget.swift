import Balancing
import Configuration
import Netlink
import Primitives

/// What the kernel says of our tables. The input is a byte that picks one of them, and datagrams of nf_tables as one.
enum NFTablesTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard let choice = input.first else { return 0 }
        let family: AddressFamily = choice & 1 == 0 ? .ipv4 : .ipv6
        let path: NFTablesPath = choice & 2 == 0 ? .translated : .direct
        let datagram = Array(input.dropFirst())
        let records = read(datagram)
        try require(read(datagram) == records, "read twice, understood differently")
        var listing = NFTablesListing(family, path)
        for record in records { listing.add(record) }
        var state = NFTablesState(listing)
        let stands = state.forwarding
        var digest = Digest()
        digest.add("\(records)\(stands)")

        // What was understood is what this program would write: wanting it changes no service.
        var batch = NFTablesBatch(sequence: 1)
        _ = state.write(stands.services.map(\.key), of: stands, into: &batch)
        try require(state.forwarding == stands, "wanting what stands makes \(state.forwarding) of \(stands)")
        return digest.value
    }

    private static func read(_ datagram: [UInt8]) -> [NFTablesRecord] {
        let span = datagram.span.bytes
        var messages = NetlinkMessages()
        var records: [NFTablesRecord] = []
        while let message = messages.next(in: span) {
            _ = ConntrackRecord(message, in: span)
            if let record = NFTablesRecord(message, in: span) { records.append(record) }
        }
        return records
    }
}
