import Balancing
import Configuration
import DataPlanes
import Foundation
import LinuxWorld
import Primitives

/// Services with three servers each into the kernel at once, then one weight, a look from outside, and all out again; in a network
/// namespace of its own. By nftables, or with the argument `ipvs` by ip_vs, under user-mode Linux.
func measured<Value: ~Copyable>(_ what: String, _ body: () throws -> Value) rethrows -> Value {
    let start = BootClock.now()
    let value = try body()
    let nanoseconds = (BootClock.now() - start).nanoseconds
    print("  \(what): \(nanoseconds / 1000) µs")
    return value
}

func table(_ count: Int) -> ForwardingTable {
    ForwardingTable(
        (0..<UInt32(count)).map { number in
            var service = ForwardingService(
                .address(.v4(IPv4Address(bits: 0x0A01_0000 + number)), port: 80, .tcp),
                (0..<UInt32(3)).map {
                    Destination(.v4(IPv4Address(bits: 0xAC10_0000 + number * 4 + $0)), port: 80)
                })
            service.scheduler = .weightedRoundRobin
            return service
        })
}

func measure<Plane: DataPlane & ~Copyable>(_ make: () throws(SystemError) -> Plane) throws {
    for count in [100, 1000, 10_000] {
        print("\(count) services x 3")
        var plane = try make()
        var desired = table(count)
        let changes = ForwardingTable().changes(to: desired)
        let refused = try measured("apply all") { try plane.apply(changes) }
        precondition(refused.isEmpty, "\(refused.count) refused: \(refused[0].reason)")
        for weight in [UInt32(2), 3, 4, 1, 2] {
            let service = desired.services[count / 2]
            var destination = service.destinations[1]
            destination.weight = weight
            let change = TableChange.editDestination(service.key, destination)
            desired.apply([change])
            let refused = try measured("one weight") { try plane.apply([change]) }
            precondition(refused.isEmpty)
        }
        for _ in 0..<3 {
            let hasChanged = try measured("mayHaveChanged") { try plane.mayHaveChanged() }
            precondition(!hasChanged)
        }
        var successor = try make()
        let read = try measured("read by a successor") { try successor.read() }
        precondition(read == desired)
        _ = try measured("statistics") { try plane.statistics() }
        let removals = desired.changes(to: ForwardingTable())
        _ = try measured("remove all") { try plane.apply(removals) }
        let isEmpty = try successor.read().services.isEmpty
        precondition(isEmpty)
    }
}

if CommandLine.arguments.dropFirst().first == "ipvs" {
    // ip_vs takes no servers where the interface lo is down, as it is in a new namespace: a kernel of its own is the better place.
    guard ProcessInfo.processInfo.environment["ALOFT_UML"] != nil else { fatalError("run it by scripts/uml") }
    try measure { () throws(SystemError) in try IPVSPlane() }
} else {
    try NetworkNamespace.unshare()
    try measure { () throws(SystemError) in try NFTablesPlane() }
}
