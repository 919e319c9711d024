import Primitives

/// What makes a hello one of those who know the instance's key: HMAC-SHA-256 over its bytes.
///
/// The key is made of the instance's own by hashing it with a label, so that nothing said here helps against its adverts, and
/// digests of what must not be known are made with a key of their own again.
public struct HelloSeal: Sendable {
    static let length = 32

    private let bytes: HMAC
    private let digests: HMAC

    /// - Parameter key: the instance's; any length above none.
    public init(key: Secret) {
        let root = HMAC(key: key.revealed)
        bytes = HMAC(key: root.code(of: Array("aloft hello 1: bytes".utf8)))
        digests = HMAC(key: root.code(of: Array("aloft hello 1: digests".utf8)))
    }

    func code(of message: [UInt8]) -> [UInt8] { bytes.code(of: message) }

    func isValid(_ code: ArraySlice<UInt8>, for message: ArraySlice<UInt8>) -> Bool {
        bytes.isValid(code, for: message)
    }

    /// 64 bits by which two who know the key see whether they have the same `secret`; nobody else learns anything of it.
    public func digest(of secret: Secret) -> UInt64 {
        digests.code(of: secret.revealed).span.bytes.uint64(at: 0) ?? 0
    }
}
