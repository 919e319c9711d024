// swift-tools-version: 6.2
import PackageDescription

// Aloft. Dependencies only go down; docs/architecture.md draws the house, Tests/TidyTests keeps it.
//
// Pure rooms ("P") see no clock, no I/O, no tasks: the compiler flags below take the concurrency
// runtime out of reach, and TidyTests checks imports and symbols for the rest. `aloftd` carries the
// same flags, which also keeps libdispatch out of the daemon.

/// Planted bugs exist only in builds made for the simulator's own test (`ALOFT_CANARIES=1`).
let plantsBugs = Context.environment["ALOFT_CANARIES"] == "1"
let canaries: [SwiftSetting] = plantsBugs ? [.define("CANARIES")] : []
/// What the simulator needs nothing of, and what takes minutes to build: TLS.
let workers: [Target.Dependency] = plantsBugs ? [] : ["HealthWorker", "MailWorker", "ArbiterWorker"]

let strict: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .treatAllWarnings(as: .error),
    ] + canaries

let pure: [SwiftSetting] =
    strict + [
        // Each function in a section of its own, for the linker to put those together that run (scripts/order-functions).
        .unsafeFlags(["-Xfrontend", "-function-sections"], .when(configuration: .release)),
        .unsafeFlags([
            "-Xfrontend", "-disable-implicit-concurrency-module-import",
            "-Xfrontend", "-disable-implicit-string-processing-module-import",
        ]),
    ]

let package = Package(
    name: "aloft",
    products: [
        .executable(name: "aloftd", targets: ["aloftd"]),
        .executable(name: "aloft", targets: ["aloft"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        // P: vocabulary
        .target(name: "Primitives", swiftSettings: pure),
        // P: codecs and machines
        .target(name: "Netlink", dependencies: ["Primitives"], swiftSettings: pure),
        .target(name: "VRRP", dependencies: ["Primitives"], swiftSettings: pure),
        .target(name: "ConfigLanguage", dependencies: ["Primitives"], swiftSettings: pure),
        .target(name: "Configuration", dependencies: ["ConfigLanguage", "Primitives"], swiftSettings: pure),
        .target(
            name: "RouterEngine", dependencies: ["Greeting", "Arbitration", "Configuration", "VRRP", "Primitives"],
            swiftSettings: pure),
        .target(
            name: "SimulatedWorld",
            dependencies: [
                "RouterEngine", "Arbitration", "Balancing", "Health", "Configuration", "VRRP", "Primitives",
            ],
            swiftSettings: pure),
        .target(name: "Supervision", dependencies: ["Primitives"], swiftSettings: pure),
        .target(
            name: "Balancing", dependencies: ["Health", "Configuration", "Netlink", "Primitives"], swiftSettings: pure),
        .target(name: "Health", dependencies: ["Configuration", "Primitives"], swiftSettings: pure),
        .target(name: "Alerts", dependencies: ["Primitives"], swiftSettings: pure),
        .target(name: "Arbitration", dependencies: ["Primitives"], swiftSettings: pure),
        .target(name: "EtcdGateway", dependencies: ["Arbitration", "Health", "Primitives"], swiftSettings: pure),
        .target(name: "Greeting", dependencies: ["Arbitration", "VRRP", "Primitives"], swiftSettings: pure),
        // K: the kernel
        // What the kernel runs is not compiled with the rest (scripts/fence-bytes).
        .target(name: "CLinux", exclude: ["bpf"]),
        .target(
            name: "LinuxWorld", dependencies: ["CLinux", "Netlink", "ConfigLanguage", "VRRP", "Primitives"],
            swiftSettings: pure),
        .target(name: "CCorosync"),
        .target(
            name: "Corosync", dependencies: ["Arbitration", "CCorosync", "CLinux", "LinuxWorld", "Primitives"],
            swiftSettings: pure),
        .target(
            name: "DataPlanes", dependencies: ["LinuxWorld", "Balancing", "Netlink", "Configuration", "Primitives"],
            swiftSettings: pure),
        .target(
            name: "Workers",
            dependencies: [
                "LinuxWorld", "RouterEngine", "Supervision", "Alerts", "Greeting", "Arbitration", "Configuration",
                "ConfigLanguage",
                "Primitives",
            ],
            swiftSettings: pure),
        .target(
            name: "Witness", dependencies: ["LinuxWorld", "Arbitration", "Primitives"], swiftSettings: pure),
        .target(name: "NetworkLab", dependencies: ["Primitives"], swiftSettings: pure),
        // S: shells
        .target(
            name: "Probes",
            dependencies: [
                "Health", "LinuxWorld", "Configuration", "Primitives",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .target(
            name: "ArbiterWorker",
            dependencies: [
                "Workers", "Witness", "Etcd", "EtcdGateway", "Corosync", "LinuxWorld", "Supervision", "Arbitration",
                "Configuration",
                "Primitives",
            ], swiftSettings: strict),
        .target(
            name: "Etcd",
            dependencies: [
                "EtcdGateway", "Arbitration", "Probes", "LinuxWorld", "Primitives",
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], swiftSettings: strict),
        .target(
            name: "HealthWorker",
            dependencies: [
                "Workers", "Probes", "DataPlanes", "Balancing", "Health", "Alerts", "LinuxWorld", "Netlink",
                "Supervision", "Configuration", "Primitives",
            ], swiftSettings: strict),
        .target(
            name: "MailWorker", dependencies: ["Workers", "Alerts", "LinuxWorld", "Supervision", "Primitives"],
            swiftSettings: strict),
        .executableTarget(
            name: "aloftd",
            dependencies: [
                "Workers", "LinuxWorld", "Netlink", "RouterEngine", "Supervision", "Alerts", "Arbitration",
                "Configuration",
                "ConfigLanguage", "VRRP", "Primitives",
            ],
            swiftSettings: pure,
            // No NSS, no dynamic loader: 1 ms to start and half the memory of a PIE (docs/dependencies.md).
            // Functions that run lie together, so that their pages are few (scripts/order-functions).
            linkerSettings: [
                .unsafeFlags(
                    [
                        "-static-executable", "-Xlinker",
                        "--section-ordering-file=\(Context.packageDirectory)/Packaging/aloftd.functions",
                    ], .when(configuration: .release))
            ]),
        .executableTarget(
            name: "aloft",
            dependencies: [
                "SimulatedWorld", "LinuxWorld", "Netlink", "NetworkLab", "RouterEngine", "Supervision", "Balancing",
                "Witness", "Arbitration", "Configuration", "ConfigLanguage", "Primitives",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ] + workers,
            swiftSettings: strict),
        // What measures the lease fence, and the daemon that tests kill.
        .executableTarget(
            name: "fence-lab", dependencies: ["LinuxWorld", "Primitives"], path: "Benchmarks/Fence",
            exclude: ["README.md"], swiftSettings: strict),
    ] + [
        // Each room has its tests; what crosses rooms stands below.
        test("Primitives"),
        test("Netlink", ["Primitives"]),
        test("VRRP", ["Primitives"]),
        test("ConfigLanguage", ["Primitives"]),
        test("Configuration", ["NetworkLab", "ConfigLanguage", "Primitives"]),
        test("RouterEngine", ["Greeting", "Arbitration", "VRRP", "Configuration", "ConfigLanguage", "Primitives"]),
        test("Supervision", ["Primitives"]),
        test("SimulatedWorld", ["RouterEngine", "VRRP", "Configuration", "Primitives"]),
        test("Balancing", ["Health", "Configuration", "ConfigLanguage", "Netlink", "Primitives"]),
        test("Health", ["Configuration", "Primitives"]),
        .testTarget(
            name: "ProbesTests",
            dependencies: ["Probes", "Health", "LinuxWorld", "CLinux", "Configuration", "Primitives"],
            exclude: ["servers.py"], swiftSettings: strict),
        test("Alerts", ["Primitives"]),
        test("Arbitration", ["Primitives"]),
        test("Witness", ["Arbitration", "LinuxWorld", "Primitives"]),
        test("Etcd", ["EtcdGateway", "Arbitration", "LinuxWorld", "Primitives"]),
        test("Corosync", ["Arbitration", "CCorosync", "LinuxWorld", "Primitives"]),
        test("Greeting", ["Arbitration", "VRRP", "Primitives"]),
        test("MailWorker", ["Alerts", "LinuxWorld", "Primitives"]),
        test("Workers", ["RouterEngine", "Supervision", "Arbitration", "Configuration", "Primitives"]),
        test("LinuxWorld", ["CLinux", "Netlink", "ConfigLanguage", "VRRP", "Primitives"]),
        .testTarget(name: "TidyTests", swiftSettings: strict),
        // One node with one lease, which the tests of the arbiter Corosync start in namespaces.
        .executableTarget(
            name: "corosync-holder", dependencies: ["Corosync", "Arbitration", "LinuxWorld", "Primitives"],
            path: "Tests/CorosyncHolder", swiftSettings: strict),
        // What the fuzzers check, for the tests that replay what they found; the fuzzers are a package of their own.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Netlink", "VRRP", "Configuration", "ConfigLanguage", "Supervision", "Health", "Balancing", "Alerts",
                "EtcdGateway", "Arbitration", "Greeting", "Primitives",
            ],
            path: "Fuzzing/Sources/FuzzTargets", swiftSettings: strict),
        .testTarget(
            name: "FuzzTests", dependencies: ["FuzzTargets", "Configuration", "ConfigLanguage", "Primitives"],
            swiftSettings: strict),
        .testTarget(
            name: "Integration",
            dependencies: [
                "NetworkLab", "corosync-holder", "DataPlanes", "Balancing", "Witness", "Etcd", "EtcdGateway",
                "Arbitration",
                "Configuration", "LinuxWorld", "Netlink", "VRRP", "Primitives", "fence-lab",
            ],
            exclude: [
                "farm-client.py", "farm-server.py", "ipvs-examples.py", "ipvs-lab.py", "ipvs-pair.py", "ipvs_kit.py",
                "mail-server.py",
                "packet-too-big.py",
            ],
            swiftSettings: strict),
    ]
)

/// The tests of one room, in Tests/<Room>Tests.
func test(_ room: String, _ others: [Target.Dependency] = []) -> Target {
    .testTarget(name: room + "Tests", dependencies: [.byName(name: room)] + others, swiftSettings: strict)
}
