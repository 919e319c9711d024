// swift-tools-version: 6.2
import PackageDescription

// What leases at an etcd cost: README.md. A package of its own, as Fuzzing is: the rooms are links to ../../Sources.

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "etcd-bench",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        .target(name: "CLinux"),
        room("Primitives", []),
        room("ConfigLanguage", ["Primitives"]),
        room("Configuration", ["ConfigLanguage", "Primitives"]),
        room("Health", ["Configuration", "Primitives"]),
        room("Netlink", ["Primitives"]),
        room("VRRP", ["Primitives"]),
        room("Arbitration", ["Primitives"]),
        room("EtcdGateway", ["Arbitration", "Health", "Primitives"]),
        room("LinuxWorld", ["CLinux", "Netlink", "ConfigLanguage", "VRRP", "Primitives"]),
        room(
            "Probes",
            [
                "Health", "LinuxWorld", "Configuration", "Primitives",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        room(
            "Etcd",
            [
                "EtcdGateway", "Arbitration", "Probes", "LinuxWorld", "Primitives",
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .executableTarget(
            name: "etcd-bench",
            dependencies: ["Etcd", "EtcdGateway", "Arbitration", "LinuxWorld", "Primitives"],
            swiftSettings: settings),
    ]
)
