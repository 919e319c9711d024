import Arbitration
import Primitives
import Testing

@Suite struct LeaseTermsTests {
    @Test("Terms that cannot be kept are refused, each with its reason") func refused() {
        func refusal(_ duration: Duration, drift: UInt16 = 100, roundTrip: Duration = .zero) -> LeaseTerms.Refusal? {
            do {
                _ = try LeaseTerms(duration: duration, drift: drift, roundTrip: roundTrip)
                return nil
            } catch { return error }
        }
        #expect(refusal(.zero) == .notPositive)
        #expect(refusal(.seconds(-1)) == .notPositive)
        #expect(refusal(.seconds(3601)) == .tooLong)
        #expect(refusal(.seconds(1), drift: 0) == .driftOutOfRange)
        #expect(refusal(.seconds(1), drift: 301) == .driftOutOfRange)
        #expect(refusal(.seconds(1), roundTrip: .milliseconds(334)) == .shorterThanThreeRoundTrips)
        #expect(refusal(.seconds(1), roundTrip: .milliseconds(333)) == nil)
    }

    @Test("A holder counts L(1−Φ) and a taker L(1+Φ), by the larger of both, rounded to the safe side") func times()
        throws
    {
        let terms = try LeaseTerms(duration: .seconds(1))
        #expect(terms.holdingTime == .milliseconds(900) && terms.waitingTime == .milliseconds(1100))
        let odd = try LeaseTerms(duration: .nanoseconds(7))
        #expect(odd.holdingTime == .nanoseconds(6) && odd.waitingTime == .nanoseconds(8))
        let wide = terms.widened(by: try LeaseTerms(duration: .milliseconds(500), drift: 200))
        #expect(wide.duration == .seconds(1) && wide.drift == 200)
        #expect(wide.waitingTime == .milliseconds(1200))
    }
}

@Suite struct LeaseRecordTests {
    static func record(_ name: String?) throws -> LeaseRecord {
        LeaseRecord(
            holder: name.flatMap(HolderName.init), incarnation: Incarnation(.max), request: 7, epoch: Epoch(3),
            terms: try LeaseTerms(duration: .milliseconds(1500), drift: 120), version: 1 << 40)
    }

    @Test("A record reads back as it was written", arguments: ["a", "lb1.example.net", nil])
    func roundTrip(_ name: String?) throws {
        let record = try Self.record(name)
        #expect(record.isFree == (name == nil))
        #expect(try LeaseRecord(decoding: record.encoded) == record)
    }

    @Test("Bytes that are no record are refused, whatever they are") func refused() throws {
        let bytes = try Self.record("lb1").encoded
        func refusal(_ bytes: [UInt8]) -> LeaseRecord.Unreadable? {
            do {
                _ = try LeaseRecord(decoding: bytes)
                return nil
            } catch { return error }
        }
        func changed(_ offset: Int, _ value: UInt8) -> [UInt8] {
            var copy = bytes
            copy[offset] = value
            return copy
        }
        #expect(refusal([]) == .notARecord)
        #expect(refusal(changed(0, 0)) == .notARecord)
        #expect(refusal(changed(4, 3)) == .format(3))
        #expect(refusal(changed(4, 2)) == .length)
        #expect(refusal(changed(5, 4)) == .length)
        #expect(refusal(bytes + [0]) == .length)
        #expect(refusal(changed(7, 0)) == .terms(.driftOutOfRange))
        #expect(refusal(changed(8, 0xff)) == .terms(.tooLong))
        #expect(refusal(changed(48, 0x20)) == .holder)
        #expect(refusal(changed(48, 0xc3)) == .holder)
        for length in 0..<bytes.count { #expect(refusal(Array(bytes.prefix(length))) != nil) }
    }

    @Test("What is read is what is written again, for any bytes that are read") func mutations() throws {
        var random = SplitMix64(seed: 5)
        let bytes = try Self.record("lb1").encoded
        var read = 0
        for _ in 0..<2000 {
            var copy = bytes
            for _ in 0...Int.random(in: 0..<2, using: &random) {
                copy[Int.random(in: 0..<copy.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let record = try? LeaseRecord(decoding: copy) {
                read += 1
                #expect(record.encoded == copy)
            }
        }
        #expect(read > 100)
    }

    @Test("An epoch ends before it could begin again") func epochs() {
        #expect(Epoch.none.next == Epoch(1))
        #expect(Epoch(.max).next == nil)
        #expect(HolderName("") == nil && HolderName("a b") == nil && HolderName("ä") == nil)
        #expect(HolderName(String(repeating: "x", count: 65)) == nil)
    }
}
