import Testing

/// What may not be written, and where.
@Suite struct Constructs {
    let repository = Repository.shared

    /// Not in any Swift file, tests included.
    static let everywhere = [
        "@unchecked Sendable", "nonisolated(unsafe)", "try!", "DispatchQueue", "Thread.sleep",
    ]
    /// Not in the product.
    static let inSources = ["fatalError(", "Task {", "Task.detached", "Task.sleep", "@preconcurrency"]
    /// Not in pure rooms: the clock's instant, the unseeded generator.
    static let inPureRooms = [".now", ".random(in:", "SystemRandomNumberGenerator", ".shuffled()", ".randomElement()"]

    @Test("forbidden constructs are not used", arguments: ["everywhere", "sources", "pure rooms"])
    func constructs(_ place: String) {
        let files: [Repository.File]
        let patterns: [String]
        switch place {
        case "everywhere": (files, patterns) = (repository.sources + repository.tests, Constructs.everywhere)
        case "sources": (files, patterns) = (repository.sources, Constructs.inSources)
        default:
            files = repository.sources.filter { $0.room.flatMap(House.room)?.kind == .pure }
            patterns = Constructs.inPureRooms
        }
        for file in files {
            for (number, line) in file.codeLines.enumerated() {
                for pattern in patterns where contains(line, pattern) {
                    Issue.record("\(file.path):\(number + 1): \(pattern)")
                }
            }
        }
    }

    /// `.now` must not match `.nowhere`.
    private func contains(_ line: Substring, _ pattern: String) -> Bool {
        guard let range = line.firstRange(of: pattern) else { return false }
        guard let last = pattern.last, last.isLetter, range.upperBound < line.endIndex else { return true }
        let next = line[range.upperBound]
        return !(next.isLetter || next.isNumber || next == "_")
    }

    @Test("nothing is left for later, and no file names a machine it was written on")
    func marks() {
        // Spelt in halves, so that this file does not find itself.
        let marks = ["TO" + "DO", "FIX" + "ME", "/wo" + "rk/"]
        for file in repository.files {
            for (number, line) in file.lines.enumerated() {
                for mark in marks where line.contains(mark) { Issue.record("\(file.path):\(number + 1): \(mark)") }
            }
        }
    }

    @Test("no placeholder outlives the first file of its room")
    func placeholders() {
        for file in repository.files where file.path.hasSuffix("/Placeholder.swift") {
            let directory = file.path.dropLast("Placeholder.swift".count)
            let others = repository.files.count { $0.path.hasPrefix(directory) } - 1
            #expect(others == 0, "\(file.path) is no longer needed")
        }
    }
}

/// Where to ask whether something is still one thing. A report, not a limit: warnings that fail nothing.
@Suite struct Lengths {
    static let file = 400
    static let function = 60

    @Test("long files and functions are reported") func report() {
        for source in Repository.shared.sources {
            if source.lines.count > Lengths.file {
                Issue.record("\(source.path): \(source.lines.count) lines", severity: .warning)
            }
            for (name, line, length) in functions(source) where length > Lengths.function {
                Issue.record("\(source.path):\(line): \(name): \(length) lines", severity: .warning)
            }
        }
    }

    /// Functions and initialisers, by their indentation: the formatter closes a function where it opened it.
    private func functions(_ file: Repository.File) -> [(name: String, line: Int, length: Int)] {
        var found: [(String, Int, Int)] = []
        let lines = file.codeLines
        for (number, line) in lines.enumerated() {
            let words = line.split(whereSeparator: { " (<".contains($0) })
            guard let keyword = words.firstIndex(where: { $0 == "func" || $0 == "init" || $0 == "init?" }),
                words[..<keyword].allSatisfy({ $0.allSatisfy { $0.isLetter || $0 == "@" } })
            else { continue }
            let indent = line.prefix { $0 == " " }
            guard let end = lines[(number + 1)...].firstIndex(where: { $0 == indent + "}" }) else { continue }
            // A one-line function has no closing line of its own; the next one's would be taken for it.
            if line.contains("{"), line.contains("}") { continue }
            found.append((String(words.dropFirst(keyword + 1).first ?? "init"), number + 1, end - number + 1))
        }
        return found
    }
}
