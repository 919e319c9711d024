/// What changed between two texts, line by line, in the format of `diff -u`.
///
/// Lines that stand once in both are the anchors (patience difference), and grow over their equal neighbours: the rest is
/// not sewn on to any brace that happens to fit. Where there are none, the first of equal lines is taken for the first,
/// the second for the second. Cost: n log n, at any input.
public enum LineDifference {
    /// How often a stretch between anchors is looked at for anchors of its own.
    static let depthLimit = 32

    /// Empty when the texts are equal. `patch` understands it.
    /// - Parameter shown: the two texts as they may be shown, byte for byte: with stars for passwords.
    public static func unified(
        _ old: [UInt8], _ new: [UInt8], oldName: String, newName: String, context: Int = 3,
        shown: (old: [UInt8], new: [UInt8])? = nil
    ) -> [UInt8] {
        guard old != new else { return [] }
        var before = lines(of: old)
        var after = lines(of: new)
        let (a, b) = number(before, after)
        if let shown {
            precondition(
                shown.old.count == old.count && shown.new.count == new.count,
                "a text is shown with other bytes than it has")
            before = before.map { shown.old[$0.startIndex..<$0.endIndex] }
            after = after.map { shown.new[$0.startIndex..<$0.endIndex] }
        }
        var output = Array("--- \(oldName)\n+++ \(newName)\n".utf8)
        for hunk in hunks(kept(a, b), a.count, b.count, context) {
            output += Array("@@ -\(span(hunk.old)) +\(span(hunk.new)) @@\n".utf8)
            var i = hunk.old.lowerBound
            var j = hunk.new.lowerBound
            for pair in hunk.kept + [(hunk.old.upperBound, hunk.new.upperBound)] {
                while i < pair.0 { write(UInt8(ascii: "-"), before[i], &i, to: &output) }
                while j < pair.1 { write(UInt8(ascii: "+"), after[j], &j, to: &output) }
                guard i < hunk.old.upperBound else { continue }
                write(UInt8(ascii: " "), before[i], &i, to: &output)
                j += 1
            }
        }
        return output
    }

    private static func write(_ mark: UInt8, _ line: ArraySlice<UInt8>, _ index: inout Int, to output: inout [UInt8]) {
        output.append(mark)
        output.append(contentsOf: line)
        if line.last != UInt8(ascii: "\n") { output += Array("\n\\ No newline at end of file\n".utf8) }
        index += 1
    }

    /// As diff writes it: the first line and how many, or the line before and none.
    private static func span(_ range: Range<Int>) -> String {
        switch range.count {
        case 0: "\(range.lowerBound),0"
        case 1: "\(range.lowerBound + 1)"
        default: "\(range.lowerBound + 1),\(range.count)"
        }
    }

    /// Each with its end.
    private static func lines(of text: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for index in text.indices where text[index] == UInt8(ascii: "\n") {
            lines.append(text[start...index])
            start = index + 1
        }
        if start < text.count { lines.append(text[start...]) }
        return lines
    }

    /// Equal lines get equal numbers.
    private static func number(_ before: [ArraySlice<UInt8>], _ after: [ArraySlice<UInt8>]) -> ([Int], [Int]) {
        var numbers: [ArraySlice<UInt8>: Int] = [:]
        func number(_ line: ArraySlice<UInt8>) -> Int {
            if let known = numbers[line] { return known }
            numbers[line] = numbers.count
            return numbers.count - 1
        }
        return (before.map(number), after.map(number))
    }

    // MARK: What stays

    /// The lines that stay, as pairs of their positions, ascending in both.
    static func kept(_ a: [Int], _ b: [Int]) -> [(Int, Int)] {
        var kept: [(Int, Int)] = []
        var open: [(a: Range<Int>, b: Range<Int>, depth: Int)] = [(a.indices, b.indices, 0)]
        // Taken from the end: what is found is sorted when all is there.
        while let (rangeA, rangeB, depth) = open.popLast() {
            var (i, j) = (rangeA.lowerBound, rangeB.lowerBound)
            var (endA, endB) = (rangeA.upperBound, rangeB.upperBound)
            while i < endA, j < endB, a[i] == b[j] {
                kept.append((i, j))
                (i, j) = (i + 1, j + 1)
            }
            while i < endA, j < endB, a[endA - 1] == b[endB - 1] {
                (endA, endB) = (endA - 1, endB - 1)
                kept.append((endA, endB))
            }
            guard i < endA, j < endB, depth < depthLimit else { continue }
            var anchors = anchors(a[i..<endA], b[j..<endB])
            if anchors.isEmpty { anchors = repeated(a[i..<endA], b[j..<endB]) }
            guard !anchors.isEmpty else { continue }
            for anchor in anchors {
                open.append((i..<anchor.0, j..<anchor.1, depth + 1))
                // The anchor itself is the first equal line of the next stretch.
                (i, j) = anchor
            }
            open.append((i..<endA, j..<endB, depth + 1))
        }
        return kept.sorted { $0.0 < $1.0 }
    }

    /// Lines that stand once on each side, the most of them that are in the same order.
    private static func anchors(_ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> [(Int, Int)] {
        var places: [Int: (a: Int, b: Int)] = [:]
        for (index, line) in zip(a.indices, a) { places[line] = (places[line] == nil ? index : -1, -2) }
        for (index, line) in zip(b.indices, b) {
            guard let place = places[line] else { continue }
            places[line] = (place.a, place.b == -2 ? index : -1)
        }
        let unique = zip(a.indices, a).compactMap { index, line in
            places[line].flatMap { $0.a >= 0 && $0.b >= 0 ? (index, $0.b) : nil }
        }
        return longestAscending(unique)
    }

    /// The first of equal lines on one side and the first on the other, and so on.
    private static func repeated(_ a: ArraySlice<Int>, _ b: ArraySlice<Int>) -> [(Int, Int)] {
        var places: [Int: [Int]] = [:]
        for (index, line) in zip(b.indices, b) { places[line, default: []].append(index) }
        var taken: [Int: Int] = [:]
        let pairs = zip(a.indices, a).compactMap { index, line -> (Int, Int)? in
            let number = taken[line, default: 0]
            taken[line] = number + 1
            guard let all = places[line], number < all.count else { return nil }
            return (index, all[number])
        }
        return longestAscending(pairs)
    }

    /// The longest run of pairs whose second halves ascend; their first halves do already.
    private static func longestAscending(_ pairs: [(Int, Int)]) -> [(Int, Int)] {
        // The pair that ends the best run of each length, and what stands before each pair in its run.
        var ends: [Int] = []
        var before = Array(repeating: -1, count: pairs.count)
        for index in pairs.indices {
            var (low, high) = (0, ends.count)
            while low < high {
                let middle = (low + high) / 2
                if pairs[ends[middle]].1 < pairs[index].1 { low = middle + 1 } else { high = middle }
            }
            if low > 0 { before[index] = ends[low - 1] }
            if low == ends.count { ends.append(index) } else { ends[low] = index }
        }
        var run: [(Int, Int)] = []
        var index = ends.last ?? -1
        while index >= 0 {
            run.append(pairs[index])
            index = before[index]
        }
        return run.reversed()
    }

    // MARK: Hunks

    private struct Hunk {
        var old: Range<Int>
        var new: Range<Int>
        var kept: [(Int, Int)]
    }

    /// Changes with `context` lines around them; those that would touch are one.
    private static func hunks(_ kept: [(Int, Int)], _ countA: Int, _ countB: Int, _ context: Int) -> [Hunk] {
        var hunks: [Hunk] = []
        var current: Hunk?
        // Kept lines since the last change.
        var quiet: [(Int, Int)] = []
        var (i, j) = (0, 0)
        func close() {
            guard var hunk = current else { return }
            hunk.kept += quiet.prefix(context)
            let last = quiet.prefix(context).last
            hunk.old = hunk.old.lowerBound..<max(hunk.old.upperBound, last.map { $0.0 + 1 } ?? 0)
            hunk.new = hunk.new.lowerBound..<max(hunk.new.upperBound, last.map { $0.1 + 1 } ?? 0)
            hunks.append(hunk)
            current = nil
        }
        for pair in kept + [(countA, countB)] {
            if pair.0 > i || pair.1 > j {
                if quiet.count > 2 * context { close() }
                let lead = current == nil ? Array(quiet.suffix(context)) : quiet
                let start = lead.first ?? (i, j)
                let old = current?.old.lowerBound ?? start.0
                let new = current?.new.lowerBound ?? start.1
                current = Hunk(old: old..<pair.0, new: new..<pair.1, kept: (current?.kept ?? []) + lead)
                quiet.removeAll()
            }
            quiet.append(pair)
            (i, j) = (pair.0 + 1, pair.1 + 1)
        }
        quiet.removeLast()
        close()
        return hunks
    }
}
