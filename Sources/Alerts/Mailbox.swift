/// Who sends or gets a mail: `ops@example.com`, or `On Call <ops@example.com>` (RFC 5322 §3.4).
public struct Mailbox: Hashable, Sendable {
    /// What stands before the address, or empty.
    public var name: String
    /// What goes to the server, without brackets: printable ASCII without blanks.
    public var address: String

    /// RFC 5321 §4.5.3.1.3, with its brackets.
    static let maximumAddress = 254

    /// Nil when no server could take it: without an address, with blanks, brackets or bytes beyond ASCII in it, too long, or behind
    /// a name with breaks or brackets.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let address: ArraySlice<UInt8>
        var name: ArraySlice<UInt8> = []
        if let open = bytes.lastIndex(of: UInt8(ascii: "<")) {
            guard let close = bytes[open...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
            guard bytes[(close + 1)...].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { return nil }
            address = bytes[(open + 1)..<close]
            name = bytes[..<open]
            guard name.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") })
            else { return nil }
        } else {
            address = bytes.trimmed
        }
        guard !address.isEmpty, address.count <= Self.maximumAddress,
            address.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") })
        else { return nil }
        self.name = String(decoding: name.trimmed, as: UTF8.self)
        self.address = String(decoding: address, as: UTF8.self)
    }

    /// As it stands in a header: without breaks, ASCII.
    var header: String {
        name.isEmpty ? address : HeaderText.encoded(name) + " <" + address + ">"
    }
}

extension ArraySlice<UInt8> {
    fileprivate var trimmed: ArraySlice<UInt8> {
        var rest = self
        while let first = rest.first, first == 0x20 || first == 0x09 { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest.removeLast() }
        return rest
    }
}

extension [UInt8] {
    fileprivate var trimmed: ArraySlice<UInt8> { self[...].trimmed }
}
