import Primitives

/// A frame of HTTP/2 (RFC 9113 §4.1).
struct HTTP2Frame: Hashable, Sendable {
    enum Kind: UInt8, Hashable, Sendable {
        case data = 0
        case headers = 1
        case priority = 2
        case reset = 3
        case settings = 4
        case pushPromise = 5
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
        case continuation = 9
    }

    static let endStream: UInt8 = 0x01
    static let acknowledges: UInt8 = 0x01
    static let endHeaders: UInt8 = 0x04
    static let padded: UInt8 = 0x08
    static let hasPriority: UInt8 = 0x20
    /// What a peer may send before it has read other settings (SETTINGS_MAX_FRAME_SIZE), and we never offer more.
    static let maximumLength = 16384
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    /// nil for kinds that are to be ignored (§5.5).
    var kind: Kind?
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8]) {
        self.kind = kind
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    func has(_ flag: UInt8) -> Bool { flags & flag != 0 }

    /// `payload` is at most 2^24 - 1 bytes.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt32(truncatingIfNeeded: payload.count) << 8 | UInt32(kind?.rawValue ?? 0xFF))
        bytes.append(flags)
        bytes.append(bigEndian: stream)
        return bytes + payload
    }

    enum Reading: Hashable {
        case frame(HTTP2Frame)
        case more
        case tooLong(Int)
    }

    static func read(_ input: inout InputBuffer) -> Reading {
        let head = (0..<9).compactMap { input[$0] }
        guard head.count == 9, let word = head.span.bytes.uint32(at: 0), let stream = head.span.bytes.uint32(at: 5)
        else {
            return .more
        }
        let length = Int(word >> 8)
        guard length <= maximumLength else { return .tooLong(length) }
        guard let bytes = input.take(length + 9) else { return .more }
        var frame = HTTP2Frame(.data, flags: head[4], stream: stream & 0x7FFF_FFFF, Array(bytes.dropFirst(9)))
        frame.kind = Kind(rawValue: head[3])
        return .frame(frame)
    }

    /// The payload without padding and priority (§6.1, §6.2); nil when they do not fit.
    var content: ArraySlice<UInt8>? {
        var content = payload[...]
        if has(HTTP2Frame.padded) {
            guard let padding = content.popFirst(), Int(padding) <= content.count else { return nil }
            content = content.dropLast(Int(padding))
        }
        if kind == .headers, has(HTTP2Frame.hasPriority) {
            guard content.count >= 5 else { return nil }
            content = content.dropFirst(5)
        }
        return content
    }
}
