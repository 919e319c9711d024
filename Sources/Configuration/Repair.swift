import ConfigLanguage
import Primitives

/// Makes the safe edits of a configuration, and checks what they came to.
///
/// After each round the files are read again. A round after which there is more to say of any severity is taken back, and its
/// edits are tried one by one: an edit that uncovers another fault is not made.
public struct Repair: Sendable {
    /// What the files said.
    public let before: LoadedConfiguration
    /// What they say with the edits.
    public private(set) var after: LoadedConfiguration
    /// Files that differ, in the order in which they were read.
    public private(set) var files: [RepairedFile] = []
    /// How many edits were made.
    public private(set) var count = 0

    private let environment: TextEnvironment

    /// Rounds: what is mended may uncover what can be mended as well.
    static let rounds = 8
    /// Edits that are tried one by one.
    static let trials = 64

    public init(
        main: String, files base: some FileProvider, environment: TextEnvironment = TextEnvironment(),
        leniency: Leniency
    ) {
        self.environment = environment
        var overlay = OverlayFiles(base)
        before = Configuration.load(main: main, files: overlay, environment: environment, leniency: leniency)
        after = before
        for _ in 0..<Self.rounds {
            let edits = Self.edits(of: after, in: overlay)
            guard !edits.isEmpty else { break }
            if take(edits, main, &overlay, leniency) { continue }
            var improved = false
            // Later ones first: the places of those before them stay.
            for edit in edits.suffix(Self.trials).reversed() where take([edit], main, &overlay, leniency) {
                improved = true
            }
            guard improved else { break }
        }
        for path in overlay.changed {
            guard let old = try? overlay.base.read(path), let new = overlay.text[path], old.bytes != new else {
                continue
            }
            files.append(RepairedFile(path: path, before: old.bytes, after: new))
        }
    }

    /// Makes edits if that leaves fewer faults.
    private mutating func take(
        _ edits: [Edit], _ main: String, _ overlay: inout OverlayFiles<some FileProvider>, _ leniency: Leniency
    ) -> Bool {
        var trial = overlay
        for edit in edits.sorted(by: { $0.start > $1.start }) { trial.apply(edit) }
        let loaded = Configuration.load(main: main, files: trial, environment: environment, leniency: leniency)
        guard Score(loaded).isBetter(than: Score(after)) else { return false }
        overlay = trial
        after = loaded
        count += edits.count
        return true
    }

    /// The safe edits in offsets of their files: each once, ascending, none over another.
    private static func edits(of loaded: LoadedConfiguration, in overlay: OverlayFiles<some FileProvider>) -> [Edit] {
        var edits: [Edit] = []
        var seen: Set<Edit> = []
        for fixIt in loaded.diagnostics.compactMap(\.fixIt) where fixIt.isSafe {
            guard let file = loaded.sources.file(at: fixIt.range.start), fixIt.range.end <= file.end else { continue }
            // What stands in the set must be the file itself, not a text that was made of it.
            guard let whole = try? overlay.read(file.name),
                whole.bytes[...] == loaded.sources.bytes(in: SourceRange(start: file.start, end: file.end))
            else { continue }
            let edit = Edit(
                path: file.name, start: Int(fixIt.range.start - file.start), end: Int(fixIt.range.end - file.start),
                replacement: Array(fixIt.replacement.utf8))
            if seen.insert(edit).inserted { edits.append(edit) }
        }
        edits.sort { ($0.path, $0.start, $0.end) < ($1.path, $1.start, $1.end) }
        var kept: [Edit] = []
        for edit in edits {
            if let last = kept.last, last.path == edit.path, edit.start < max(last.end, last.start + 1) { continue }
            kept.append(edit)
        }
        return kept
    }
}

/// A file with its text before and after.
public struct RepairedFile: Hashable, Sendable {
    public var path: String
    public var before: [UInt8]
    public var after: [UInt8]

    /// The difference in the form of `diff -u`, without passwords.
    public func diff(_ repair: Repair) -> String {
        let shown = (old: repair.before.sources.shown(path, before), new: repair.after.sources.shown(path, after))
        let difference = LineDifference.unified(before, after, oldName: path, newName: path, shown: shown)
        return String(decoding: difference, as: UTF8.self)
    }
}

/// An edit in offsets of a file.
private struct Edit: Hashable {
    var path: String
    var start: Int
    var end: Int
    var replacement: [UInt8]
}

/// How much there is to say.
private struct Score {
    var errors = 0
    var warnings = 0
    var notes = 0

    init(_ loaded: LoadedConfiguration) {
        for diagnostic in loaded.diagnostics {
            switch diagnostic.severity {
            case .error: errors += 1
            case .warning: warnings += 1
            case .note: notes += 1
            }
        }
    }

    /// Less of one kind, and no more of another: what was mended uncovered nothing.
    func isBetter(than other: Score) -> Bool {
        errors <= other.errors && warnings <= other.warnings && notes <= other.notes
            && (errors, warnings, notes) != (other.errors, other.warnings, other.notes)
    }
}

/// Files of which some have another text.
private struct OverlayFiles<Base: FileProvider>: FileProvider {
    let base: Base
    private(set) var text: [String: [UInt8]] = [:]
    /// Their paths in the order of their first change.
    private(set) var changed: [String] = []

    init(_ base: Base) { self.base = base }

    mutating func apply(_ edit: Edit) {
        guard var bytes = (try? read(edit.path))?.bytes, edit.end <= bytes.count else { return }
        bytes.replaceSubrange(edit.start..<edit.end, with: edit.replacement)
        if text.updateValue(bytes, forKey: edit.path) == nil { changed.append(edit.path) }
    }

    func read(_ path: String) throws(FileFault) -> ProvidedFile {
        if let bytes = text[path] { return ProvidedFile(path: path, bytes: bytes) }
        return try base.read(path)
    }

    func resolve(_ pattern: String, relativeTo directory: String) throws(FileFault) -> [ProvidedFile] {
        try base.resolve(pattern, relativeTo: directory).map { file in
            text[file.path].map { ProvidedFile(path: file.path, bytes: $0) } ?? file
        }
    }
}
