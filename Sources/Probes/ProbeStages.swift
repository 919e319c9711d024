import Configuration
import Health
import Primitives

extension ProbeStage {
    /// The connections of a probe, in their order; empty for what is not asked over the network. `number` is another for each run.
    static func stages(of probe: HealthCheck.Probe, tls material: TLSMaterial?, number: UInt64) -> [ProbeStage] {
        switch probe {
        case .tcp(let connection): [ProbeStage(connection: connection, talk: .nothing)]
        case .ping(let connection):
            [
                ProbeStage(
                    connection: connection,
                    talk: .datagrams(ICMPEcho(connection.address.family, sequence: UInt16(truncatingIfNeeded: number))))
            ]
        case .udp(let probe):
            [ProbeStage(connection: probe.connection, talk: .datagrams(UDPExchange(probe, seed: number)))]
        case .dns(let probe):
            [
                ProbeStage(
                    connection: probe.connection,
                    talk: .datagrams(DNSExchange(probe, id: UInt16(truncatingIfNeeded: number &* 0x9E37_79B9 >> 16))))
            ]
        case .smtp(let probe):
            probe.hosts.map { ProbeStage(connection: $0, talk: .conversation(SMTPConversation(probe), TLS())) }
        case .http(let probe): stages(of: probe, TLS())
        case .https(let probe):
            stages(
                of: probe,
                TLS(isFromTheStart: true, verification: probe.verification, material: material))
        case .redis, .mysql, .postgres, .grpc, .command, .file, .bfd: []
        }
    }

    private static func stages(of probe: HTTPProbe, _ tls: TLS) -> [ProbeStage] {
        probe.urls.map { url in
            var settings = tls
            settings.sendsName = probe.enableSNI || probe.sniName != nil
            settings.name = probe.sniName ?? url.virtualHost.map { String($0.prefix { $0 != ":" }) }
            var matcher: HTTPConversation.Matcher?
            if let regex = url.regex {
                let pattern = PatternMatcher(regex)
                matcher = { body in pattern.evaluate(body) }
            }
            let conversation = HTTPConversation(probe, url: url, matcher: matcher)
            return ProbeStage(connection: probe.connection, talk: .conversation(conversation, settings))
        }
    }
}
