import Foundation

/// The files of this repository, read once.
struct Repository: CustomStringConvertible {
    static let shared = Repository()

    struct File {
        /// Relative to the root, such as `Sources/VRRP/Rules.swift`.
        let path: String
        let text: String
        /// For Swift: the text with comments and the contents of string literals blanked out, lines kept.
        let code: String

        var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }
        var isSwift: Bool { path.hasSuffix(".swift") }
        /// `VRRP` of `Sources/VRRP/Rules.swift`; nil outside Sources.
        var room: String? {
            let parts = path.split(separator: "/")
            return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
        }
    }

    let root: URL
    /// Short, or a failing test prints every file.
    var description: String { "repository" }
    let files: [File]

    private init() {
        root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var found: [File] = []
        for top in [
            "Sources", "Tests", "docs", "scripts", "Examples", ".ci", "Packaging", "Benchmarks", "Fuzzing/Sources",
            "Fuzzing/Corpus",
        ] {
            let below = FileManager.default.enumerator(atPath: root.appending(path: top).path)
            while let name = below?.nextObject() as? String {
                if let file = Repository.read(top + "/" + name, under: root) { found.append(file) }
            }
        }
        for name in [
            "README.md", "CONTRIBUTING.md", "Package.swift", "Makefile", ".swift-format", ".gitignore",
            "Fuzzing/Package.swift", "Fuzzing/README.md",
        ] {
            if let file = Repository.read(name, under: root) { found.append(file) }
        }
        files = found.sorted { $0.path < $1.path }
    }

    private static func read(_ path: String, under root: URL) -> File? {
        let url = root.appending(path: path)
        guard (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true,
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return nil }
        return File(path: path, text: text, code: path.hasSuffix(".swift") ? SwiftText.codeOnly(text) : text)
    }

    var sources: [File] { files.filter { $0.isSwift && $0.path.hasPrefix("Sources/") } }
    var tests: [File] {
        files.filter { $0.isSwift && $0.path.hasPrefix("Tests/") && !$0.path.hasPrefix("Tests/TidyTests/") }
    }

    func file(_ path: String) -> File? { files.first { $0.path == path } }
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: root.appending(path: path).path) }
}

/// As much Swift as a tidy test needs to read.
enum SwiftText {
    /// Blanks out comments and the contents of string literals (interpolations too), so that a search finds code.
    static func codeOnly(_ text: String) -> String {
        var out: [UInt8] = []
        let bytes = Array(text.utf8)
        out.reserveCapacity(bytes.count)
        var index = 0
        func matches(_ literal: StaticString, at index: Int) -> Bool {
            let length = literal.utf8CodeUnitCount
            guard index + length <= bytes.count else { return false }
            return (0..<length).allSatisfy { bytes[index + $0] == literal.utf8Start[$0] }
        }
        func blank(until end: Int) {
            while index < end {
                out.append(bytes[index] == UInt8(ascii: "\n") ? bytes[index] : UInt8(ascii: " "))
                index += 1
            }
        }
        while index < bytes.count {
            if matches("//", at: index) {
                blank(until: bytes[index...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count)
            } else if matches("/*", at: index) {
                var end = index + 2
                while end < bytes.count, !matches("*/", at: end) { end += 1 }
                blank(until: min(end + 2, bytes.count))
            } else if matches("\"\"\"", at: index) {
                var end = index + 3
                while end < bytes.count, !matches("\"\"\"", at: end) { end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1 }
                blank(until: min(end + 3, bytes.count))
            } else if bytes[index] == UInt8(ascii: "\"") {
                blank(until: endOfString(bytes, from: index))
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// The index behind the closing quote of the literal that opens at `start`.
    private static func endOfString(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start + 1
        var depth = 0  // inside \( … )
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "\\") {
                if index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "(") { depth += 1 }
                index += 2
                continue
            }
            if depth > 0 {
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") { depth -= 1 }
                if byte == UInt8(ascii: "\"") { index = endOfString(bytes, from: index) - 1 }
            } else if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n") {
                return index + 1
            }
            index += 1
        }
        return bytes.count
    }

    /// The modules that a file imports.
    static func imports(_ code: String) -> [String] {
        code.split(separator: "\n").compactMap { line in
            var words = line.split(separator: " ")
            while let first = words.first,
                first.hasPrefix("@") || ["public", "package", "internal", "private"].contains(first)
            {
                words.removeFirst()
            }
            guard words.first == "import", words.count > 1 else { return nil }
            let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            let module = kinds.contains(words[1]) && words.count > 2 ? words[2] : words[1]
            return String(module.split(separator: ".")[0])
        }
    }
}
