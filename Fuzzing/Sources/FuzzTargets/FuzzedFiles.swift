import ConfigLanguage

/// An input as the files of a configuration: a line that begins with `%%` ends a file, and the rest of it names the next.
///
/// ```
/// include other.conf
/// %%other.conf
/// vrrp_instance VI_1 {
/// ```
struct FuzzedFiles {
    static let mainName = "main.conf"
    /// As many files as a mutation can make of an input that is bounded itself.
    static let limit = 64

    /// The node that reads them. Its limits are small enough to be met.
    static let environment = {
        var environment = TextEnvironment(id: "left", directory: "/etc") { $0 == "HOME" ? "/root" : nil }
        environment.limits.bytes = 1 << 18
        environment.limits.passes = 2_000
        environment.limits.references = 10_000
        environment.limits.depth = 8
        return environment
    }()

    let files: MemoryFiles
    /// The names, in the order of the input; the first is the main file's.
    let names: [String]

    init(_ input: [UInt8]) {
        var files: [ProvidedFile] = []
        var name = Self.mainName
        var start = 0
        var index = 0
        while index < input.count {
            let isMark = input[index...].starts(with: [UInt8(ascii: "%"), UInt8(ascii: "%")])
            let end = input[index...].firstIndex(of: UInt8(ascii: "\n")) ?? input.count
            if isMark, files.count + 1 < Self.limit {
                files.append(ProvidedFile(path: name, bytes: Array(input[start..<index])))
                name = String(decoding: input[(index + 2)..<end].prefix(64), as: UTF8.self)
                start = min(end + 1, input.count)
            }
            index = end + 1
        }
        files.append(ProvidedFile(path: name, bytes: Array(input[start...])))
        names = files.map(\.path)
        self.files = MemoryFiles(files)
    }
}
