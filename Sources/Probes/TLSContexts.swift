import Configuration
import Health
import NIOCore
import NIOSSL

/// What TLS connections share, made once for each kind of them: reading the host's authorities takes many times what a handshake does. Files are read
/// when they are first needed.
struct TLSContexts {
    private struct Kind: Hashable {
        var verifiesChain: Bool
        var protocols: [String]
    }

    struct Unusable: Error { var reason: String }

    private let material: TLSMaterial?
    private var contexts: [Kind: Result<NIOSSLContext, Unusable>] = [:]

    init(_ material: TLSMaterial?) { self.material = material }

    mutating func context(for security: Exchange.Security) -> Result<NIOSSLContext, Unusable> {
        let kind = Kind(verifiesChain: security.verification.chain, protocols: security.protocols)
        if let known = contexts[kind] { return known }
        let made = Result { () throws(Unusable) in try TLSContexts.make(kind, material) }
        // What could not be read may be there the next time.
        if case .success = made { contexts[kind] = made }
        return made
    }

    private static func make(_ kind: Kind, _ material: TLSMaterial?) throws(Unusable) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Any version, as keepalived: a check is no place to find out that a server is old.
        configuration.minimumTLSVersion = .tlsv1
        configuration.certificateVerification = kind.verifiesChain ? .fullVerification : .none
        configuration.applicationProtocols = kind.protocols
        configuration.shutdownTimeout = .nanoseconds(1)
        do {
            if kind.verifiesChain {
                configuration.trustRoots = material?.authority.map { .file($0) } ?? .default
            }
            if let path = material?.certificate {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
            }
            if let path = material?.key {
                let password = material?.password
                let key = try NIOSSLPrivateKey(file: path, format: .pem) { (answer: ([UInt8]) -> Void) in
                    answer(password?.revealed ?? [])
                }
                configuration.privateKey = .privateKey(key)
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let files = [material?.authority, material?.certificate, material?.key].compactMap { $0 }
            throw Unusable(
                reason:
                    "TLS: cannot use \(files.isEmpty ? "the host's authorities" : files.joined(separator: ", ")): \(error)"
            )
        }
    }
}
