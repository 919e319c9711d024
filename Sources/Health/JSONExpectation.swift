import Configuration
import Primitives

/// Looks for the value at a path of a JSON text (RFC 8259) without building the rest: constant memory, one pass. The whole text must be JSON.
struct JSONExpectation: Sendable {
    private let path: [[UInt8]]
    private let pathText: String
    private let wanted: [UInt8]?

    init(_ assertion: HTTPProbe.JSONAssertion) {
        path = assertion.path.utf8.split(separator: 0x2E, omittingEmptySubsequences: true).map(Array.init)
        pathText = assertion.path
        wanted = assertion.value.map { Array($0.utf8) }
    }

    /// Why the text is not what was wanted; nil when it is.
    func fault(in text: [UInt8]) -> String? {
        var walk = JSONWalk(text: text, path: path)
        guard walk.readDocument() else { return "the body is no JSON (at byte \(walk.offset))" }
        guard let found = walk.found else { return "JSON: there is nothing at `\(pathText)`" }
        guard let wanted else { return nil }
        switch found {
        case .object: return "JSON: `\(pathText)` is an object, wanted `\(printable(wanted, limit: 60))`"
        case .array: return "JSON: `\(pathText)` is an array, wanted `\(printable(wanted, limit: 60))`"
        case .text(let value):
            guard value != wanted else { return nil }
            return "JSON: `\(pathText)` is `\(printable(value, limit: 60))`, wanted `\(printable(wanted, limit: 60))`"
        }
    }
}

/// A recursive descent that writes down one value. Its depth is bounded, and it never traps.
struct JSONWalk {
    enum Found: Hashable {
        case object, array
        /// A string without quotes and escapes; all else as it is written.
        case text([UInt8])
    }

    let text: [UInt8]
    let path: [[UInt8]]
    private(set) var offset = 0
    private(set) var found: Found?
    static let maximumDepth = 64

    init(text: [UInt8], path: [[UInt8]]) {
        self.text = text
        self.path = path
    }

    private var next: UInt8? { offset < text.count ? text[offset] : nil }

    mutating func readDocument() -> Bool {
        guard readValue(depth: 0, matched: 0) else { return false }
        skipSpace()
        return offset == text.count
    }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    private mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: byte) else { return false }
        offset += 1
        return true
    }

    /// `matched`: how many parts of the path led here; nil where the way leads elsewhere.
    private mutating func readValue(depth: Int, matched: Int?) -> Bool {
        skipSpace()
        guard depth < JSONWalk.maximumDepth, let byte = next else { return false }
        let isWanted = matched == path.count && found == nil
        let start = offset
        switch byte {
        case UInt8(ascii: "{"):
            if isWanted { found = .object }
            return readObject(depth: depth, matched: isWanted ? nil : matched)
        case UInt8(ascii: "["):
            if isWanted { found = .array }
            return readArray(depth: depth, matched: isWanted ? nil : matched)
        case UInt8(ascii: "\""):
            guard let string = readString(keeps: isWanted) else { return false }
            if isWanted { found = .text(string) }
            return true
        default:
            guard readWord() || readNumber() else { return false }
            if isWanted { found = .text(Array(text[start..<offset])) }
            return true
        }
    }

    /// One way down: of equal names the first counts, and the others lead nowhere.
    private mutating func readObject(depth: Int, matched: Int?) -> Bool {
        offset += 1
        var part = matched.flatMap { $0 < path.count ? path[$0] : nil }
        skipSpace()
        if take("}") { return true }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\""), let name = readString(keeps: part != nil) else { return false }
            skipSpace()
            guard take(":") else { return false }
            let leads = part == name
            if leads { part = nil }
            guard readValue(depth: depth + 1, matched: leads ? matched.map { $0 + 1 } : nil) else { return false }
            skipSpace()
            if take("}") { return true }
            guard take(",") else { return false }
        }
    }

    private mutating func readArray(depth: Int, matched: Int?) -> Bool {
        offset += 1
        let wanted = matched.flatMap { $0 < path.count ? decimal(path[$0]) : nil }
        var index = 0
        skipSpace()
        if take("]") { return true }
        while true {
            guard readValue(depth: depth + 1, matched: index == wanted ? matched.map { $0 + 1 } : nil) else {
                return false
            }
            index += 1
            skipSpace()
            if take("]") { return true }
            guard take(",") else { return false }
        }
    }

    /// The string's bytes; empty where nobody wants them.
    private mutating func readString(keeps: Bool) -> [UInt8]? {
        offset += 1
        var bytes: [UInt8] = []
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return bytes
            case UInt8(ascii: "\\"):
                guard let scalar = readEscape() else { return nil }
                if keeps { bytes.append(contentsOf: String(scalar).utf8) }
            case 0..<0x20: return nil
            default: if keeps { bytes.append(byte) }
            }
        }
        return nil
    }

    private mutating func readEscape() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let first = readHex4() else { return nil }
            // Half a pair is no character, but JSON nevertheless (RFC 8259 §8.2).
            guard first & 0xFC00 == 0xD800, next == UInt8(ascii: "\\") else {
                return Unicode.Scalar(first) ?? "\u{FFFD}"
            }
            let start = offset
            offset += 1
            guard take("u"), let second = readHex4(), second & 0xFC00 == 0xDC00 else {
                offset = start
                return "\u{FFFD}"
            }
            return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF)) ?? "\u{FFFD}"
        default: return nil
        }
    }

    private mutating func readHex4() -> UInt32? {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { return nil }
            switch lowercased(byte) {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x61...0x66: value = value << 4 | UInt32(lowercased(byte) - 0x61 + 10)
            default: return nil
            }
            offset += 1
        }
        return value
    }

    private mutating func readWord() -> Bool {
        for word in ["true", "false", "null"] where text[offset...].starts(with: word.utf8) {
            offset += word.utf8.count
            return true
        }
        return false
    }

    private mutating func readDigits() -> Int {
        let start = offset
        while let byte = next, (0x30...0x39).contains(byte) { offset += 1 }
        return offset - start
    }

    private mutating func readNumber() -> Bool {
        _ = take("-")
        let isZero = next == UInt8(ascii: "0")
        let digits = readDigits()
        guard digits > 0, digits == 1 || !isZero else { return false }
        if take("."), readDigits() == 0 { return false }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard readDigits() > 0 else { return false }
        }
        return true
    }
}
