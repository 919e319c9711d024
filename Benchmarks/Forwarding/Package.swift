// swift-tools-version: 6.2
import PackageDescription

// Measures data planes: how long a table takes into the kernel. A package of its own, because it is built for release and needs few rooms, which are
// links to ../../Sources. From the top, as root:
// swift run -c release --package-path Benchmarks/Forwarding --scratch-path .build/forwarding forwarding-bench
// scripts/uml .build/forwarding/release/forwarding-bench ipvs

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
    name: "aloft-forwarding-bench",
    targets: [
        room("Primitives", []),
        room("Netlink", ["Primitives"]),
        room("VRRP", ["Primitives"]),
        room("ConfigLanguage", ["Primitives"]),
        room("Configuration", ["ConfigLanguage", "Primitives"]),
        room("Health", ["Configuration", "Primitives"]),
        room("Balancing", ["Health", "Configuration", "Netlink", "Primitives"]),
        .target(name: "CLinux"),
        room("LinuxWorld", ["CLinux", "Netlink", "ConfigLanguage", "VRRP", "Primitives"]),
        room("DataPlanes", ["LinuxWorld", "Balancing", "Netlink", "Configuration", "Primitives"]),
        .executableTarget(
            name: "forwarding-bench",
            dependencies: ["DataPlanes", "LinuxWorld", "Balancing", "Configuration", "Primitives"],
            swiftSettings: strict),
    ]
)
