import Primitives

/// The protocol of PostgreSQL, version 3.0 (its manual, "Frontend/Backend Protocol"): what is sent, and what errors say.
enum PostgresMessages {
    /// SSLRequest: the one message, besides StartupMessage, without a type.
    static let sslRequest: [UInt8] = [0, 0, 0, 8, 0x04, 0xD2, 0x16, 0x2F]
    static let terminate: [UInt8] = [UInt8(ascii: "X"), 0, 0, 0, 4]

    static func startup(user: String, database: String) -> [UInt8] {
        var body: [UInt8] = [0, 3, 0, 0]
        for (name, value) in [("user", user), ("database", database), ("application_name", "aloft")] {
            body += Array(name.utf8) + [0] + oneLine(value) + [0]
        }
        body.append(0)
        return length(of: body) + body
    }

    static func message(_ type: Unicode.Scalar, _ body: [UInt8]) -> [UInt8] {
        [UInt8(ascii: type)] + length(of: body) + body
    }

    private static func length(of body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt32(truncatingIfNeeded: body.count &+ 4))
        return bytes
    }

    /// `FATAL 28P01: password authentication failed`, of the fields of an ErrorResponse.
    static func text(ofError body: ArraySlice<UInt8>) -> String {
        var severity = ""
        var code = ""
        var message = ""
        for field in body.split(separator: 0) {
            let value = field.dropFirst()
            switch field.first {
            case UInt8(ascii: "S"): severity = printable(value, limit: 20)
            case UInt8(ascii: "C"): code = printable(value, limit: 10)
            case UInt8(ascii: "M"): message = printable(value)
            default: break
            }
        }
        return "\(severity) \(code): \(message)"
    }

    /// The columns of a DataRow as text, nil for NULL; nil when it is broken.
    static func columns(_ body: ArraySlice<UInt8>) -> [ArraySlice<UInt8>?]? {
        let bytes = Array(body)
        let span = bytes.span.bytes
        guard let count = span.uint16(at: 0) else { return nil }
        var columns: [ArraySlice<UInt8>?] = []
        var offset = 2
        for _ in 0..<count {
            guard let length = span.uint32(at: offset) else { return nil }
            offset += 4
            guard length != UInt32.max else {
                columns.append(nil)
                continue
            }
            guard Int(length) <= bytes.count - offset else { return nil }
            columns.append(bytes[offset..<(offset + Int(length))])
            offset += Int(length)
        }
        return columns
    }
}
