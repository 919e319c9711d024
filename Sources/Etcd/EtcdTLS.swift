import EtcdGateway
import LinuxWorld
import NIOSSL
import Primitives

/// Makes what TLS connections show and ask for. Files are read again after a minute, so that a renewed certificate is used by
/// the connections that begin then; reading the host's authorities takes many times what a handshake does.
struct EtcdTLS {
    struct Unusable: Error { var reason: String }

    private let settings: EtcdSettings.TLS
    private var made: (context: NIOSSLContext, at: Instant)?
    private static let age: Duration = .seconds(60)

    init(_ settings: EtcdSettings.TLS) { self.settings = settings }

    mutating func context(at now: Instant) throws(Unusable) -> NIOSSLContext {
        if let made, now < made.at + Self.age { return made.context }
        let context = try make()
        made = (context, now)
        return context
    }

    private func make() throws(Unusable) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.shutdownTimeout = .nanoseconds(1)
        do {
            configuration.trustRoots = settings.authority.map { .file($0) } ?? .default
            if let path = settings.certificate {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(path).map { .certificate($0) }
            }
            if let path = settings.key {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: path, format: .pem))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let files = [settings.authority, settings.certificate, settings.key].compactMap { $0 }
            let what = files.isEmpty ? "the host's authorities" : files.joined(separator: ", ")
            throw Unusable(reason: "TLS: cannot use \(what): \(error)")
        }
    }
}
