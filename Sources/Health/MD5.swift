/// MD5 (RFC 1321), for `digest` of HTTP checks only: it tells a page that changed by accident, and protects against nobody.
public struct MD5: Hashable, Sendable {
    private var state: (UInt32, UInt32, UInt32, UInt32) {
        get { (a, b, c, d) }
        set { (a, b, c, d) = newValue }
    }
    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476
    private var block: [UInt8] = []
    private var length: UInt64 = 0

    public init() { block.reserveCapacity(64) }

    public mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            block.append(byte)
            length &+= 1
            if block.count == 64 { compress() }
        }
    }

    /// The 16 bytes of the digest. Nothing is to be added afterwards.
    public mutating func finish() -> [UInt8] {
        let bits = length &* 8
        block.append(0x80)
        if block.count > 56 {
            while block.count < 64 { block.append(0) }
            compress()
        }
        while block.count < 56 { block.append(0) }
        for shift in stride(from: 0, to: 64, by: 8) { block.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
        compress()
        return [a, b, c, d].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
    }

    /// RFC 1321 §3.4: shifts of the four rounds.
    private static let shifts: [UInt32] =
        [7, 12, 17, 22, 7, 12, 17, 22, 7, 12, 17, 22, 7, 12, 17, 22] + [
            5, 9, 14, 20, 5, 9, 14, 20, 5, 9, 14, 20, 5, 9, 14, 20,
        ]
        + [4, 11, 16, 23, 4, 11, 16, 23, 4, 11, 16, 23, 4, 11, 16, 23] + [
            6, 10, 15, 21, 6, 10, 15, 21, 6, 10, 15, 21, 6, 10, 15, 21,
        ]

    /// floor(2³² |sin(i + 1)|).
    private static let sines: [UInt32] = [
        0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
        0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
        0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
        0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
        0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
        0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
        0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
        0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
    ]

    private mutating func compress() {
        var words = [UInt32](repeating: 0, count: 16)
        for index in 0..<64 { words[index / 4] |= UInt32(block[index]) << UInt32(8 * (index % 4)) }
        block.removeAll(keepingCapacity: true)
        var (w, x, y, z) = state
        for index in 0..<64 {
            let mixed: UInt32
            let word: Int
            switch index / 16 {
            case 0: (mixed, word) = (x & y | ~x & z, index)
            case 1: (mixed, word) = (x & z | y & ~z, (5 * index + 1) % 16)
            case 2: (mixed, word) = (x ^ y ^ z, (3 * index + 5) % 16)
            default: (mixed, word) = (y ^ (x | ~z), 7 * index % 16)
            }
            let sum = w &+ mixed &+ Self.sines[index] &+ words[word]
            let shift = Self.shifts[index]
            (w, x, y, z) = (z, x &+ (sum << shift | sum >> (32 - shift)), x, y)
        }
        a = a &+ w
        b = b &+ x
        c = c &+ y
        d = d &+ z
    }
}
