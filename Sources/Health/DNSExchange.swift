import Configuration
import Primitives

/// `DNS_CHECK`: one query over UDP (RFC 1035 §4), and an answer to it without an error.
public struct DNSExchange: DatagramExchange {
    private let id: UInt16
    private let question: [UInt8]

    /// - Parameter id: told apart from answers to other queries by it; drawn by the caller.
    public init(_ probe: DNSProbe, id: UInt16) {
        self.id = id
        var bytes: [UInt8] = []
        for label in probe.name.split(separator: ".") {
            let part = Array(label.utf8.prefix(63))
            bytes.append(UInt8(part.count))
            bytes += part
        }
        bytes.append(0)
        bytes.append(bigEndian: probe.type.number)
        bytes.append(bigEndian: UInt16(1))  // IN
        question = bytes
    }

    public mutating func request() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: id)
        bytes.append(bigEndian: UInt16(0x0100))  // RD
        for count: UInt16 in [1, 0, 0, 0] { bytes.append(bigEndian: count) }
        return bytes + question
    }

    /// Another id, or no answer at all: a forgery, or one that came late.
    public mutating func receive(_ datagram: [UInt8]) -> Verdict? {
        let span = datagram.span.bytes
        guard span.uint16(at: 0) == id, let flags = span.uint16(at: 2), flags & 0x8000 != 0 else { return nil }
        let code = flags & 0x000F
        guard code == 0 else { return .failure("answers with the error \(Self.name(code))") }
        return .success
    }

    /// RFC 6895 §2.3.
    private static func name(_ code: UInt16) -> String {
        switch code {
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 3: "NXDOMAIN"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        default: "\(code)"
        }
    }
}

extension DNSProbe.RecordType {
    /// RFC 1035 §3.2.2, RFC 3596.
    var number: UInt16 {
        switch self {
        case .a: 1
        case .ns: 2
        case .cname: 5
        case .soa: 6
        case .mx: 15
        case .txt: 16
        case .aaaa: 28
        }
    }
}
