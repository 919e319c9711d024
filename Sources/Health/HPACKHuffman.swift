/// The Huffman code of HPACK (RFC 7541, Appendix B). It is canonical: the lengths alone give the codes, shorter ones first, and among equals the smaller
/// symbol. Decoded length by length, which is slow and small; a response has a few dozen such bytes.
enum HPACKHuffman {
    /// Bits of the codes of 0…255 and of the end of a string.
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
        28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
        7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
        23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
        21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
    ]

    /// Of each length: the first code, where its symbols begin in `symbols`, and how many there are.
    private struct Row {
        var firstCode: UInt32 = 0
        var start = 0
        var count = 0
    }

    private static let symbols: [Int] = lengths.indices.sorted { (lengths[$0], $0) < (lengths[$1], $1) }

    private static let rows: [Row] = {
        var rows = [Row](repeating: Row(), count: 31)
        for length in lengths { rows[Int(length)].count += 1 }
        var code: UInt32 = 0
        for length in 1...30 {
            code = (code &+ UInt32(rows[length - 1].count)) << 1
            rows[length].firstCode = code
            rows[length].start = rows[length - 1].start + rows[length - 1].count
        }
        return rows
    }()

    /// nil for a code that does not exist, for the end of a string within it, and for padding that is not the beginning of that (RFC 7541 §5.2).
    static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        var text: [UInt8] = []
        var code: UInt32 = 0
        var length = 0
        for byte in bytes {
            for shift in stride(from: 7, through: 0, by: -1) {
                code = code << 1 | UInt32(byte >> UInt8(shift) & 1)
                length += 1
                guard length <= 30 else { return nil }
                let row = rows[length]
                guard code >= row.firstCode, code - row.firstCode < UInt32(row.count) else { continue }
                let symbol = symbols[row.start + Int(code - row.firstCode)]
                guard let symbol = UInt8(exactly: symbol) else { return nil }
                text.append(symbol)
                (code, length) = (0, 0)
            }
        }
        return length <= 7 && code == (1 << UInt32(length)) - 1 ? text : nil
    }
}
