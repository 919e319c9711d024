/// Words of a server in a sentence of ours: printable ASCII, anything else a dot, spaces at the ends cut off, at most `limit` bytes.
func printable(_ bytes: some Sequence<UInt8>, limit: Int = 120) -> String {
    var text: [UInt8] = []
    for byte in bytes {
        if text.isEmpty, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { continue }
        if text.count == limit {
            // "..." instead of the last three, so that a cut text is known for one.
            text.removeLast(min(3, text.count))
            text.append(contentsOf: "...".utf8)
            break
        }
        text.append((0x20...0x7E).contains(byte) ? byte : UInt8(ascii: "."))
    }
    while let last = text.last, last == 0x20 { text.removeLast() }
    return String(decoding: text, as: UTF8.self)
}

/// Bytes of ours that go into a line of a protocol: without line ends and NUL, which would begin another.
func oneLine(_ text: String) -> [UInt8] { text.utf8.filter { $0 != 0x0D && $0 != 0x0A && $0 != 0 } }

extension Sequence<UInt8> {
    /// Lower-case hexadecimal digits.
    var hexadecimal: String {
        var text: [UInt8] = []
        for byte in self {
            for nibble in [byte >> 4, byte & 15] {
                text.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// ASCII letters in lower case, all else as it is.
func lowercased(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

func equalIgnoringCase(_ bytes: some Collection<UInt8>, _ text: StaticString) -> Bool {
    guard bytes.count == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { zip(bytes, $0).allSatisfy { lowercased($0) == lowercased($1) } }
}

/// A decimal number of at most 18 digits and nothing else; nil otherwise.
func decimal(_ bytes: some Collection<UInt8>) -> Int? {
    guard !bytes.isEmpty, bytes.count <= 18 else { return nil }
    var value = 0
    for byte in bytes {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value &* 10 &+ Int(byte &- 0x30)
    }
    return value
}
