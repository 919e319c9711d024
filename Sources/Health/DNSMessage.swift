import Configuration
import Primitives

/// The one kind of DNS message that is sent, and what of an answer matters (RFC 1035 §4.1).
enum DNSMessage {
    static func typeCode(_ type: DNSProbe.RecordType) -> UInt16 {
        switch type {
        case .a: 1
        case .ns: 2
        case .cname: 5
        case .soa: 6
        case .mx: 15
        case .txt: 16
        case .aaaa: 28
        }
    }

    /// `name` as labels; nil when it is none: an empty label, one of more than 63 bytes, more than 255 in all.
    static func encode(name: String) -> [UInt8]? {
        var text = Array(name.utf8)[...]
        if text.last == UInt8(ascii: ".") { text.removeLast() }
        var bytes: [UInt8] = []
        if !text.isEmpty {
            for label in text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
                guard (1...63).contains(label.count) else { return nil }
                bytes.append(UInt8(label.count))
                bytes.append(contentsOf: label)
            }
        }
        bytes.append(0)
        return bytes.count <= 255 ? bytes : nil
    }

    static func query(id: UInt16, name: [UInt8], type: UInt16) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: id)
        // A standard query, recursion desired; one question.
        for word in [0x0100, 1, 0, 0, 0] as [UInt16] { bytes.append(bigEndian: word) }
        bytes += name
        bytes.append(bigEndian: type)
        bytes.append(bigEndian: 1 as UInt16)
        return bytes
    }

    /// The name at `offset`, in lower case and without compression, and where what follows it begins; nil when it is broken. Each pointer must go
    /// backwards (RFC 1035 §4.1.4: to a prior occurrence), so there is no loop.
    static func name(in bytes: [UInt8], at offset: Int) -> (name: [UInt8], end: Int)? {
        let span = bytes.span.bytes
        var name: [UInt8] = []
        var position = offset
        var end: Int?
        var lowest = offset
        while let length = span.uint8(at: position) {
            switch length >> 6 {
            case 0:
                name.append(length)
                if length == 0 { return name.count <= 255 ? (name, end ?? position + 1) : nil }
                guard position + 1 + Int(length) <= bytes.count, name.count + Int(length) <= 255 else { return nil }
                name += bytes[(position + 1)..<(position + 1 + Int(length))].map(lowercased)
                position += 1 + Int(length)
            case 3:
                guard let pointer = span.uint16(at: position).map({ Int($0 & 0x3FFF) }), pointer < lowest else {
                    return nil
                }
                end = end ?? position + 2
                (lowest, position) = (pointer, pointer)
            default: return nil
            }
        }
        return nil
    }

    /// RFC 1035 §4.1.1, RFC 2136 §2.2.
    static func name(ofResponse code: UInt8) -> String {
        let names = [
            "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
            "NOTAUTH", "NOTZONE",
        ]
        return Int(code) < names.count ? names[Int(code)] : "response code \(code)"
    }
}
