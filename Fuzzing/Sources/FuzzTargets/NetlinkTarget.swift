import Netlink
import Primitives

/// `RouteDecoder`. The input is one datagram.
enum NetlinkTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        let messages = read(input)
        try require(read(input) == messages, "read twice, understood differently")
        // Each has a header, and one more says that the rest is malformed.
        try require(messages.count <= input.count / NetlinkMessage.headerLength + 1, "\(messages.count) messages")
        var digest = Digest()
        for message in messages {
            digest.add("\(message)")
            if case .address(let record) = message { try checkRoundTrip(record) }
        }
        return digest.value
    }

    private static func read(_ datagram: [UInt8]) -> [RouteMessage] {
        var decoder = RouteDecoder()
        var messages: [RouteMessage] = []
        decoder.forEach(in: datagram.span.bytes) { messages.append($0) }
        return messages
    }

    /// What we would ask the kernel for, to get this record, says the same when it is read.
    private static func checkRoundTrip(_ record: AddressRecord) throws(Violation) {
        var request: [UInt8] = []
        RouteRequest.replaceAddress(record).append(to: &request, sequence: 1)
        var wanted = record
        // What cannot be asked for, what is bounded, and what says nothing.
        wanted.flags.formIntersection(.settable)
        wanted.label = String(decoding: record.label.utf8.prefix(15), as: UTF8.self)
        wanted.preferredLifetime = min(record.preferredLifetime, record.validLifetime)
        try require(read(request) == [.address(wanted)], "\(wanted) is asked for as \(read(request))")
    }
}
