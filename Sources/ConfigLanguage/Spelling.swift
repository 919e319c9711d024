/// What someone may have meant.
public enum Spelling {
    /// The candidate nearest to `word`: at most a third of its letters wrong, missing, added or swapped with their
    /// neighbour, and never more than 3. Of equals the first counts.
    public static func nearest(to word: String, among candidates: [String]) -> String? {
        let word = Array(word.utf8)
        guard word.count > 1, word.count <= 64 else { return nil }
        var best: (String, Int)?
        for candidate in candidates {
            let limit = min((best?.1 ?? 4) - 1, max(1, min(3, word.count / 3)))
            guard abs(candidate.utf8.count - word.count) <= limit else { continue }
            if let distance = distance(word, Array(candidate.utf8), atMost: limit) { best = (candidate, distance) }
            if best?.1 == 0 { break }
        }
        return best?.0
    }

    /// Whether nothing else can have been meant: one edit or another case makes `meant` of `word`, and no other candidate.
    /// Short words are near to too many others.
    public static func isObvious(_ meant: String, for word: String, among candidates: [String]) -> Bool {
        let bytes = Array(word.utf8)
        guard bytes.count >= 4 else { return bytes.elementsEqual(meant.utf8, by: { lower($0) == lower($1) }) }
        return !candidates.contains { candidate in
            let distance = distance(bytes, Array(candidate.utf8), atMost: 1)
            return candidate == meant ? distance == nil : distance != nil
        }
    }

    /// Edits from `a` to `b` (a swap of neighbours is one); nil when it takes more than `limit`. Case is one edit at
    /// most for a whole word.
    static func distance(_ a: [UInt8], _ b: [UInt8], atMost limit: Int) -> Int? {
        guard limit >= 0, abs(a.count - b.count) <= limit else { return nil }
        if a == b { return 0 }
        if a.count == b.count, zip(a, b).allSatisfy({ lower($0) == lower($1) }) { return limit >= 1 ? 1 : nil }
        var before = [Int]()
        var previous = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1] + Array(repeating: 0, count: b.count)
            var smallest = row[0]
            for j in 0..<b.count {
                var value = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (lower(a[i]) == lower(b[j]) ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { value = min(value, before[j - 1] + 1) }
                row[j + 1] = value
                smallest = min(smallest, value)
            }
            if smallest > limit { return nil }
            before = previous
            previous = row
        }
        return previous[b.count] <= limit ? previous[b.count] : nil
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        byte >= 0x41 && byte <= 0x5A ? byte + 32 : byte == 0x2D ? 0x5F : byte
    }
}
