import Primitives
import Testing

@Suite struct HMACTests {
    private func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("SHA-256 of nothing, and of 112 letters (FIPS 180-4's examples)") func sha256() {
        #expect(
            hexadecimal(SHA256.hash([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        let letters =
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"
        #expect(
            hexadecimal(SHA256.hash(Array(letters.utf8)))
                == "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1")
    }

    @Test("HMAC-SHA-256 (RFC 4231, 4.4, 4.5 and 4.8)") func vectors() {
        #expect(
            hexadecimal(HMAC(key: [UInt8](repeating: 0xAA, count: 20)).code(of: [UInt8](repeating: 0xDD, count: 50)))
                == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe")
        #expect(
            hexadecimal(HMAC(key: Array(1...25)).code(of: [UInt8](repeating: 0xCD, count: 50)))
                == "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b")
        let long =
            "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed "
            + "before being used by the HMAC algorithm."
        #expect(
            hexadecimal(HMAC(key: [UInt8](repeating: 0xAA, count: 131)).code(of: Array(long.utf8)))
                == "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2")
    }

    @Test("A code is right only whole") func valid() {
        let key = HMAC(key: Array("key".utf8))
        let message = Array("message".utf8)
        let code = key.code(of: message)
        #expect(key.isValid(code, for: message))
        #expect(!key.isValid(code.dropLast(), for: message) && !key.isValid(code + [0], for: message))
        #expect(!key.isValid([], for: message))
        for index in code.indices {
            var wrong = code
            wrong[index] ^= 1
            #expect(!key.isValid(wrong, for: message))
        }
    }
}
