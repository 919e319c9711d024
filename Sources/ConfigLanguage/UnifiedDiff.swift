/// The difference of two texts in the form of `diff -u`.
public struct UnifiedDiff: Sendable {
    /// Lines around a change.
    public static let context = 3
    /// Beyond that many differences a stretch is shown as replaced whole: the search costs their square.
    static let limit = 400

    /// Lines of the old and the new text that are equal, as pairs of numbers, ascending.
    private let common: [(old: Int, new: Int)]
    private let oldCount: Int
    private let newCount: Int

    /// Lines are compared as they are, with their ends.
    public init(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) {
        var head = 0
        while head < old.count, head < new.count, old[head] == new[head] { head += 1 }
        var tail = 0
        while tail < old.count - head, tail < new.count - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] {
            tail += 1
        }
        var pairs = (0..<head).map { (old: $0, new: $0) }
        let middle = Self.match(Array(old[head..<old.count - tail]), Array(new[head..<new.count - tail]))
        pairs += middle.map { (old: $0.old + head, new: $0.new + head) }
        pairs += (0..<tail).map { (old: old.count - tail + $0, new: new.count - tail + $0) }
        common = pairs
        oldCount = old.count
        newCount = new.count
    }

    /// The lines of a text, each with its end.
    public static func lines(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = 0
        for index in text.indices where text[index] == UInt8(ascii: "\n") {
            lines.append(text[start...index])
            start = index + 1
        }
        if start < text.count { lines.append(text[start...]) }
        return lines
    }

    /// E. W. Myers, An O(ND) Difference Algorithm (1986): the shortest way from one to the other, walked back.
    private static func match(_ old: [ArraySlice<UInt8>], _ new: [ArraySlice<UInt8>]) -> [(old: Int, new: Int)] {
        guard !old.isEmpty, !new.isEmpty else { return [] }
        let most = min(old.count + new.count, limit)
        let offset = most + 1
        var furthest = Array(repeating: 0, count: 2 * most + 3)
        var history: [[Int]] = []
        for distance in 0...most {
            history.append(furthest)
            for diagonal in stride(from: -distance, through: distance, by: 2) {
                let goesDown =
                    diagonal == -distance
                    || (diagonal != distance && furthest[offset + diagonal - 1] < furthest[offset + diagonal + 1])
                var x = goesDown ? furthest[offset + diagonal + 1] : furthest[offset + diagonal - 1] + 1
                var y = x - diagonal
                while x < old.count, y < new.count, y >= 0, old[x] == new[y] { (x, y) = (x + 1, y + 1) }
                furthest[offset + diagonal] = x
                if x >= old.count, y >= new.count {
                    return walkBack(history, offset, from: (old.count, new.count), distance)
                }
            }
        }
        return []
    }

    /// `history` has the furthest points before each step.
    private static func walkBack(
        _ history: [[Int]], _ offset: Int, from end: (Int, Int), _ distance: Int
    ) -> [(old: Int, new: Int)] {
        var (x, y) = end
        var pairs: [(old: Int, new: Int)] = []
        for step in stride(from: distance, through: 0, by: -1) {
            let furthest = history[step]
            let diagonal = x - y
            let goesDown =
                diagonal == -step
                || (diagonal != step && furthest[offset + diagonal - 1] < furthest[offset + diagonal + 1])
            let before = goesDown ? diagonal + 1 : diagonal - 1
            let startX = furthest[offset + before]
            let startY = startX - before
            while x > startX, y > startY {
                (x, y) = (x - 1, y - 1)
                pairs.append((x, y))
            }
            if step > 0 { (x, y) = (startX, startY) }
        }
        return pairs.reversed()
    }

    // MARK: - As text

    private enum Line {
        case same(old: Int, new: Int)
        case removed(Int)
        case added(Int)
    }

    /// The hunks with their heads; empty when nothing differs.
    /// - Parameters:
    ///   - name: of the file, for both heads.
    ///   - old: gives a line of the old text as it may be shown, with its end.
    ///   - new: the same of the new one.
    public func text(name: String, old: (Int) -> String, new: (Int) -> String) -> String {
        let lines = script()
        guard lines.contains(where: { if case .same = $0 { false } else { true } }) else { return "" }
        var text = "--- \(name)\n+++ \(name)\n"
        var index = 0
        while let first = lines[index...].firstIndex(where: { if case .same = $0 { false } else { true } }) {
            let start = max(index, first - Self.context)
            var end = first
            var quiet = 0
            while end < lines.count, quiet <= 2 * Self.context {
                if case .same = lines[end] { quiet += 1 } else { quiet = 0 }
                end += 1
            }
            end -= max(0, quiet - Self.context)
            text += hunk(lines[start..<end], old, new)
            index = end
        }
        return text
    }

    private func script() -> [Line] {
        var lines: [Line] = []
        var (old, new) = (0, 0)
        for pair in common + [(old: oldCount, new: newCount)] {
            while old < pair.old {
                lines.append(.removed(old))
                old += 1
            }
            while new < pair.new {
                lines.append(.added(new))
                new += 1
            }
            if old < oldCount, new < newCount { lines.append(.same(old: old, new: new)) }
            (old, new) = (old + 1, new + 1)
        }
        return lines
    }

    private func hunk(_ lines: ArraySlice<Line>, _ old: (Int) -> String, _ new: (Int) -> String) -> String {
        var (oldStart, newStart): (Int?, Int?) = (nil, nil)
        var (oldLines, newLines) = (0, 0)
        var body = ""
        func show(_ mark: String, _ line: String) {
            body += mark + line
            if line.utf8.last != UInt8(ascii: "\n") { body += "\n\\ No newline at end of file\n" }
        }
        for line in lines {
            switch line {
            case .same(let a, let b):
                (oldStart, newStart) = (oldStart ?? a, newStart ?? b)
                (oldLines, newLines) = (oldLines + 1, newLines + 1)
                show(" ", old(a))
            case .removed(let a):
                oldStart = oldStart ?? a
                oldLines += 1
                show("-", old(a))
            case .added(let b):
                newStart = newStart ?? b
                newLines += 1
                show("+", new(b))
            }
        }
        func span(_ start: Int?, _ count: Int) -> String { "\((start ?? 0) + (count == 0 ? 0 : 1)),\(count)" }
        return "@@ -\(span(oldStart, oldLines)) +\(span(newStart, newLines)) @@\n" + body
    }
}
