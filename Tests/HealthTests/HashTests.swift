import Primitives
import Testing

@testable import Health

@Suite struct HashTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
    private let million = [UInt8](repeating: 0x61, count: 1_000_000)

    @Test("MD5 (RFC 1321, A.5)") func md5() {
        #expect(MD5.hash([]).hexadecimal == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(MD5.hash(bytes("a")).hexadecimal == "0cc175b9c0f1b6a831c399e269772661")
        #expect(MD5.hash(bytes("message digest")).hexadecimal == "f96b697d7cb7938d525a2f31aaf161d0")
        let digits = String(repeating: "1234567890", count: 8)
        #expect(MD5.hash(bytes(digits)).hexadecimal == "57edf4a22be3c955ac49da2e2107b67a")
    }

    @Test("SHA-1 (RFC 3174, 7.3)") func sha1() {
        #expect(SHA1.hash(bytes("abc")).hexadecimal == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(
            SHA1.hash(bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hexadecimal
                == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        #expect(SHA1.hash(million).hexadecimal == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    }

    @Test("SHA-256 (RFC 6234, 8.5)") func sha256() {
        #expect(
            SHA256.hash(bytes("abc")).hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.hash(bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hexadecimal
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        #expect(SHA256.hash(million).hexadecimal == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    @Test("HMAC-SHA-256 (RFC 4231, 4)") func hmac() {
        #expect(
            HMAC(key: [UInt8](repeating: 0x0B, count: 20)).code(of: bytes("Hi There")).hexadecimal
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(
            HMAC(key: bytes("Jefe")).code(of: bytes("what do ya want for nothing?")).hexadecimal
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            HMAC(key: [UInt8](repeating: 0xAA, count: 131)).code(
                of: bytes("Test Using Larger Than Block-Size Key - Hash Key First")
            ).hexadecimal == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("PBKDF2 with HMAC-SHA-256 (RFC 7914, 11; RFC 7677, 3)") func stretched() {
        #expect(
            HMAC.stretched(bytes("passwd"), salt: bytes("salt"), iterations: 1).hexadecimal
                == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
        #expect(
            HMAC.stretched(bytes("password"), salt: bytes("salt"), iterations: 4096).hexadecimal
                == "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a")
    }

    @Test("A hash does not depend on how its bytes are cut") func pieces() {
        let text = (0..<200).map { UInt8($0) }
        for length in [0, 1, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 200] {
            let message = Array(text[..<length])
            for step in 1...70 {
                var md5 = MD5()
                var sha = SHA256()
                for start in stride(from: 0, to: length, by: step) {
                    md5.update(message[start..<min(start + step, length)])
                    sha.update(message[start..<min(start + step, length)])
                }
                #expect(md5.finish() == MD5.hash(message))
                #expect(sha.finish() == SHA256.hash(message))
            }
        }
    }

    @Test("Base64 (RFC 4648, 10)") func base64() {
        for (plain, text) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.encode(bytes(plain)) == bytes(text))
            #expect(Base64.decode(text.utf8) == bytes(plain))
        }
        for text in ["Z", "Zg=", "Zg==Zg==", "====", "Z===", "Zm9*", "Zg=a"] {
            #expect(Base64.decode(text.utf8) == nil)
        }
    }
}
