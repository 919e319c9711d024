import Balancing
import Configuration
import Primitives
import Testing

@Suite struct ForwardingTableTests {
    static func address(_ last: Int) -> IPAddress { .v4(IPv4Address(10, 0, UInt8(last >> 8), UInt8(last & 255))) }

    /// Any table of a few services and destinations.
    static func draw(_ random: inout SplitMix64) -> ForwardingTable {
        var services: [ForwardingService] = []
        for number in 0..<Int.random(in: 0..<6, using: &random) {
            guard Bool.random(using: &random) else { continue }
            let key: ServiceKey =
                number == 5 ? .mark(7, .ipv4) : .address(address(number), port: UInt16(80 + number % 2), .tcp)
            var service = ForwardingService(key)
            service.scheduler = Bool.random(using: &random) ? .roundRobin : .sourceHash
            for last in 0..<4 where Bool.random(using: &random) {
                let destination = Destination(
                    address(100 + last), port: 80, weight: UInt32.random(in: 0...2, using: &random))
                service[destination.key] = destination
            }
            services.append(service)
        }
        return ForwardingTable(services.shuffled(using: &random))
    }

    @Test("The steps from one table to another end in the other, and there are none when nothing differs")
    func steps() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<2000 {
            let (old, new) = (Self.draw(&random), Self.draw(&random))
            let changes = old.changes(to: new)
            var table = old
            table.apply(changes)
            #expect(table == new)
            #expect(changes.isEmpty == (old == new))
        }
    }

    @Test("Nothing that stays the same is touched, and a service that keeps a server is never without one")
    func order() {
        var random = SplitMix64(seed: 2)
        for _ in 0..<2000 {
            let (old, new) = (Self.draw(&random), Self.draw(&random))
            var table = old
            for change in old.changes(to: new) {
                #expect(old[change.service] != new[change.service])
                table.apply(CollectionOfOne(change))
                if let before = old[change.service], let after = new[change.service], !before.destinations.isEmpty,
                    !after.destinations.isEmpty
                {
                    #expect(table[change.service]?.destinations.isEmpty == false)
                }
            }
        }
    }
}
