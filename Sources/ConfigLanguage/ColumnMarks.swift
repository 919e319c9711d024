/// How many characters stand before places of long lines, counted once: a thousand diagnostics on a line of ten megabytes
/// are found without counting it a thousand times.
struct ColumnMarks: Sendable {
    /// Bytes between two marks. Shorter lines have none.
    static let step = 4096

    /// A place between two characters of a line, and how many of the line's are before it.
    struct Mark: Sendable {
        var offset: UInt32
        var characters: UInt32
    }

    /// Ascending: lines are added in their order.
    private var marks: [Mark] = []

    /// Marks a line that begins at `start` and ends before `end`.
    mutating func add(from start: Int, to end: Int, of bytes: [UInt8]) {
        var last = Mark(offset: UInt32(start), characters: 0)
        while end - Int(last.offset) > Self.step {
            let offset = Self.boundary(near: Int(last.offset) + Self.step, before: end, in: bytes)
            guard offset < end else { return }
            last.characters += UInt32(Self.count(bytes[Int(last.offset)..<offset]))
            last.offset = UInt32(offset)
            marks.append(last)
        }
    }

    /// The characters from `start`, which is where a line begins, to `offset` of the same line.
    func count(from start: UInt32, to offset: UInt32, of bytes: [UInt8]) -> Int {
        let behind = marks.partitioningIndex { $0.offset > offset }
        var mark = Mark(offset: start, characters: 0)
        if behind > 0, marks[behind - 1].offset > start { mark = marks[behind - 1] }
        return Int(mark.characters) + Self.count(bytes[Int(mark.offset)..<Int(offset)])
    }

    /// Between two characters of ASCII where there are some nearby: nothing joins those. Otherwise at the beginning of a
    /// scalar, and a character that is made of several may count twice.
    private static func boundary(near place: Int, before end: Int, in bytes: [UInt8]) -> Int {
        let plain = (place..<min(place + 64, end)).first { index in
            bytes[index - 1] < 0x80 && bytes[index] < 0x80 && bytes[index - 1] != UInt8(ascii: "\r")
        }
        if let plain { return plain }
        var index = place
        while index < end, bytes[index] & 0xC0 == 0x80 { index += 1 }
        return index
    }

    private static func count(_ bytes: ArraySlice<UInt8>) -> Int {
        bytes.allSatisfy { $0 < 0x80 && $0 != UInt8(ascii: "\r") }
            ? bytes.count : String(decoding: bytes, as: UTF8.self).count
    }
}
