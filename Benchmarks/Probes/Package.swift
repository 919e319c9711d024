// swift-tools-version: 6.2
import PackageDescription

// What a check costs: README.md. A package of its own, as Fuzzing is: the rooms are links to ../../Sources.

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6)]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "probe-bench",
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
        .executableTarget(
            name: "probe-bench",
            dependencies: [
                "Probes", "Health", "LinuxWorld", "Configuration", "Primitives",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
    ]
)
