import Configuration
import Glibc
import Health

/// `regex` of HTTP checks: a pattern of PCRE2, as keepalived's, by the library that every distribution has; loaded when a configuration
/// has a pattern, and never otherwise.
final class PatternMatcher: Sendable {
    private typealias Compile =
        @convention(c) (
            UnsafePointer<UInt8>?, Int, UInt32, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int>?, OpaquePointer?
        ) -> OpaquePointer?
    private typealias MakeData = @convention(c) (OpaquePointer?, OpaquePointer?) -> OpaquePointer?
    private typealias Match =
        @convention(c) (
            OpaquePointer?, UnsafePointer<UInt8>?, Int, Int, UInt32, OpaquePointer?, OpaquePointer?
        ) -> Int32
    private typealias Positions = @convention(c) (OpaquePointer?) -> UnsafeMutablePointer<Int>?
    private typealias Free = @convention(c) (OpaquePointer?) -> Void

    private struct Library: Sendable {
        let compile: Compile
        let makeData: MakeData
        let match: Match
        let positions: Positions
        let freeData: Free
        let freeCode: Free
    }

    /// pcre2.h: the options by the names that the configuration has.
    private static let options: [String: UInt32] = [
        "allow_empty_class": 0x1, "alt_bsux": 0x2, "auto_callout": 0x4, "caseless": 0x8, "dollar_endonly": 0x10,
        "dotall": 0x20,
        "dupnames": 0x40, "extended": 0x80, "firstline": 0x100, "match_unset_backref": 0x200, "multiline": 0x400,
        "never_ucp": 0x800,
        "never_utf": 0x1000, "no_auto_capture": 0x2000, "no_auto_possess": 0x4000, "no_dotstar_anchor": 0x8000,
        "no_start_optimize": 0x10000, "ucp": 0x20000, "ungreedy": 0x40000, "utf": 0x80000,
        "never_backslash_c": 0x100000,
        "alt_circumflex": 0x200000, "alt_verbnames": 0x400000, "use_offset_limit": 0x800000, "extended_more": 0x1000000,
        "literal": 0x2000000, "match_invalid_utf": 0x4000000, "anchored": 0x8000_0000, "no_utf_check": 0x4000_0000,
        "endanchored": 0x2000_0000,
    ]

    private static let library: Library? = {
        guard let handle = dlopen("libpcre2-8.so.0", RTLD_NOW | RTLD_LOCAL) else { return nil }
        func symbol<Function>(_ name: String, _ type: Function.Type) -> Function? {
            dlsym(handle, name + "_8").map { unsafeBitCast($0, to: Function.self) }
        }
        guard let compile = symbol("pcre2_compile", Compile.self),
            let makeData = symbol("pcre2_match_data_create_from_pattern", MakeData.self),
            let match = symbol("pcre2_match", Match.self),
            let positions = symbol("pcre2_get_ovector_pointer", Positions.self),
            let freeData = symbol("pcre2_match_data_free", Free.self),
            let freeCode = symbol("pcre2_code_free", Free.self)
        else { return nil }
        return Library(
            compile: compile, makeData: makeData, match: match, positions: positions, freeData: freeData,
            freeCode: freeCode)
    }()

    private let regex: HTTPProbe.Regex

    init(_ regex: HTTPProbe.Regex) { self.regex = regex }

    /// Whether a body matches. The pattern is compiled each time: a check is rare beside that, and nothing is kept.
    func evaluate(_ body: [UInt8]) -> Result<Bool, HTTPConversation.MatchFailure> {
        guard let library = Self.library else {
            return .failure(.init(reason: "its `regex` needs libpcre2-8, which is not installed here"))
        }
        var flags: UInt32 = 0
        for option in regex.options { flags |= Self.options[option.lowercased()] ?? 0 }
        let pattern = Array(regex.pattern.utf8)
        var code: Int32 = 0
        var place = 0
        guard let compiled = library.compile(pattern, pattern.count, flags, &code, &place, nil) else {
            return .failure(
                .init(
                    reason: "its `regex` is none that PCRE2 understands, from character \(place + 1) on (error \(code))"
                ))
        }
        defer { library.freeCode(compiled) }
        guard let data = library.makeData(compiled, nil) else {
            return .failure(.init(reason: "there is no memory for its `regex`"))
        }
        defer { library.freeData(data) }
        guard regex.minimumOffset <= body.count else { return .success(false) }
        let result = library.match(compiled, body, body.count, max(regex.minimumOffset, 0), 0, data, nil)
        // PCRE2_ERROR_NOMATCH.
        guard result != -1 else { return .success(false) }
        guard result >= 0 else {
            return .failure(.init(reason: "its `regex` could not be evaluated (error \(result))"))
        }
        guard let limit = regex.maximumOffset, let start = library.positions(data)?.pointee else {
            return .success(true)
        }
        return .success(start <= limit)
    }
}
