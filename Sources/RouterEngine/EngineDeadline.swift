import Primitives

/// What a deadline of the engine belongs to.
struct EngineDeadline: DeadlineKey, Hashable {
    enum Kind: UInt8, Sendable, CaseIterable { case engine, router, script, address, pacing, lease, greeting, split }
    var of: Kind
    var index: Int

    init(_ kind: Kind, _ index: Int) {
        of = kind
        self.index = index
    }

    var kind: Int { Int(of.rawValue) }
    static var kinds: Int { Kind.allCases.count }
    static func < (a: Self, b: Self) -> Bool { a.of != b.of ? a.of.rawValue < b.of.rawValue : a.index < b.index }
}
