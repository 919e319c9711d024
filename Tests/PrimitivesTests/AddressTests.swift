import Primitives
import Testing

@Suite("Addresses: text and order")
struct AddressTests {
    @Test(
        "Every way to write an address reads as RFC 4291 says and prints as RFC 5952 says",
        arguments: [
            ("10.0.0.1", "10.0.0.1"), ("255.255.255.255", "255.255.255.255"), ("::", "::"), ("::1", "::1"),
            ("fe80::1", "fe80::1"), ("FE80:0:0:0:0:0:0:1", "fe80::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:10.0.0.1", "::ffff:a00:1"),
            ("1::", "1::"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ])
    func readsAndPrints(text: String, expected: String) {
        #expect(IPAddress(text)?.description == expected)
    }

    @Test(
        "What is no address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", ".1.2.3.4", "1.2.3.4.", "01234.1.1.1", ":", ":::",
            "1::2::3", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "12345::", "g::", "1:", ":1", "fe80::1%eth0", "::1.2.3",
            "1:2:3:4:5:6:7:1.2.3.4", "1::2:", ":1::",
        ])
    func refuses(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("A prefix keeps its host bits, and is bounded by its family")
    func prefixes() {
        #expect(IPPrefix("10.0.0.9/24")?.description == "10.0.0.9/24")
        #expect(IPPrefix("10.0.0.9")?.description == "10.0.0.9/32")
        #expect(IPPrefix("fd00::1")?.length == 128)
        for bad in ["10.0.0.9/33", "10.0.0.9/", "10.0.0.9/-1", "fd00::1/129", "/24", "10.0.0.9/0024"] {
            #expect(IPPrefix(bad) == nil)
        }
    }

    @Test("Addresses order numerically within a family")
    func order() {
        let sorted = ["9.0.0.1", "10.0.0.1", "10.0.0.2", "fe80::1", "fe80::2", "ff02::12"].compactMap { IPAddress($0) }
        #expect(sorted.shuffled().sorted() == sorted)
    }
}

@Suite("Time saturates and prints")
struct InstantTests {
    @Test("No interval can overflow an instant")
    func saturates() {
        let late = Instant(nanoseconds: .max - 5)
        #expect(late + .seconds(1) == .distantFuture)
        #expect((Instant(nanoseconds: .min) - Duration.seconds(1)).nanoseconds == .min)
        #expect((Instant.distantFuture - Instant(nanoseconds: .min)).nanoseconds == .max)
        #expect(Duration.seconds(Int64.max).nanoseconds == .max)
    }

    @Test("Seconds print without noise")
    func prints() {
        #expect(Duration.milliseconds(3609).formattedSeconds() == "3.609")
        #expect(Duration.seconds(3).formattedSeconds() == "3")
        #expect(Duration.milliseconds(-50).formattedSeconds() == "-0.05")
        #expect(Instant(nanoseconds: 12_345_678_901).description == "12.345678")
    }
}
