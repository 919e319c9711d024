import Arbitration
import Primitives

/// What reaches a witness, a node from a witness, and a witness from its disk. The first byte of an input says which: a datagram, which gets a right
/// code (behind a wrong one nothing is read); a state file; a record.
enum WitnessTarget {
    private static let key = HMAC(key: Array("correct-horse-battery".utf8))

    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard let choice = input.first else { return 0 }
        let bytes = Array(input[1...])
        switch choice % 3 {
        case 0: return try checkDatagram(bytes)
        case 1: return try checkFile(bytes)
        default: return try checkRecord(bytes)
        }
    }

    private static func checkRecord(_ bytes: [UInt8]) throws(Violation) -> UInt64 {
        guard let record = try? LeaseRecord(decoding: bytes) else { return 1 }
        try require(record.encoded == bytes, "a record is not written as it was read")
        return Digest.hash(bytes)
    }

    private static func checkDatagram(_ input: [UInt8]) throws(Violation) -> UInt64 {
        _ = WitnessDatagram.cluster(of: input.span.bytes)
        try require((try? WitnessDatagram(decoding: input, key: HMAC(key: [1]))) == nil, "a code was right by chance")
        let bytes = input + key.code(of: input)
        guard let datagram = try? WitnessDatagram(decoding: bytes, key: key) else { return 2 }
        let again = datagram.encoded(with: key)
        guard let second = try? WitnessDatagram(decoding: again, key: key) else {
            // Shorter than it came it may be, and longer only by what its answer needs.
            try require(again.count > WitnessDatagram.largest, "what was read is not read again")
            return 3
        }
        try require(second == datagram, "\(second) is not \(datagram)")
        return try checkAnswers(datagram)
    }

    /// A witness that is asked it, and a node that is told it.
    private static func checkAnswers(_ datagram: WitnessDatagram) throws(Violation) -> UInt64 {
        let now = Instant(nanoseconds: 100_000_000_000)
        var witness = WitnessMachine(
            WitnessMachine.Settings(), life: datagram.life, state: nil, wallClock: 1_800_000_000_000_000_000, at: .zero)
        witness.place(of: datagram.cluster)
        var effects: [WitnessEffect] = []
        let peer = WitnessPeer(.v4(IPv4Address(192, 0, 2, 1)), port: 1)
        for _ in 0..<2 { witness.receive(datagram, from: peer, at: now, into: &effects) }
        let length = datagram.encoded(with: key).count
        for case .send(let answer, _) in effects {
            if case .news = answer.body { continue }
            try require(
                answer.encoded(with: key).count <= max(length, WitnessDatagram.largest), "an answer is too long")
        }
        var session = WitnessSession(
            WitnessSession.Settings(cluster: datagram.cluster, patience: .seconds(1)), asker: datagram.nonce.asker)
        var sent: [WitnessDatagram] = []
        if let lease = LeaseName("a") {
            session.ask([LeaseQuestion(lease: lease, request: 1, kind: .read)], at: now, into: &sent)
        }
        session.receive(datagram, at: now, into: &sent)
        try require(session.takeReports().count <= 255, "more reports than entries")
        return Digest.hash(datagram.encoded(with: key))
    }

    private static func checkFile(_ bytes: [UInt8]) throws(Violation) -> UInt64 {
        let reading = WitnessLog.read(bytes)
        try require((reading.state == nil) == (reading.damage != nil), "neither believed nor damaged")
        guard let state = reading.state else { return 4 }
        try require(reading.length + reading.torn == bytes.count, "bytes are neither read nor dropped")
        try require(WitnessLog.read(WitnessLog.file(of: state)).state == state, "a file is not read as it was written")
        let witness = WitnessMachine(
            WitnessMachine.Settings(), life: WitnessLife(high: 1, low: 1), state: state, wallClock: 0, at: .zero)
        let again = witness.state(at: .zero)
        try require(WitnessLog.read(WitnessLog.file(of: again)).state == again, "a successor's file is not read")
        return Digest.hash(Array(bytes.prefix(reading.length)))
    }
}
