/// The quoting of commands, as a shell has it: adjacent quoted and plain parts join, `'…'` is literal, and outside of
/// it a backslash escapes.
///
/// keepalived reads a command twice: the line first, whose first word is the command and the next a user, and then
/// that word again for the program's arguments. `script /bin/sh -c x` is therefore `/bin/sh` alone.
public enum ShellWords {
    public enum Fault: Error, Hashable, Sendable {
        /// A `'` or `"` that does not end; its offset in what was split.
        case unterminated(quote: UInt8, at: Int)
        /// `\x` without a hexadecimal digit, or a backslash at the end.
        case badEscape(at: Int)
    }

    /// The words of `bytes`. Empty words are kept where they were quoted.
    public static func split(_ bytes: ArraySlice<UInt8>) -> Result<[[UInt8]], Fault> {
        var words: [[UInt8]] = []
        var word: [UInt8] = []
        var inWord = false
        var index = bytes.startIndex
        var quote: (byte: UInt8, at: Int)?
        while index < bytes.endIndex {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\"), quote?.byte != UInt8(ascii: "'") {
                guard let (value, next) = escape(bytes, after: index + 1) else {
                    return .failure(.badEscape(at: index - bytes.startIndex))
                }
                word.append(value)
                inWord = true
                index = next
                continue
            }
            if let open = quote {
                if byte == open.byte { quote = nil } else { word.append(byte) }
            } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
                quote = (byte, index - bytes.startIndex)
                inWord = true
            } else if isBlank(byte) || byte == UInt8(ascii: "\n") {
                if inWord { words.append(word) }
                word = []
                inWord = false
            } else {
                word.append(byte)
                inWord = true
            }
            index += 1
        }
        if let quote { return .failure(.unterminated(quote: quote.byte, at: quote.at)) }
        if inWord { words.append(word) }
        return .success(words)
    }

    /// The byte that an escape stands for, and the index behind it.
    private static func escape(_ bytes: ArraySlice<UInt8>, after start: Int) -> (UInt8, Int)? {
        guard start < bytes.endIndex else { return nil }
        let byte = bytes[start]
        switch byte {
        case UInt8(ascii: "a"): return (0x07, start + 1)
        case UInt8(ascii: "b"): return (0x08, start + 1)
        case UInt8(ascii: "E"): return (0x1B, start + 1)
        case UInt8(ascii: "f"): return (0x0C, start + 1)
        case UInt8(ascii: "n"): return (0x0A, start + 1)
        case UInt8(ascii: "r"): return (0x0D, start + 1)
        case UInt8(ascii: "t"): return (0x09, start + 1)
        case UInt8(ascii: "v"): return (0x0B, start + 1)
        case UInt8(ascii: "x"):
            var value: UInt8 = 0
            var index = start + 1
            while index < bytes.endIndex, index < start + 3, let digit = hexadecimal(bytes[index]) {
                value = value << 4 | digit
                index += 1
            }
            return index > start + 1 ? (value, index) : nil
        case UInt8(ascii: "c"):
            guard start + 1 < bytes.endIndex else { return nil }
            return (bytes[start + 1] & 0x1F, start + 2)
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            var value: UInt8 = 0
            var index = start
            while index < bytes.endIndex, index < start + 3, bytes[index] >= 0x30, bytes[index] <= 0x37 {
                value = value << 3 | (bytes[index] - 0x30)
                index += 1
            }
            return (value, index)
        default: return (byte, start + 1)
        }
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// Blank space within a line.
@inline(__always) func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0B || byte == 0x0C
}

/// A byte of a variable's name.
func isNameByte(_ byte: UInt8) -> Bool {
    byte == 0x5F || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
}

/// A `~SEQ` or `~LST` begins here.
func isLoop(_ text: ArraySlice<UInt8>) -> Bool { text.starts(with: "~SEQ".utf8) || text.starts(with: "~LST".utf8) }
