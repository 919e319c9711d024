/// A small seeded generator (Steele, Lea and Flood, 2014). Equal seeds give equal sequences on every
/// machine, which is what replay rests on. Not for secrets.
public struct SplitMix64: RandomNumberGenerator, Sendable {
    var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A generator of its own, so that adding draws in one place does not reshuffle another.
    public mutating func fork() -> SplitMix64 { SplitMix64(seed: next()) }
}
