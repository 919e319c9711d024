import Health
import Testing

@Suite struct MD5Tests {
    @Test(
        "RFC 1321 §A.5",
        arguments: [
            ("", "d41d8cd98f00b204e9800998ecf8427e"), ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a"
            ),
        ])
    func vectors(_ text: String, _ wanted: String) {
        for size in [1, 3, 64, 200] {
            var digest = MD5()
            let bytes = Array(text.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                digest.update(bytes[start..<min(start + size, bytes.count)])
            }
            let found = digest.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            #expect(found == wanted)
        }
    }
}
