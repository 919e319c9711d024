import Configuration
import Primitives
import Testing
import VRRP

@Suite struct PriorityTests {
    @Test(
        "The check of a cluster reckons priorities as the router does", arguments: [1, 100, 150, 254, 255] as [UInt8])
    func agreement(_ base: UInt8) throws {
        let id = try #require(VirtualRouterID(1))
        for delta in -600...600 {
            var settings = Settings(
                id: id, format: PacketFormat(version: .v2, family: .ipv4, isUnicast: false, interval: Centiseconds(100))
            )
            settings.priority = Priority(base)
            var router = VirtualRouter(settings)
            var effects: [RouterEffect] = []
            router.update(.init(priorityDelta: delta), at: .zero, into: &effects)
            #expect(router.priority.rawValue == PriorityRange.effective(base, delta))
        }
    }
}
