import Configuration
import Glibc
import Health

/// PCRE2 (pcre2api(3)), found when it is first needed: libpcre2-8.so.0 is on every Debian, and a host without it lacks only `regex`.
struct PCRE2Library {
    typealias Compile =
        @convention(c) (
            UnsafePointer<UInt8>?, Int, UInt32, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int>?, OpaquePointer?
        ) -> OpaquePointer?
    typealias Match =
        @convention(c) (OpaquePointer?, UnsafePointer<UInt8>?, Int, Int, UInt32, OpaquePointer?, OpaquePointer?) ->
        Int32
    typealias Create = @convention(c) (OpaquePointer?) -> OpaquePointer?
    typealias CreateFromPattern = @convention(c) (OpaquePointer?, OpaquePointer?) -> OpaquePointer?
    typealias Free = @convention(c) (OpaquePointer?) -> Void
    typealias SetLimit = @convention(c) (OpaquePointer?, UInt32) -> Int32
    typealias SetOffset = @convention(c) (OpaquePointer?, Int) -> Int32
    typealias Message = @convention(c) (Int32, UnsafeMutablePointer<UInt8>?, Int) -> Int32

    let compile: Compile
    let match: Match
    let createContext: Create
    let createData: CreateFromPattern
    let freeCode: Free
    let freeContext: Free
    let freeData: Free
    let setMatchLimit: SetLimit
    let setHeapLimit: SetLimit
    let setOffsetLimit: SetOffset
    let message: Message

    static let name = "libpcre2-8.so.0"

    init?() {
        guard let library = dlopen(PCRE2Library.name, RTLD_NOW | RTLD_LOCAL) else { return nil }
        func symbol<Function>(_ name: String, _: Function.Type) -> Function? {
            dlsym(library, "pcre2_\(name)_8").map { unsafeBitCast($0, to: Function.self) }
        }
        guard let compile = symbol("compile", Compile.self), let match = symbol("match", Match.self),
            let createContext = symbol("match_context_create", Create.self),
            let createData = symbol("match_data_create_from_pattern", CreateFromPattern.self),
            let freeCode = symbol("code_free", Free.self), let freeContext = symbol("match_context_free", Free.self),
            let freeData = symbol("match_data_free", Free.self),
            let setMatchLimit = symbol("set_match_limit", SetLimit.self),
            let setHeapLimit = symbol("set_heap_limit", SetLimit.self),
            let setOffsetLimit = symbol("set_offset_limit", SetOffset.self),
            let message = symbol("get_error_message", Message.self)
        else { return nil }
        self.compile = compile
        self.match = match
        self.createContext = createContext
        self.createData = createData
        self.freeCode = freeCode
        self.freeContext = freeContext
        self.freeData = freeData
        self.setMatchLimit = setMatchLimit
        self.setHeapLimit = setHeapLimit
        self.setOffsetLimit = setOffsetLimit
        self.message = message
    }

    func text(_ error: Int32) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            let count = Int(message(error, buffer.baseAddress, buffer.count))
            guard count > 0 else { return "PCRE2 error \(error)" }
            return String(decoding: UnsafeBufferPointer(rebasing: buffer[0..<count]), as: UTF8.self)
        }
    }
}

/// One compiled `regex`. What a match may take is bounded, whatever a server sends: pattern and body cannot stall the worker.
///
/// `regex_stack` has no meaning here: it is the stack of PCRE2's just-in-time compiler, which is not used.
final class RegularExpression {
    private let library: PCRE2Library
    private let code: OpaquePointer
    private let data: OpaquePointer
    private let context: OpaquePointer
    private let minimumOffset: Int

    struct Unusable: Error { var reason: String }

    /// Steps back and forth that PCRE2 may take: its own bound, 10,000,000, is half a second.
    private static let matchLimit: UInt32 = 2_000_000
    /// In KiB.
    private static let heapLimit: UInt32 = 16 << 10
    private static let noMatch: Int32 = -1

    init(_ regex: HTTPProbe.Regex, _ library: PCRE2Library) throws(Unusable) {
        var options: UInt32 = 0
        for name in regex.options { options |= RegularExpression.options[name] ?? 0 }
        // Bytes that are no UTF-8 match nothing, instead of being read as if they were (which is undefined).
        if options & RegularExpression.utf != 0 { options |= RegularExpression.matchInvalidUTF }
        if regex.maximumOffset != nil { options |= RegularExpression.useOffsetLimit }
        var error: Int32 = 0
        var offset = 0
        let pattern = Array(regex.pattern.utf8)
        guard let code = library.compile(pattern, pattern.count, options, &error, &offset, nil) else {
            throw Unusable(reason: "\(library.text(error)) at byte \(offset) of the pattern")
        }
        guard let data = library.createData(code, nil), let context = library.createContext(nil) else {
            library.freeCode(code)
            throw Unusable(reason: "no memory")
        }
        _ = library.setMatchLimit(context, RegularExpression.matchLimit)
        _ = library.setHeapLimit(context, RegularExpression.heapLimit)
        if let limit = regex.maximumOffset { _ = library.setOffsetLimit(context, max(0, limit)) }
        self.library = library
        self.code = code
        self.data = data
        self.context = context
        minimumOffset = max(0, regex.minimumOffset)
    }

    deinit {
        library.freeContext(context)
        library.freeData(data)
        library.freeCode(code)
    }

    func result(on body: [UInt8]) -> PatternResult {
        guard minimumOffset <= body.count else { return .noMatch }
        let result = library.match(code, body, body.count, minimumOffset, 0, data, context)
        if result >= 0 { return .match }
        return result == RegularExpression.noMatch ? .noMatch : .failed(library.text(result))
    }

    private static let utf: UInt32 = 0x0008_0000
    private static let useOffsetLimit: UInt32 = 0x0080_0000
    private static let matchInvalidUTF: UInt32 = 0x0400_0000

    /// By their names in keepalived, pcre2api(3). `no_utf_check` is left out: it would let a server's bytes be read as what they are not.
    private static let options: [String: UInt32] = [
        "allow_empty_class": 0x0000_0001, "alt_bsux": 0x0000_0002, "auto_callout": 0x0000_0004, "caseless": 0x0000_0008,
        "dollar_endonly": 0x0000_0010, "dotall": 0x0000_0020, "dupnames": 0x0000_0040, "extended": 0x0000_0080,
        "firstline": 0x0000_0100, "match_unset_backref": 0x0000_0200, "multiline": 0x0000_0400,
        "never_ucp": 0x0000_0800,
        "never_utf": 0x0000_1000, "no_auto_capture": 0x0000_2000, "no_auto_possess": 0x0000_4000,
        "no_dotstar_anchor": 0x0000_8000, "no_start_optimize": 0x0001_0000, "ucp": 0x0002_0000, "ungreedy": 0x0004_0000,
        "utf": utf, "never_backslash_c": 0x0010_0000, "alt_circumflex": 0x0020_0000, "alt_verbnames": 0x0040_0000,
        "extended_more": 0x0100_0000, "literal": 0x0200_0000, "endanchored": 0x2000_0000, "anchored": 0x8000_0000,
    ]
}

/// The compiled expressions of a configuration, each made once.
struct RegularExpressions {
    private var compiled: [HTTPProbe.Regex: RegularExpression] = [:]
    private var library: PCRE2Library??

    mutating func result(_ regex: HTTPProbe.Regex, on body: [UInt8]) -> PatternResult {
        if let expression = compiled[regex] { return expression.result(on: body) }
        let library = self.library ?? PCRE2Library()
        self.library = .some(library)
        guard let library else { return .failed("\(PCRE2Library.name) is not installed") }
        do throws(RegularExpression.Unusable) {
            let expression = try RegularExpression(regex, library)
            compiled[regex] = expression
            return expression.result(on: body)
        } catch {
            return .failed(error.reason)
        }
    }
}
