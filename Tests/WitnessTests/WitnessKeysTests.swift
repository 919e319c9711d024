import Arbitration
import LinuxWorld
import Primitives
import Testing

@testable import Witness

@Suite struct WitnessKeysTests {
    private func refusal(_ text: String) -> String? {
        do throws(WitnessKeys.Refusal) {
            _ = try WitnessKeys(text: Array(text.utf8), name: "keys")
            return nil
        } catch { return "\(error)" }
    }

    @Test("A key file has a cluster and a secret in each line") func good() throws {
        let text = "# ours\nweb  correct-horse-battery\n\n\tmail hex:00112233445566778899aabbccddeeff # \r\n"
        #expect(refusal(text)?.hasPrefix("keys:4: a line has two words") == true)
        let keys = try WitnessKeys(text: Array(text.replacing(" # ", with: "").utf8), name: "keys")
        #expect(keys.all.map(\.cluster.description) == ["web", "mail"])
        #expect(keys[try #require(ClusterName("web"))] == Secret(Array("correct-horse-battery".utf8)))
        #expect(keys[try #require(ClusterName("mail"))]?.revealed.prefix(3) == [0, 0x11, 0x22])
        #expect("\(keys.all)".contains("correct") == false)
    }

    @Test("A mistake in it is located, and says what to write") func bad() {
        #expect(refusal("web short")?.contains("keys:1: the secret is too short") == true)
        #expect(refusal("web hex:0011")?.contains("too short") == true)
        #expect(refusal("web hex:zz112233445566778899aabbccddeeff")?.contains("too short") == true)
        #expect(refusal("w\u{e4}b correct-horse-battery")?.contains("keys:1: a cluster's name") == true)
        #expect(refusal("\n\nweb correct-horse-battery\nweb correct-horse-battery")?.contains("keys:4:") == true)
    }

    @Test("A key file that everybody can read is refused, with the command") func mode() throws {
        let path = "/tmp/aloft-keys-\(ThisProcess.pid)"
        defer { try? Files.remove(path) }
        try Files.writeAtomically(path, Array("web correct-horse-battery\n".utf8), mode: 0o644)
        do throws(WitnessKeys.Refusal) {
            _ = try WitnessKeys(reading: path)
            Issue.record("it was taken")
        } catch { #expect("\(error)".contains("chmod 600 \(path)")) }
        try Files.writeAtomically(path, Array("web correct-horse-battery\n".utf8), mode: 0o600)
        #expect(try WitnessKeys(reading: path).all.count == 1)
    }
}
