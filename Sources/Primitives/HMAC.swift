/// HMAC-SHA-256 (RFC 2104). The key's blocks are hashed once, which halves the work where one key is used thousands of times.
public struct HMAC: Sendable {
    private let inner: SHA256
    private let outer: SHA256

    public init(key: [UInt8]) {
        var block = key.count > 64 ? SHA256.hash(key) : key
        block.append(contentsOf: repeatElement(0, count: 64 - block.count))
        var inner = SHA256()
        inner.update(block.map { $0 ^ 0x36 })
        var outer = SHA256()
        outer.update(block.map { $0 ^ 0x5C })
        self.inner = inner
        self.outer = outer
    }

    /// 32 bytes.
    public func code(of bytes: [UInt8]) -> [UInt8] {
        var inner = self.inner
        inner.update(bytes)
        var outer = self.outer
        outer.update(inner.finish())
        return outer.finish()
    }

    /// Whether `code` is that of `bytes`. It takes as long for a wrong code as for a right one, wherever they differ.
    public func isValid(_ code: some Collection<UInt8>, for bytes: some Collection<UInt8>) -> Bool {
        let right = self.code(of: Array(bytes))
        guard code.count == right.count else { return false }
        var difference: UInt8 = 0
        for (a, b) in zip(code, right) { difference |= a ^ b }
        return difference == 0
    }

    /// PBKDF2 with HMAC-SHA-256 and one block of output (RFC 8018 §5.2), which SCRAM calls Hi (RFC 5802 §2.2).
    public static func stretched(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        let keyed = HMAC(key: password)
        var last = keyed.code(of: salt + [0, 0, 0, 1])
        var result = last
        for _ in 1..<max(iterations, 1) {
            last = keyed.code(of: last)
            for index in result.indices { result[index] ^= last[index] }
        }
        return result
    }
}
