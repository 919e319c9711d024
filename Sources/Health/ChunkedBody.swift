/// Takes a chunked body apart (RFC 9112 §7.1), in whatever pieces it comes. Keeps at most one line.
public struct ChunkedBody: Sendable {
    private enum State: Sendable { case size, data(Int), dataEnd, trailer, done }

    private var state = State.size
    private var line: [UInt8] = []
    private var trailerBytes = 0
    private static let lineLimit = 4096
    private static let trailerLimit = 1 << 16

    public init() {}

    /// What the next bytes are.
    public enum Piece: Hashable, Sendable {
        /// A part of the body: so many bytes from the offset on.
        case body(Range<Int>)
        case done
        case wait
        case broken(String)
    }

    /// Looks at `bytes` from `offset` on, and moves it past what was understood.
    public mutating func next(_ bytes: [UInt8], _ offset: inout Int) -> Piece {
        while offset < bytes.count {
            switch state {
            case .data(let left):
                let count = min(left, bytes.count - offset)
                state = count == left ? .dataEnd : .data(left - count)
                defer { offset += count }
                return .body(offset..<(offset + count))
            case .done: return .done
            case .size, .dataEnd, .trailer:
                let byte = bytes[offset]
                offset += 1
                if byte != 0x0A {
                    line.append(byte)
                    guard line.count <= ChunkedBody.lineLimit else {
                        return .broken("a chunk's line is longer than \(ChunkedBody.lineLimit) bytes")
                    }
                    continue
                }
                if line.last == 0x0D { line.removeLast() }
                defer { line.removeAll(keepingCapacity: true) }
                if let reason = endLine() { return .broken(reason) }
            }
        }
        if case .done = state { return .done }
        return .wait
    }

    private mutating func endLine() -> String? {
        switch state {
        case .size:
            var digits = line[...]
            if let semicolon = digits.firstIndex(of: 0x3B) { digits = digits[..<semicolon] }
            while let last = digits.last, last == 0x20 || last == 0x09 { digits.removeLast() }
            guard let size = ChunkedBody.size(digits) else {
                return "a chunk's size is `\(printable(line, limit: 40))`"
            }
            state = size == 0 ? .trailer : .data(size)
        case .dataEnd:
            guard line.isEmpty else { return "a chunk is longer than its size" }
            state = .size
        case .trailer:
            if line.isEmpty { state = .done }
            // The headers are bounded, and so is what stands behind the body.
            trailerBytes += line.count + 1
            if trailerBytes > ChunkedBody.trailerLimit {
                return "the trailer is longer than \(ChunkedBody.trailerLimit) bytes"
            }
        case .data, .done: break
        }
        return nil
    }

    private static func size(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 8 else { return nil }
        var value = 0
        for digit in digits {
            switch lowercased(digit) {
            case 0x30...0x39: value = value << 4 | Int(digit - 0x30)
            case 0x61...0x66: value = value << 4 | Int(lowercased(digit) - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }
}
