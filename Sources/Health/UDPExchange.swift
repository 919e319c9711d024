import Configuration
import Primitives

/// `UDP_CHECK`: a datagram goes, and no ICMP error comes back; or an answer does, where one is asked for.
public struct UDPExchange: DatagramExchange {
    private let probe: UDPProbe
    private let random: [UInt8]

    /// - Parameter seed: of the payload, where none is configured.
    public init(_ probe: UDPProbe, seed: UInt64) {
        self.probe = probe
        var generator = SplitMix64(seed: seed)
        random = (0..<32).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }

    public mutating func request() -> [UInt8] { probe.payload ?? random }

    public mutating func receive(_ datagram: [UInt8]) -> Verdict? {
        guard probe.requiresReply else { return .success }
        guard let count = UInt16(exactly: datagram.count), probe.replyLengths.contains(count) else {
            return .failure(
                "answers with \(datagram.count) bytes, wanted \(probe.replyLengths.lowerBound)-\(probe.replyLengths.upperBound)"
            )
        }
        guard let pattern = probe.reply else { return .success }
        guard datagram.count >= pattern.bytes.count else {
            return .failure("answers with fewer bytes than are asked for")
        }
        for (index, byte) in pattern.bytes.enumerated() where index < pattern.mask.count {
            if (datagram[index] ^ byte) & pattern.mask[index] != 0 {
                return .failure("answers with other bytes than are asked for")
            }
        }
        return .success
    }

    /// Nobody said that the port is closed.
    public func silence(_ limit: String) -> Verdict? {
        probe.requiresReply ? .failure("no answer within \(limit) s") : .success
    }
}
