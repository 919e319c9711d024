import Arbitration
import Greeting
import Primitives
import VRRP

/// `Hello` from the wire. An input's first byte says whether it is sealed for it, and how; the rest is the datagram.
enum HelloTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard let choice = input.first else { return 0 }
        var bytes = Array(input.dropFirst())
        let seal = choice & 1 == 0 ? nil : HelloSeal(key: Secret([choice]))
        // A seal is right by chance never: behind it there is more to read.
        if choice & 2 != 0, let seal, let open = open(bytes) { bytes = open.encoded(seal: seal) }
        let hello: Hello
        switch decode(bytes, seal) {
        case .failure(let rejection): return UInt64(rejection.rawValue)
        case .success(let found): hello = found
        }
        let again = hello.encoded(seal: seal)
        try require(again.count <= Hello.longest, "\(again.count) bytes")
        var expected = hello
        expected.echoes = Array(hello.echoes.prefix(hello.roomForEchoes))
        try require(decode(again, seal) == .success(expected), "\(hello) is not what its own bytes say")
        for text in [
            hello.facts.name.description, hello.facts.program.description, hello.facts.obstacle?.description ?? "",
        ] {
            try require(
                text.utf8.count <= 64 && text.utf8.allSatisfy { (0x20...0x7e).contains($0) },
                "words that are none: \(text)")
        }
        return Digest.hash(again)
    }

    private static func open(_ bytes: [UInt8]) -> Hello? {
        if case .success(let hello) = decode(bytes, nil) { hello } else { nil }
    }

    private static func decode(_ bytes: [UInt8], _ seal: HelloSeal?) -> Result<Hello, HelloRejection> {
        do throws(HelloRejection) {
            return .success(try Hello(decoding: bytes, seal: seal))
        } catch { return .failure(error) }
    }
}
