import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS
import Primitives

/// TLS as a machine: bytes of the wire in, bytes of the wire out. NIOSSL's handler in a channel that has no socket, so that a check over TLS has the
/// same loop, deadline and bounds as any other, and one without TLS costs no channel.
///
/// Keeps what one `receive` decrypts to; so whoever calls bounds what is received at once.
public final class TLSClient {
    private let channel: EmbeddedChannel
    private let handler: NIOSSLClientHandler
    private let sink = Sink()
    private var isTornDown = false

    /// What came of received bytes.
    public enum Outcome {
        /// Go on; `isNew`: the handshake has just ended.
        case open(plaintext: [UInt8], isNew: Bool)
        /// The server announced the end (close_notify), after these.
        case closed(plaintext: [UInt8])
        case failed(any Error)
    }

    /// `name`: what the certificate must be for, where it is verified; without one, the server's address.
    public init(_ context: NIOSSLContext, name: String?, address: IPAddress) throws {
        let literal = name.flatMap { IPAddress($0) }
        handler = try NIOSSLClientHandler(context: context, serverHostname: literal == nil ? name : nil)
        channel = EmbeddedChannel(handlers: [handler, sink])
        // NIOSSL takes a certificate for the channel's address, too. Where a name is wanted only that counts, so the channel gets none that could be
        // in a certificate. Connecting makes the channel active, which begins the handshake.
        let isNamed = name != nil && literal == nil
        let verified =
            try isNamed
            ? SocketAddress(unixDomainSocketPath: "/")
            : SocketAddress(ipAddress: (literal ?? address).description, port: 0)
        channel.connect(to: verified, promise: nil)
    }

    deinit { tearDown() }

    var isSecured: Bool { sink.isSecured }
    /// What the server showed; nil before the handshake.
    public var peerCertificate: NIOSSLCertificate? { handler.peerCertificate }

    /// Bytes of the wire.
    public func receive(_ bytes: [UInt8]) -> Outcome {
        let wasSecured = sink.isSecured
        channel.pipeline.fireChannelRead(channel.allocator.buffer(bytes: bytes))
        channel.pipeline.fireChannelReadComplete()
        let plaintext = sink.takePlaintext()
        // Behind the handshake an error is a broken end, after whatever came before it.
        if let error = sink.error, !sink.isSecured || (plaintext.isEmpty && !channel.isActive) { return .failed(error) }
        guard channel.isActive else { return .closed(plaintext: plaintext) }
        return .open(plaintext: plaintext, isNew: sink.isSecured && !wasSecured)
    }

    /// What `takeOutgoing` gives then has these bytes in it, once the handshake has ended.
    public func send(_ plaintext: [UInt8]) {
        guard channel.isActive else { return }
        channel.writeAndFlush(channel.allocator.buffer(bytes: plaintext), promise: nil)
    }

    /// What is to be sent on the wire.
    public func takeOutgoing() -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) {
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        return bytes
    }

    /// close_notify is in `takeOutgoing` then.
    func announceEnd() {
        if channel.isActive { channel.close(mode: .all, promise: nil) }
    }

    /// The handler waits for the other side's end, until its time is up: here time passes at once.
    private func tearDown() {
        guard !isTornDown else { return }
        isTornDown = true
        if channel.isActive { channel.close(mode: .all, promise: nil) }
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        _ = takeOutgoing()
    }

    /// The far end of the channel, where a protocol would be.
    private final class Sink: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private(set) var isSecured = false
        private(set) var error: (any Error)?
        private var plaintext: [UInt8] = []

        func takePlaintext() -> [UInt8] {
            defer { plaintext = [] }
            return plaintext
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            plaintext.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case TLSUserEvent.handshakeCompleted = event { isSecured = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if self.error == nil { self.error = error }
        }
    }
}
