import Configuration
import Health
import Primitives
import Probes
import Testing

@Suite struct GRPCTests {
    /// What grpcio 1.85.3 answered; HealthTests hears more of it.
    private static let serving =
        "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f00010000"
        + "00040100000000000004080000000000000000050000080600000000005adf497eb7c0a3de00004e0104000000018840"
        + "0c636f6e74656e742d74797065106170706c69636174696f6e2f677270634014677270632d6163636570742d656e636f"
        + "64696e67176964656e746974792c206465666c6174652c20677a69700000070000000000010000000002080100001e01"
        + "0500000001400b677270632d7374617475730130000c677270632d6d65737361676500"

    @Test("SERVING over a socket, and over TLS where h2 was agreed on") func serving() throws {
        let plain = try TestServer("replay", Self.serving)
        var probe = GRPCProbe(loopback(plain.port))
        #expect(ask(.grpc(probe)) == .success)
        let scratch = try Scratch("grpc")
        try scratch.run(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
                -subj /CN=x -days 3
            """)
        let secure = try TestServer("replay", Self.serving + "," + scratch.path)
        probe.tls = true
        probe.connection.port = secure.port
        #expect(ask(.grpc(probe)) == .success)
        probe.tls = false
        probe.connection.timeout = .milliseconds(500)
        #expect(reason(ask(.grpc(probe))) != nil)
    }
}
