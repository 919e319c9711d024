import Glibc
import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS

/// One TLS client, as bytes in and bytes out: what the server sent becomes what it said, what is to be said becomes what is to be sent.
///
/// NIOSSL's handler in a channel without a socket: the connection, its deadlines and its bounds stay the prober's own, and no second loop
/// or thread is needed for the few checks that are encrypted.
final class TLSSession {
    struct Failure: Error {
        /// For a person who asks why a server is out.
        var text: String
    }

    /// Keeps what the handshake and the server's errors say.
    private final class Witness: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var isSecured = false
        var error: (any Error)?

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { isSecured = true }
            context.fireUserInboundEventTriggered(event)
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.error = self.error ?? error }
    }

    private let channel: EmbeddedChannel
    private let handler: NIOSSLClientHandler
    private let witness = Witness()
    private let minimumDays: UInt32?
    private var hasLooked = false

    /// The handshake is done, and the certificate is what was asked for.
    private(set) var isSecured = false

    init(_ settings: ProbeStage.TLS, contexts: TLSContexts) throws(Failure) {
        minimumDays = settings.verification.minimumDays
        let context = try contexts.context(for: settings)
        let name = settings.sendsName || settings.verification.chain ? settings.name : nil
        do {
            handler = try NIOSSLClientHandler(context: context, serverHostname: name.flatMap(Self.hostName))
            channel = EmbeddedChannel()
            try channel.pipeline.syncOperations.addHandlers([handler, witness])
            // No address that means anything: it makes the channel active, and so the handshake begin.
            channel.connect(to: try SocketAddress(unixDomainSocketPath: "/"), promise: nil)
        } catch {
            throw Failure(text: "TLS cannot begin: \(error)")
        }
        channel.embeddedEventLoop.run()
        try check()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    /// SNI has names and no addresses (RFC 6066 §3).
    private static func hostName(_ name: String) -> String? {
        (try? SocketAddress(ipAddress: name, port: 0)) == nil ? name : nil
    }

    /// What is to be sent to the server now.
    func takeCiphertext() -> [UInt8] {
        channel.embeddedEventLoop.run()
        var bytes: [UInt8] = []
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return bytes
    }

    /// What was sent becomes what was said.
    func receive(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        do { try channel.writeInbound(ByteBuffer(bytes: bytes)) } catch { witness.error = witness.error ?? error }
        channel.embeddedEventLoop.run()
        try check()
        var plain: [UInt8] = []
        while let buffer = try? channel.readInbound(as: ByteBuffer.self) { plain += buffer.readableBytesView }
        return plain
    }

    func write(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
        channel.embeddedEventLoop.run()
    }

    private func check() throws(Failure) {
        if let error = witness.error { throw Failure(text: "TLS: \(Self.sentence(error))") }
        guard witness.isSecured, !hasLooked else { return }
        hasLooked = true
        if let minimumDays, let certificate = handler.peerCertificate {
            let left = (Int64(certificate.notValidAfter) - Int64(time(nil))) / 86_400
            guard left >= Int64(minimumDays) else {
                let when = left < 0 ? "ended \(-left) days ago" : "ends in \(left) days"
                throw Failure(text: "TLS: the certificate \(when), and must be valid for \(minimumDays) days more")
            }
        }
        isSecured = true
    }

    /// The last of BoringSSL's reasons, without where in its source it stands.
    private static func sentence(_ error: any Error) -> String {
        let text = "\(error)"
        let reasons = text.split(separator: ":").map(String.init)
        let known = reasons.last { $0.contains("_") && $0 == $0.uppercased() }
        let reason = known.map { $0.lowercased().split(separator: "_").joined(separator: " ") } ?? text
        return String(reason.prefix(200))
    }
}

/// One context for each way of asking: reading authorities and keys takes milliseconds.
final class TLSContexts {
    private var known: [ProbeStage.TLS: NIOSSLContext] = [:]

    func context(for settings: ProbeStage.TLS) throws(TLSSession.Failure) -> NIOSSLContext {
        // Names do not belong to a context.
        var key = settings
        key.sendsName = false
        let hasName = key.name != nil
        key.name = hasName ? "" : nil
        if let context = known[key] { return context }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = settings.protocols
        configuration.certificateVerification =
            !settings.verification.chain ? .none : hasName ? .fullVerification : .noHostnameVerification
        do {
            if let material = settings.material {
                if let authority = material.authority { configuration.trustRoots = .file(authority) }
                if let certificate = material.certificate {
                    configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificate).map {
                        .certificate($0)
                    }
                }
                if let key = material.key {
                    let password = material.password?.revealed
                    let privateKey = try NIOSSLPrivateKey(file: key, format: .pem) { give in give(password ?? []) }
                    configuration.privateKey = .privateKey(privateKey)
                }
            }
            let context = try NIOSSLContext(configuration: configuration)
            if known.count > 1024 { known = [:] }
            known[key] = context
            return context
        } catch {
            throw TLSSession.Failure(text: "TLS cannot begin: \(error)")
        }
    }
}
