/// A stretch of text: two offsets into the bytes of one `SourceSet`, of which each file has its own part.
///
/// A range lies within one file, or within the text that a line of one was expanded to. Empty ranges point between two
/// characters.
public struct SourceRange: Hashable, Sendable {
    public var start: UInt32
    public var end: UInt32

    public init(start: UInt32, end: UInt32) {
        self.start = start
        self.end = max(start, end)
    }

    /// From the start of this range to the end of the other.
    public func through(_ other: SourceRange) -> SourceRange { SourceRange(start: start, end: other.end) }
}

/// Where a range begins, for people: a file's name, and a line and column that count from 1. Columns are characters.
public struct SourceLocation: Hashable, Sendable {
    public var file: String
    public var line: Int
    public var column: Int

    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }
}

/// One file as it was read. A file that is included twice stands twice in the set.
public struct SourceFile: Sendable {
    /// The path as the provider named it.
    public let name: String
    /// The file's part of `SourceSet.bytes`.
    public let start: UInt32
    public let end: UInt32
    /// The `include` that asked for it; nil for the main file.
    public let includedFrom: SourceRange?
    /// Offsets at which its lines begin; never empty.
    let lineStarts: [UInt32]
}

/// The text of a configuration: the main file and all that it includes, one behind the other, and between them what
/// variables and loops made of lines. A place in the latter is told as the place in a file that it comes from.
public struct SourceSet: Sendable {
    /// The bytes of all files.
    public private(set) var bytes: [UInt8] = []
    /// In the order in which they were read; ascending in `start`.
    public private(set) var files: [SourceFile] = []
    /// What a renderer must not show: passwords and keys. Ascending, none over another.
    public internal(set) var secrets: [SourceRange] = []
    /// Where text comes from that no file has.
    var expansion = ExpansionMap()
    private var columns = ColumnMarks()

    public init() {}

    /// Adds a file and returns its number. The sum of all files must stay below 4 GiB.
    public mutating func add(_ name: String, _ text: [UInt8], includedFrom: SourceRange? = nil) -> Int {
        precondition(bytes.count + text.count < Int(UInt32.max), "sources beyond 4 GiB: the reader bounds them")
        let start = UInt32(bytes.count)
        // The first file is often the only one: it need not be copied.
        if bytes.isEmpty { bytes = text } else { bytes.append(contentsOf: text) }
        var lineStarts = [start]
        for index in text.indices where text[index] == UInt8(ascii: "\n") {
            lineStarts.append(start + UInt32(index) + 1)
        }
        let file = SourceFile(
            name: name, start: start, end: UInt32(bytes.count), includedFrom: includedFrom, lineStarts: lineStarts)
        files.append(file)
        for (index, lineStart) in lineStarts.enumerated() {
            let end = index + 1 < lineStarts.count ? lineStarts[index + 1] : file.end
            guard end - lineStart > UInt32(ColumnMarks.step) else { continue }
            columns.add(from: Int(index == 0 ? textStart(of: file) : lineStart), to: Int(end), of: bytes)
        }
        return files.count - 1
    }

    /// Adds text that was made of other text, and returns where it begins.
    mutating func add(_ text: MappedText) -> Int {
        precondition(bytes.count + text.bytes.count < Int(UInt32.max), "sources beyond 4 GiB: the reader bounds them")
        let start = bytes.count
        bytes.append(contentsOf: text.bytes)
        expansion.add(text, at: UInt32(start))
        return start
    }

    /// A word that no renderer may show, and all that it was put together from. `sortSecrets` follows the last.
    mutating func addSecret(_ range: SourceRange) {
        secrets.append(range)
        secrets += expansion.origins(of: range)
    }

    /// Puts the secrets in order. A value that several words were made of is one.
    mutating func sortSecrets() {
        var sorted: [SourceRange] = []
        for secret in secrets.sorted(by: { $0.start < $1.start }) {
            if let last = sorted.last, secret.start < last.end {
                sorted[sorted.count - 1].end = max(last.end, secret.end)
            } else {
                sorted.append(secret)
            }
        }
        secrets = sorted
    }

    /// The secrets that have a byte of `range`.
    func secrets(in range: SourceRange) -> ArraySlice<SourceRange> {
        secrets[secrets.partitioningIndex { $0.end > range.start }...].prefix { $0.start < range.end }
    }

    /// The place in a file that a range stands for: itself, unless it is one of expanded text.
    public func origin(of range: SourceRange) -> SourceRange { expansion.place(of: range)?.range ?? range }

    /// The bytes of `range`, clipped to what there is.
    public func bytes(in range: SourceRange) -> ArraySlice<UInt8> {
        let end = min(Int(range.end), bytes.count)
        return bytes[min(Int(range.start), end)..<end]
    }

    /// The text of `range`; bytes that are not UTF-8 appear as U+FFFD.
    public func text(in range: SourceRange) -> String { String(decoding: bytes(in: range), as: UTF8.self) }

    /// The file that holds `offset`, or that the text there was made of; nil only when there is none.
    public func file(at offset: UInt32) -> SourceFile? {
        let offset = origin(of: SourceRange(start: offset, end: offset)).start
        // The last file that starts at or before the offset and is not empty, or else the first there is.
        let behind = files.partitioningIndex { $0.start > offset }
        guard behind > 0 else { return files.first }
        var index = behind - 1
        // An offset at the very end of a file belongs to it, not to the one that begins there, unless that has text.
        while index > 0, files[index].start == files[index].end { index -= 1 }
        return files[index]
    }

    /// Line and column of the start of `range`.
    public func location(of range: SourceRange) -> SourceLocation { location(ofOffset: origin(of: range).start) }

    /// Line and column of the end of `range`.
    public func endLocation(of range: SourceRange) -> SourceLocation {
        let range = origin(of: range)
        guard range.end > range.start else { return location(of: range) }
        let last = location(ofOffset: range.end - 1)
        return SourceLocation(file: last.file, line: last.line, column: last.column + 1)
    }

    func location(ofOffset offset: UInt32) -> SourceLocation {
        guard let file = file(at: offset) else { return SourceLocation(file: "", line: 1, column: 1) }
        let line = lineIndex(of: offset, in: file)
        let start = line == 0 ? textStart(of: file) : file.lineStarts[line]
        let column = offset <= start ? 1 : columns.count(from: start, to: min(offset, file.end), of: bytes) + 1
        return SourceLocation(file: file.name, line: line + 1, column: column)
    }

    /// The line that holds the start of `range`, without its end-of-line.
    func line(of range: SourceRange) -> SourceRange {
        guard let file = file(at: range.start) else { return SourceRange(start: 0, end: 0) }
        let line = lineIndex(of: range.start, in: file)
        let start = line == 0 ? textStart(of: file) : file.lineStarts[line]
        var end = line + 1 < file.lineStarts.count ? file.lineStarts[line + 1] - 1 : file.end
        if end > start, bytes[Int(end) - 1] == UInt8(ascii: "\r") { end -= 1 }
        return SourceRange(start: start, end: max(start, end))
    }

    /// Behind a byte order mark.
    private func textStart(of file: SourceFile) -> UInt32 { file.start + (hasByteOrderMark(file) ? 3 : 0) }

    func hasByteOrderMark(_ file: SourceFile) -> Bool {
        file.end - file.start >= 3 && bytes[Int(file.start)...].prefix(3).elementsEqual([0xEF, 0xBB, 0xBF])
    }

    private func lineIndex(of offset: UInt32, in file: SourceFile) -> Int {
        max(0, file.lineStarts.partitioningIndex { $0 > offset } - 1)
    }

    /// The bytes of a file as a terminal may have them: secrets as stars of the same length. Nothing else is changed, so that
    /// its lines are those of `bytes`, which must be the file's own.
    public func shown(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        var shown = bytes
        for file in files where file.name == name && Int(file.end - file.start) == bytes.count {
            for secret in secrets where secret.start >= file.start && secret.end <= file.end {
                for offset in secret.start..<secret.end { shown[Int(offset - file.start)] = UInt8(ascii: "*") }
            }
        }
        return shown
    }
}
