import ArgumentParser
import ConfigLanguage
import Configuration

/// Says which keywords there are, what they take, and whether they work.
struct Support: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the keywords of a configuration, and whether they work.",
        discussion: """
            A keyword works, is without effect (what it asks for is always or never so), does not work yet (a warning), or is \
            refused (a configuration with it is not run). Exit code 1: there is no such keyword.
            """)

    @Argument(
        help: "Keywords, or blocks such as vrrp_instance; `top` is the top. All when there are none.",
        completion: .custom { _, _, _ in Support.names })
    var keywords: [String] = []

    @Flag(help: "Print an array of objects.") var json = false

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Print the keywords of a block that begin like this.", valueName: "block prefix"))
    var complete: [String] = []

    func validate() throws {
        guard complete.count <= 2, complete.isEmpty || keywords.isEmpty else {
            throw ValidationError("--complete takes a block and the beginning of a keyword.")
        }
    }

    func run() throws {
        if let block = complete.first {
            let found = Schema.completions(in: block, prefix: complete.count > 1 ? complete[1] : "")
            guard !found.isEmpty else { throw Answer.no("") }
            return Console.say(found.joined(separator: "\n"))
        }
        let (found, unknown) = SupportTable.rows(matching: keywords)
        if json {
            Console.say(SupportTable.json(found))
        } else if !found.isEmpty {
            Console.say(SupportTable.text(found))
        }
        for word in unknown {
            let meant = Spelling.nearest(to: word, among: Self.names)
            Console.fail("aloft: there is no keyword \(word)" + (meant.map { "; did you mean \($0)?" } ?? ""))
        }
        if !unknown.isEmpty { throw Answer.no("") }
    }

    /// Names of keywords and paths of blocks, each once.
    private static var names: [String] {
        Set(Schema.entries.flatMap { [$0.name, $0.block] }).filter { !$0.isEmpty }.sorted()
    }
}
