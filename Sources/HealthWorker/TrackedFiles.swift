import Configuration
import LinuxWorld
import Primitives

/// The files of `FILE_CHECK`: a number each, read again when the file changed.
struct TrackedFiles {
    private var files: [(name: String, path: String, value: Int)]
    private var next = Instant.zero

    /// A file is looked at so often.
    static let interval: Duration = .milliseconds(500)

    /// Those that a checker names.
    init(_ model: Model) {
        var names: Set<String> = []
        for check in model.virtualServers.lazy.flatMap(\.realServers).flatMap(\.checks) {
            if case .file(let name, _, _) = check.probe { names.insert(name) }
        }
        files = model.trackFiles.filter { names.contains($0.name) }.map { ($0.name, $0.path, 0) }
    }

    mutating func readAll() -> [(String, Int)] {
        for index in files.indices { files[index].value = Self.read(files[index].path) }
        return files.map { ($0.name, $0.value) }
    }

    mutating func changes(at now: Instant) -> [(String, Int)] {
        guard !files.isEmpty, now >= next else { return [] }
        next = now + Self.interval
        var changed: [(String, Int)] = []
        for index in files.indices {
            let value = Self.read(files[index].path)
            guard value != files[index].value else { continue }
            files[index].value = value
            changed.append((files[index].name, value))
        }
        return changed
    }

    /// keepalived's: the number that the file begins with; 0 where there is none, or no file.
    static func read(_ path: String) -> Int {
        guard let bytes = try? Files.read(path, limit: 64) else { return 0 }
        let text = String(decoding: bytes, as: UTF8.self).drop { $0 == " " || $0 == "\t" || $0 == "\n" }
        let isNegative = text.first == "-"
        let digits = text.dropFirst(isNegative || text.first == "+" ? 1 : 0).prefix { $0.isASCII && $0.isNumber }
        return Int(digits).map { isNegative ? -$0 : $0 } ?? 0
    }
}
