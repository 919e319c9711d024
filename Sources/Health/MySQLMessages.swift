import Primitives

/// MySQL's client/server protocol, version 10 (dev.mysql.com/doc/dev/mysql-server, "Client/Server Protocol"), as MariaDB speaks it too.
enum MySQLMessages {
    static let ssl: UInt32 = 0x0800
    static let protocol41: UInt32 = 0x0200
    static let secureConnection: UInt32 = 0x8000
    static let pluginAuthentication: UInt32 = 0x0008_0000
    static let longPassword: UInt32 = 0x0001
    static let transactions: UInt32 = 0x2000

    /// Packets begin with their length in three bytes and a number that counts on.
    static func packet(_ body: [UInt8], _ sequence: UInt8) -> [UInt8] {
        [UInt8(body.count & 255), UInt8(body.count >> 8 & 255), UInt8(body.count >> 16 & 255), sequence] + body
    }

    static func command(_ text: String) -> [UInt8] { packet([3] + Array(text.utf8), 0) }
    static let quit = packet([1], 0)

    /// The start of a login, which is also all of an SSLRequest.
    static func loginHead(_ capabilities: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: capabilities.byteSwapped)
        // 16 MB at most in a packet; utf8_general_ci, which every server knows.
        return bytes + [0, 0, 0, 1, 33] + [UInt8](repeating: 0, count: 23)
    }

    static func login(_ capabilities: UInt32, user: [UInt8], proof: [UInt8], plugin: [UInt8]) -> [UInt8] {
        loginHead(capabilities) + user + [0, UInt8(truncatingIfNeeded: proof.count)] + proof + plugin + [0]
    }

    /// SHA1(password) XOR SHA1(scramble + SHA1(SHA1(password))).
    static func nativePassword(_ password: [UInt8], _ scramble: [UInt8]) -> [UInt8] {
        guard !password.isEmpty else { return [] }
        let once = SHA1.hash(password)
        return zip(once, SHA1.hash(scramble + SHA1.hash(once))).map { $0 ^ $1 }
    }

    /// SHA256(password) XOR SHA256(SHA256(SHA256(password)) + scramble).
    static func cachingSHA2Password(_ password: [UInt8], _ scramble: [UInt8]) -> [UInt8] {
        guard !password.isEmpty else { return [] }
        let once = SHA256.hash(password)
        return zip(once, SHA256.hash(SHA256.hash(once) + scramble)).map { $0 ^ $1 }
    }

    /// `1045: Access denied`, of an error packet behind its first byte.
    static func text(ofError body: ArraySlice<UInt8>) -> String {
        let code = body.prefix(2).reversed().reduce(0) { $0 << 8 | Int($1) }
        var message = body.dropFirst(2)
        // "#28000" before the words, in all errors but the first.
        if message.first == UInt8(ascii: "#") { message = message.dropFirst(6) }
        return "\(code): \(printable(message))"
    }
}

/// What a server says first.
struct MySQLGreeting: Hashable, Sendable {
    var capabilities: UInt32
    /// 20 bytes to be hashed with the password.
    var scramble: [UInt8]
    var plugin: [UInt8]

    /// nil: no greeting of version 10.
    init?(_ body: ArraySlice<UInt8>) {
        var reader = MySQLReader(body)
        guard reader.byte() == 10, reader.terminated() != nil, reader.bytes(4) != nil, let first = reader.bytes(8),
            reader.byte() != nil, let low = reader.bytes(2)
        else { return nil }
        capabilities = UInt32(low[low.startIndex]) | UInt32(low[low.startIndex + 1]) << 8
        scramble = Array(first)
        plugin = Array("mysql_native_password".utf8)
        guard reader.bytes(3) != nil, let high = reader.bytes(2), reader.byte() != nil, reader.bytes(10) != nil else {
            return
        }
        capabilities |= UInt32(high[high.startIndex]) << 16 | UInt32(high[high.startIndex + 1]) << 24
        if let rest = reader.bytes(12) { scramble += rest }
        _ = reader.byte()
        if capabilities & MySQLMessages.pluginAuthentication != 0, let name = reader.terminated() ?? reader.rest(),
            !name.isEmpty
        {
            plugin = Array(name)
        }
    }
}

/// Reads fields of a packet; nil past the end.
struct MySQLReader {
    private var left: ArraySlice<UInt8>

    init(_ body: ArraySlice<UInt8>) { left = body }

    mutating func byte() -> UInt8? { left.popFirst() }

    mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= left.count else { return nil }
        defer { left = left.dropFirst(count) }
        return left.prefix(count)
    }

    mutating func terminated() -> ArraySlice<UInt8>? {
        guard let end = left.firstIndex(of: 0) else { return nil }
        defer { left = left[(end + 1)...] }
        return left[..<end]
    }

    mutating func rest() -> ArraySlice<UInt8>? {
        defer { left = [] }
        return left
    }

    private mutating func littleEndian(_ count: Int) -> Int? {
        bytes(count).flatMap { Int(exactly: $0.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) }
    }

    enum Text: Hashable {
        case null
        case value(ArraySlice<UInt8>)
    }

    /// A length-encoded string, or NULL.
    mutating func text() -> Text? {
        switch byte() {
        case nil, 0xFF: return nil
        case 0xFB: return .null
        case 0xFC: return littleEndian(2).flatMap { bytes($0) }.map { .value($0) }
        case 0xFD: return littleEndian(3).flatMap { bytes($0) }.map { .value($0) }
        case 0xFE: return littleEndian(8).flatMap { bytes($0) }.map { .value($0) }
        case let length?: return bytes(Int(length)).map { .value($0) }
        }
    }
}
