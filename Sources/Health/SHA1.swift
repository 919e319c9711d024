import Primitives

/// SHA-1 (RFC 3174), for MySQL's mysql_native_password.
struct SHA1: BlockHash {
    var core = BlockCore()
    private var state: InlineArray<5, UInt32> = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]

    static var isLittleEndian: Bool { false }
    var words: [UInt32] { (0..<5).map { state[$0] } }

    mutating func compress(_ block: RawSpan) {
        var schedule = InlineArray<80, UInt32>(repeating: 0)
        for index in 0..<16 { schedule[index] = block.uint32(at: index &* 4) ?? 0 }
        for index in 16..<80 {
            let mixed =
                schedule[index &- 3] ^ schedule[index &- 8] ^ schedule[index &- 14] ^ schedule[index &- 16]
            schedule[index] = rotate(mixed, left: 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for step in 0..<80 {
            let (mixed, constant): (UInt32, UInt32) =
                switch step {
                case 0..<20: (b & c | ~b & d, 0x5A82_7999)
                case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case 40..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = rotate(a, left: 5) &+ mixed &+ e &+ schedule[step] &+ constant
            (e, d, c, b, a) = (d, c, rotate(b, left: 30), a, next)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
    }
}
