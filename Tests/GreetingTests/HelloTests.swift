import Arbitration
import Primitives
import Testing
import VRRP

@testable import Greeting

/// A hello for tests; b's first, unless said otherwise.
func makeHello(
    _ name: String = "b", incarnation: UInt64 = 0xB, sequence: UInt64 = 1, echoes: [Hello.Echo] = []
) throws -> Hello {
    Hello(
        router: try #require(VirtualRouterID(51)), family: .ipv4, incarnation: Incarnation(incarnation),
        sequence: sequence, facts: GreetingFacts(name: try #require(HolderName(name))), echoes: echoes)
}

/// One in which everything is said.
func makeFullHello() throws -> Hello {
    let longest = String(repeating: "n", count: 64)
    var hello = try makeHello(longest, incarnation: .max, sequence: .max)
    hello.family = .ipv6
    hello.facts.program = HelloText(String(repeating: "v", count: 64))
    hello.facts.obstacle = HelloText(String(repeating: "o", count: 64))
    hello.facts.holder = HolderName(longest)
    hello.facts.role = .master
    hello.masterFor = .milliseconds(4_294_967_294)
    hello.notMasterFor = .zero
    hello.facts.priority = .owner
    hello.facts.claims = true
    hello.facts.isDeparting = true
    hello.facts.preempts = false
    hello.facts.version = .v2
    hello.facts.interval = Centiseconds(25_500)
    hello.facts.addresses = 1
    hello.facts.authentication = GreetingFacts.Authentication(.hmac, digest: 2)
    hello.facts.lease = GreetingFacts.Lease(digest: 3, terms: try LeaseTerms(duration: .seconds(3), drift: 50))
    hello.facts.epoch = Epoch(4)
    hello.slot = .microseconds(5)
    hello.successor = Incarnation(6)
    hello.request = .milliseconds(7)
    hello.promise = Hello.Promise(to: Incarnation(8), sequence: 9, duration: .milliseconds(10))
    hello.echoes = (1...5).map {
        Hello.Echo(incarnation: Incarnation($0), sequence: $0 &* 3, age: .microseconds(Int64($0)))
    }
    return hello
}

@Suite struct HelloTests {
    static let seal = HelloSeal(key: Secret(Array("a key".utf8)))

    static func rejection(_ bytes: [UInt8], _ seal: HelloSeal? = nil) -> HelloRejection? {
        do throws(HelloRejection) {
            _ = try Hello(decoding: bytes, seal: seal)
            return nil
        } catch { return error }
    }

    @Test("What is said is what is heard, with a key and without") func roundTrip() throws {
        for hello in [try makeHello(), try makeFullHello()] {
            for seal in [nil, Self.seal] {
                let bytes = hello.encoded(seal: seal)
                #expect(bytes.count <= Hello.longest)
                #expect(try Hello(decoding: bytes, seal: seal) == hello)
            }
        }
    }

    @Test("A hello is never longer than 512 bytes: what does not fit is left out, the last first") func length() throws
    {
        var hello = try makeFullHello()
        #expect(hello.roomForEchoes == 5)
        hello.echoes += [Hello.Echo(incarnation: Incarnation(6), sequence: 1, age: .zero)]
        let bytes = hello.encoded(seal: Self.seal)
        #expect(bytes.count <= Hello.longest)
        #expect(try Hello(decoding: bytes, seal: Self.seal).echoes == Array(hello.echoes.prefix(5)))
        #expect(try makeHello().roomForEchoes == 16)
    }

    @Test("What is cut off, prolonged or changed anywhere is refused where there is a key") func sealed() throws {
        let bytes = try makeFullHello().encoded(seal: Self.seal)
        for length in 0..<bytes.count { #expect(Self.rejection(Array(bytes[..<length]), Self.seal) != nil) }
        #expect(Self.rejection(bytes + [0], Self.seal) != nil)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(Self.rejection(changed, Self.seal) != nil, "byte \(index)")
        }
        let other = HelloSeal(key: Secret(Array("another".utf8)))
        #expect(Self.rejection(bytes, other) == .seal)
        #expect(Self.rejection(bytes) == .seal)
        #expect(Self.rejection(try makeHello().encoded(seal: nil), Self.seal) == .seal)
    }

    static let malformed: [(what: String, offset: Int, byte: UInt8, HelloRejection)] = [
        ("another mark", 0, 0, .malformed), ("another format", 4, 2, .format),
        ("a fixed part too short", 6, 115, .malformed),
        ("a fixed part beyond the end", 6, 255, .malformed), ("router 0", 7, 0, .malformed),
        ("a family that is none", 8, 5, .malformed), ("VRRP of version 4", 9, 4, .malformed),
        ("no role", 10, 4, .malformed),
        ("no kind of authentication", 12, 3, .malformed), ("an echo that does not come", 13, 1, .malformed),
        ("incarnation 0", 23, 0, .malformed), ("a lease's digest without a lease", 55, 1, .malformed),
        ("a lease without terms", 5, 16, .malformed), ("a promise to nobody", 107, 1, .malformed),
        ("a promise of nothing", 95, 1, .malformed), ("no name", 112, 0, .malformed),
        ("a name too long", 112, 65, .malformed),
        ("a name with a space", 124, 0x20, .malformed), ("a name in another script", 124, 0xC3, .malformed),
        ("no program", 113, 0, .malformed), ("a program that rings", 125, 7, .malformed),
        ("an obstacle beyond the end", 114, 64, .malformed), ("a holder beyond the end", 115, 1, .malformed),
    ]

    @Test("Bytes that say what cannot be are refused", arguments: malformed)
    func refused(_ what: String, offset: Int, byte: UInt8, _ expected: HelloRejection) throws {
        var bytes = try makeHello().encoded(seal: nil)
        bytes[offset] = byte
        #expect(Self.rejection(bytes) == expected, "\(what)")
    }

    @Test("Without a key, too, nothing may be cut off or follow") func exact() throws {
        let bytes = try makeFullHello().encoded(seal: nil)
        for length in 0..<bytes.count { #expect(Self.rejection(Array(bytes[..<length])) == .malformed) }
        #expect(Self.rejection(bytes + [0]) == .malformed)
        #expect(Self.rejection([UInt8](repeating: 0x41, count: 2000)) == .malformed)
    }

    @Test("What a later version adds to the fixed part is passed over") func later() throws {
        var bytes = try makeHello().encoded(seal: nil)
        bytes[6] = 128
        bytes.insert(contentsOf: [1, 2, 3, 4], at: 124)
        #expect(try Hello(decoding: bytes, seal: nil) == makeHello())
    }

    @Test("A hello of the first version, without times as master, is read") func former() throws {
        var bytes = try makeHello().encoded(seal: nil)
        bytes[6] = 116
        bytes.removeSubrange(116..<124)
        #expect(try Hello(decoding: bytes, seal: nil) == makeHello())
    }

    @Test("Words are printable and short, whatever is given") func words() {
        #expect(HelloText("").description == "?")
        #expect(HelloText("a\u{1B}[31mé").description == "a?[31m??")
        #expect(HelloText(String(repeating: "é", count: 100)).description.utf8.count == 64)
    }

    @Test("Digests of a secret are equal for those who know the key, and say nothing to others") func digests() {
        let secret = Secret(Array("rosebud".utf8))
        let other = HelloSeal(key: Secret(Array("another".utf8)))
        #expect(Self.seal.digest(of: secret) == HelloSeal(key: Secret(Array("a key".utf8))).digest(of: secret))
        #expect(Self.seal.digest(of: secret) != other.digest(of: secret))
        #expect(Self.seal.digest(of: secret) != Self.seal.digest(of: Secret(Array("rosebuds".utf8))))
        #expect(GreetingFacts.Lease.digest(of: "a/b") != GreetingFacts.Lease.digest(of: "a/c"))
    }

    @Test("Every rejection has a rule of its own") func rules() {
        let rules: Set<RuleID> = [
            .helloMalformed, .helloFormat, .helloSeal, .helloHopLimit, .helloStranger, .helloOtherRouter, .helloOwn,
            .helloReplayed, .helloCrowded,
        ]
        #expect(Set(HelloRejection.allCases.map(\.rule)) == rules)
    }
}
