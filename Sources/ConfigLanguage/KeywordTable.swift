/// Finds a word among a fixed set by its bytes, without making a string: a table hashed by FNV-1a.
public struct KeywordTable: Sendable {
    private var slots: [UInt16]
    /// All names, one behind the other, and where each begins; the last ends at the end.
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]
    private let mask: Int

    /// Names are numbered in their order. Of equal names the first counts. At most 16,384.
    public init(_ names: [String]) {
        precondition(names.count <= 16_384, "a keyword table of \(names.count) names")
        var size = 8
        while size < names.count * 2 { size *= 2 }
        mask = size - 1
        slots = Array(repeating: .max, count: size)
        for (number, name) in names.enumerated() {
            let name = Array(name.utf8)
            bytes.append(contentsOf: name)
            starts.append(bytes.count)
            guard self[name[...]] == nil else { continue }
            var slot = Self.hash(name[...]) & mask
            while slots[slot] != .max { slot = (slot + 1) & mask }
            slots[slot] = UInt16(number)
        }
    }

    /// The number of `word`; nil when it is not in the table.
    public subscript(word: ArraySlice<UInt8>) -> Int? {
        var slot = Self.hash(word) & mask
        while slots[slot] != .max {
            let number = Int(slots[slot])
            let start = starts[number]
            if starts[number + 1] - start == word.count, bytes[start..<start + word.count].elementsEqual(word) {
                return number
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> Int {
        var hash: UInt32 = 0x811C_9DC5
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return Int(hash ^ hash >> 15)
    }
}
