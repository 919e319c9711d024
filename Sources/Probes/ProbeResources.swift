import Configuration
import LinuxWorld

/// What the probes of one worker share.
final class ProbeResources {
    var contexts: TLSContexts
    var expressions = RegularExpressions()

    init(_ material: TLSMaterial?) { contexts = TLSContexts(material) }

    private var secondsOfNow: Int { Int(BootClock.wallClockNanoseconds() / 1_000_000_000) }

    func text(_ error: any Error, _ name: String?, _ tls: TLSClient?) -> String {
        TLSFailure.text(error, name: name, certificate: tls?.peerCertificate, now: secondsOfNow)
    }

    func shortLife(_ tls: TLSClient, _ minimumDays: UInt32) -> String? {
        TLSFailure.shortLife(tls.peerCertificate, minimumDays: minimumDays, now: secondsOfNow)
    }
}
