/// Decodes header blocks of HTTP/2 (RFC 7541). The dynamic table has the size that a peer may assume before it has read our settings, 4096 bytes, which
/// is also all that is kept.
struct HPACKDecoder: Sendable {
    struct Field: Hashable, Sendable {
        var name: [UInt8]
        var value: [UInt8]
    }

    private static let tableLimit = 4096

    private var dynamic: [Field] = []
    private var size = 0
    private var limit = HPACKDecoder.tableLimit

    /// nil when the block is broken; the connection cannot go on then (RFC 7541 §2.2: the tables differ).
    mutating func decode(_ block: ArraySlice<UInt8>) -> [Field]? {
        var reader = HPACKReader(block)
        var fields: [Field] = []
        while let first = reader.peek {
            if first & 0x80 != 0 {
                guard let index = reader.integer(7), let field = field(index) else { return nil }
                fields.append(field)
            } else if first & 0xC0 == 0x40 {
                guard let field = literal(&reader, 6) else { return nil }
                fields.append(field)
                insert(field)
            } else if first & 0xE0 == 0x20 {
                // At the beginning only (§4.2).
                guard fields.isEmpty, let size = reader.integer(5), size <= HPACKDecoder.tableLimit else { return nil }
                limit = size
                evict(for: 0)
            } else {
                guard let field = literal(&reader, 4) else { return nil }
                fields.append(field)
            }
        }
        return fields
    }

    private func literal(_ reader: inout HPACKReader, _ prefix: Int) -> Field? {
        guard let index = reader.integer(prefix) else { return nil }
        guard let name = index == 0 ? reader.string() : field(index)?.name, let value = reader.string() else {
            return nil
        }
        return Field(name: name, value: value)
    }

    private func field(_ index: Int) -> Field? {
        guard index > 0 else { return nil }
        if index <= HPACKDecoder.standard.count { return HPACKDecoder.standard[index - 1] }
        let place = index - HPACKDecoder.standard.count - 1
        return place < dynamic.count ? dynamic[place] : nil
    }

    private mutating func insert(_ field: Field) {
        let cost = HPACKDecoder.cost(of: field)
        evict(for: cost)
        guard cost <= limit else { return }
        dynamic.insert(field, at: 0)
        size += cost
    }

    private mutating func evict(for cost: Int) {
        while size + cost > limit, let last = dynamic.popLast() { size -= HPACKDecoder.cost(of: last) }
    }

    /// RFC 7541 §4.1.
    private static func cost(of field: Field) -> Int { field.name.count + field.value.count + 32 }

    /// RFC 7541, Appendix A.
    private static let standard: [Field] =
        ([
            (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
            (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
            (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
            ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
            ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""),
            ("cache-control", ""), ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""),
            ("content-length", ""), ("content-location", ""), ("content-range", ""), ("content-type", ""),
            ("cookie", ""), ("date", ""), ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""),
            ("host", ""), ("if-match", ""), ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""),
            ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""), ("location", ""),
            ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
            ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
            ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""),
            ("via", ""), ("www-authenticate", ""),
        ] as [(String, String)]).map { Field(name: Array($0.0.utf8), value: Array($0.1.utf8)) }
}

/// Integers and strings of HPACK (RFC 7541 §5).
struct HPACKReader {
    private let bytes: ArraySlice<UInt8>
    private var offset: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    var peek: UInt8? { offset < bytes.endIndex ? bytes[offset] : nil }

    private mutating func next() -> UInt8? {
        defer { offset += 1 }
        return peek
    }

    /// At most 2^21, which is more than any block here has bytes.
    mutating func integer(_ prefix: Int) -> Int? {
        guard let first = next() else { return nil }
        let mask = (1 << prefix) - 1
        var value = Int(first) & mask
        guard value == mask else { return value }
        for shift in [0, 7, 14] {
            guard let byte = next() else { return nil }
            value += Int(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    mutating func string() -> [UInt8]? {
        guard let first = peek, let length = integer(7), length <= bytes.endIndex - offset else { return nil }
        defer { offset += length }
        let text = bytes[offset..<(offset + length)]
        return first & 0x80 != 0 ? HPACKHuffman.decode(text) : Array(text)
    }
}

extension HPACKReader {
    /// A field as it is sent: literal, never to be indexed, without Huffman's code (§6.2.3), so that it needs no table.
    static func literal(_ name: String, _ value: [UInt8]) -> [UInt8] {
        [0x10] + string(Array(name.utf8)) + string(value)
    }

    private static func string(_ text: [UInt8]) -> [UInt8] {
        guard text.count >= 127 else { return [UInt8(text.count)] + text }
        var bytes: [UInt8] = [127]
        var rest = text.count - 127
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)] + text
    }
}
