import Primitives

/// SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding: proves the password without showing it, and sees that the server knows it too.
struct ScramClient: Sendable {
    private let password: [UInt8]
    private let firstBare: [UInt8]
    private let nonce: [UInt8]
    private var serverSignature: [UInt8]?

    /// A server may ask for any work; this is thirty times what PostgreSQL does, and 40 ms.
    static let maximumIterations = 131_072

    /// `nonce`: bytes that nobody can guess. PostgreSQL takes the user from the startup message; `user` is empty then.
    init(user: [UInt8] = [], password: [UInt8], nonce: [UInt8]) {
        self.password = password
        self.nonce = Base64.encode(nonce)
        firstBare = Array("n=".utf8) + user + Array(",r=".utf8) + self.nonce
    }

    var firstMessage: [UInt8] { Array("n,,".utf8) + firstBare }

    enum Answer: Hashable {
        case reply([UInt8])
        case fault(String)
    }

    /// The server's first message, and our last.
    mutating func answer(_ serverFirst: ArraySlice<UInt8>) -> Answer {
        let fields = Self.fields(serverFirst)
        guard let combined = fields[UInt8(ascii: "r")],
            let salt = fields[UInt8(ascii: "s")].flatMap({ Base64.decode($0) }),
            let iterations = fields[UInt8(ascii: "i")].flatMap({ decimal($0) })
        else { return .fault("the server's SCRAM message is broken") }
        guard combined.starts(with: nonce), combined.count > nonce.count else {
            return .fault("the server's SCRAM message is not an answer to ours")
        }
        guard (1...Self.maximumIterations).contains(iterations) else {
            return .fault("the server asks for \(iterations) SCRAM iterations, more than \(Self.maximumIterations)")
        }
        let salted = HMAC.stretched(password, salt: salt, iterations: iterations)
        let clientKey = HMAC(key: salted).code(of: Array("Client Key".utf8))
        let withoutProof = Array("c=biws,r=".utf8) + combined
        let message = firstBare + [0x2C] + serverFirst + [0x2C] + withoutProof
        let signature = HMAC(key: SHA256.hash(clientKey)).code(of: message)
        let proof = zip(clientKey, signature).map { $0 ^ $1 }
        serverSignature = HMAC(key: HMAC(key: salted).code(of: Array("Server Key".utf8))).code(of: message)
        return .reply(withoutProof + Array(",p=".utf8) + Base64.encode(proof))
    }

    /// What is wrong with the server's last message; nil when it proved that it knows the password.
    func fault(in serverFinal: ArraySlice<UInt8>) -> String? {
        guard let signature = Self.fields(serverFinal)[UInt8(ascii: "v")].flatMap({ Base64.decode($0) }),
            let expected = serverSignature, signature == expected
        else { return "the server does not know the password" }
        return nil
    }

    /// `r=…,s=…,i=…`; of equal names the first counts.
    private static func fields(_ message: ArraySlice<UInt8>) -> [UInt8: ArraySlice<UInt8>] {
        var fields: [UInt8: ArraySlice<UInt8>] = [:]
        for part in message.split(separator: 0x2C) {
            guard let name = part.first, part.dropFirst().first == 0x3D, fields[name] == nil else { continue }
            fields[name] = part.dropFirst(2)
        }
        return fields
    }
}
