import Configuration
import Health
import LinuxWorld
import Primitives

/// One connection of a probe: where to, and what is said there.
struct ProbeStage {
    enum Talk {
        /// That it can be made is all.
        case nothing
        case conversation(any Conversation, TLS)
        case datagrams(any DatagramExchange)

        var socketKind: ClientSocket.Kind {
            switch self {
            case .nothing, .conversation: .stream
            case .datagrams(let exchange): exchange.isEcho ? .echo : .datagram
            }
        }
    }

    /// What is asked of TLS, where the conversation is in it.
    struct TLS: Hashable, Sendable {
        /// Before anything is said; otherwise only when the conversation asks for it.
        var isFromTheStart = false
        /// The name in the handshake (SNI), and the one that the certificate must be of.
        var name: String?
        var sendsName = false
        var verification = HTTPProbe.Verification()
        var material: TLSMaterial?
        /// ALPN.
        var protocols: [String] = []
    }

    var connection: HealthCheck.Connection
    var talk: Talk

    var timeout: Duration { connection.timeout }
    var route: ClientSocket.Route {
        ClientSocket.Route(
            connection.address, port: connection.port, source: connection.source, sourcePort: connection.sourcePort,
            interface: connection.interface, mark: connection.mark)
    }
}
