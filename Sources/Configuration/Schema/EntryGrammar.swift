import ConfigLanguage
import Primitives

/// One option of an entry or of a keyword that has options, declared once.
struct EntryOption<Target>: Sendable {
    let name: String
    let argument: ArgumentShape
    let defaultText: String
    let documentation: String
    let status: KeywordStatus
    /// Reads what follows the option. False when something was reported, and the entry is to be dropped.
    let apply: @Sendable (inout Target, inout StatementReader) -> Bool

    init(
        _ name: String, _ argument: ArgumentShape, default defaultText: String = "", _ documentation: String,
        status: KeywordStatus = .supported,
        apply: @escaping @Sendable (inout Target, inout StatementReader) -> Bool
    ) {
        self.name = name
        self.argument = argument
        self.defaultText = defaultText
        self.documentation = documentation
        self.status = status
        self.apply = apply
    }

    /// An option whose presence is the value.
    static func flag(
        _ name: String, _ documentation: String, _ set: @escaping @Sendable (inout Target) -> Void
    ) -> EntryOption {
        EntryOption(name, .none, default: "off", documentation) { target, _ in
            set(&target)
            return true
        }
    }

    /// An option that is checked; the entry keeps its words.
    static func checked(
        _ name: String, _ argument: ArgumentShape, default text: String = "", _ documentation: String
    ) -> EntryOption {
        EntryOption(name, argument, default: text, documentation) { _, reader in reader.check(argument) }
    }
}

/// What became of a word that is no option.
enum ForeignWord {
    case taken
    /// It was reported: the entry is dropped.
    case rejected
    /// It means nothing here either.
    case unknown
}

/// The options of an entry, in any order: read in one pass, each word once.
struct EntryGrammar<Target>: KeywordBlock, Sendable {
    /// As of a block, such as `vrrp_instance/virtual_ipaddress`.
    let path: String
    /// What an entry is called in messages, such as `address`.
    let noun: String
    /// How an unknown option is reported, and what it leads to.
    let rule: Rule
    let consequence: String
    let options: [EntryOption<Target>]
    let table: KeywordTable
    /// It ends before the first word that it does not know: that one is for the grammar around.
    let isNested: Bool
    /// What to do with a word that is no option, before it is unknown.
    let foreign: (@Sendable (inout Target, inout StatementReader) -> ForeignWord)?

    init(
        _ path: String, _ noun: String, rule: Rule = .entryOption, consequence: String? = nil, isNested: Bool = false,
        _ options: [EntryOption<Target>],
        foreign: (@Sendable (inout Target, inout StatementReader) -> ForeignWord)? = nil
    ) {
        self.path = path
        self.noun = noun
        self.rule = rule
        self.consequence = consequence ?? "the \(noun) is dropped"
        self.isNested = isNested
        self.options = options
        self.foreign = foreign
        table = KeywordTable(options.map(\.name))
    }

    func forEachKeyword(_ body: (String, ArgumentShape, Bool) -> Void) {
        for option in options { body(option.name, option.argument, false) }
    }

    var description: BlockDescription {
        BlockDescription(
            path: path, isEntry: true,
            keywords: options.map {
                KeywordDescription(
                    name: $0.name, argument: $0.argument, defaultText: $0.defaultText, documentation: $0.documentation,
                    status: $0.status, isSecret: false)
            })
    }
}

extension StatementReader {
    /// Reads options up to the end of the statement. False when one was reported, and what it belongs to is to be dropped.
    mutating func readOptions<Target>(_ grammar: EntryGrammar<Target>, into target: inout Target) -> Bool {
        let outer = option
        defer { option = outer }
        while let word = nextRange {
            option = outer
            guard let number = numberOfNext(in: grammar.table) else {
                switch grammar.foreign?(&target, &self) ?? .unknown {
                case .taken: continue
                case .rejected: break
                case .unknown:
                    if grammar.isNested { return true }
                    reportUnknownOption(grammar)
                }
                skipRest()
                return false
            }
            skipWord()
            option = word
            guard grammar.options[number].apply(&target, &self) else {
                skipRest()
                return false
            }
            if case .notYet(let decides) = grammar.options[number].status {
                reportNotYet(grammar.options[number].name, decides)
            }
        }
        return true
    }

    /// Reads one option, which must be there. False when it was reported.
    mutating func readOneOption<Target>(_ grammar: EntryGrammar<Target>, into target: inout Target) -> Bool {
        guard let word = nextRange else {
            return required(grammar.options.map(\.name).joined(separator: " or ")) != nil
        }
        guard let number = numberOfNext(in: grammar.table) else {
            reportUnknownOption(grammar)
            return false
        }
        let outer = option
        defer { option = outer }
        skipWord()
        option = word
        return grammar.options[number].apply(&target, &self)
    }

    private mutating func reportUnknownOption<Target>(_ grammar: EntryGrammar<Target>) {
        guard let word = next() else { return }
        let meant = Spelling.nearest(to: word.text, among: grammar.options.map(\.name))
        let article = grammar.noun.utf8.first.map { "aeiou".utf8.contains($0) } == true ? "an" : "a"
        var fix = meant.map { "did you mean `\($0)`?" } ?? "remove it"
        if let length = Self.netmaskLength(word.text) {
            fix = "write the length of the network behind the address: `\(keywordText)/\(length)`"
        } else if IPPrefix(word.text) != nil {
            fix = "write each \(grammar.noun) on a line of its own"
        } else if meant == nil, let home = Schema.entriesWith(word.text).first {
            fix = "it is for `\(home)` only"
        }
        report(
            grammar.rule, at: word.range, "`\(word.text)` is not an option of \(article) \(grammar.noun)",
            reason: grammar.consequence, fix: fix,
            fixIt: meant.map { Diagnostic.FixIt(word.range, $0) })
    }

    /// The length that a mask such as 255.255.255.0 stands for.
    private static func netmaskLength(_ text: String) -> Int? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, parts.first == 255, !parts.contains(nil) else { return nil }
        let mask = parts.reduce(UInt32(0)) { $0 << 8 | UInt32($1 ?? 0) }
        let ones = (~mask).leadingZeroBitCount
        return mask << UInt32(ones) == 0 ? ones : nil
    }
}
