// swift-tools-version: 6.2
import PackageDescription

// How many writes a second a witness carries, and in how much memory. A package of its own, so that a release build takes a minute:
//
//     swift build --package-path Benchmarks/Witness -c release --static-swift-stdlib
//     B=Benchmarks/Witness/.build/release/witness-bench
//     $B keys 1000 correct-horse-battery > /tmp/keys; chmod 600 /tmp/keys
//     $B serve 127.0.0.1 /tmp/state /tmp/keys &
//     $B load 127.0.0.1 correct-horse-battery 1000 10000 0 10
//
// `load ADDRESS SECRET CLUSTERS RATE TAKINGS SECONDS`: RATE writes a second over all clusters (0: as fast as they are answered), of which
// TAKINGS in a hundred need the disk. It prints the answers' times, and what the processor time and the memory of `serve` were.

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "witness-bench",
    targets: [
        .target(name: "CLinux"),
        room("Primitives", []),
        room("Netlink", ["Primitives"]),
        room("VRRP", ["Primitives"]),
        room("ConfigLanguage", ["Primitives"]),
        room("LinuxWorld", ["CLinux", "Netlink", "ConfigLanguage", "VRRP", "Primitives"]),
        room("Arbitration", ["Primitives"]),
        room("Witness", ["LinuxWorld", "Arbitration", "Primitives"]),
        .executableTarget(
            name: "witness-bench", dependencies: ["Witness", "LinuxWorld", "Arbitration", "Primitives"],
            swiftSettings: strict),
    ])
