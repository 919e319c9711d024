// swift-tools-version: 6.2
import PackageDescription

// The fuzzers: libFuzzer over Aloft's readers. A package of its own, without dependencies, so that the pure rooms can be
// built with the sanitizer and nothing else has to be. The rooms are links to ../Sources. scripts/fuzz builds and runs it.

/// libFuzzer's counters in all code; AddressSanitizer on top where `ALOFT_FUZZ_ADDRESS=1`.
let sanitizer = Context.environment["ALOFT_FUZZ_ADDRESS"] == "1" ? "fuzzer,address" : "fuzzer"

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

/// Without libFuzzer, for what needs no counters: Sources/aloft-mutate.
let isPlain = Context.environment["ALOFT_FUZZ_PLAIN"] == "1"

let instrumented: [SwiftSetting] = strict + (isPlain ? [] : [.unsafeFlags(["-sanitize=\(sanitizer)"])])

/// Comparisons are reported through Sources/aloft-fuzz/entry.c.
let wraps = ["cmp1", "cmp2", "cmp4", "cmp8", "const_cmp1", "const_cmp2", "const_cmp4", "const_cmp8", "switch"].flatMap {
    ["-Xlinker", "--wrap=__sanitizer_cov_trace_\($0)"]
}

let package = Package(
    name: "aloft-fuzz",
    targets: [
        room("Primitives", [], instrumented),
        room("Netlink", ["Primitives"], instrumented),
        room("VRRP", ["Primitives"], instrumented),
        room("ConfigLanguage", ["Primitives"], instrumented),
        room("Configuration", ["ConfigLanguage", "Primitives"], instrumented),
        room("Supervision", ["Primitives"], instrumented),
        room("Health", ["Configuration", "Primitives"], instrumented),
        room("Balancing", ["Health", "Configuration", "Netlink", "Primitives"], instrumented),
        room("Alerts", ["Primitives"], instrumented),
        room("Arbitration", ["Primitives"], instrumented),
        // What is checked about an input. The root package has it as well: its tests replay what was found.
        room(
            "FuzzTargets",
            [
                "Netlink", "VRRP", "Configuration", "ConfigLanguage", "Supervision", "Health", "Balancing", "Alerts",
                "Arbitration", "Primitives",
            ], strict),
    ] + (isPlain ? mutation : coverage)
)

/// Spoils good configurations at full speed.
var mutation: [Target] {
    [.executableTarget(name: "aloft-mutate", dependencies: ["FuzzTargets", "Primitives"], swiftSettings: strict)]
}

var coverage: [Target] {
    [
        // The functions that libFuzzer calls.
        room("FuzzEntry", ["FuzzTargets", "Primitives"], strict),
        // C, because a Swift executable brings a main of its own, and so does libFuzzer.
        .executableTarget(
            name: "aloft-fuzz", dependencies: ["FuzzEntry"],
            linkerSettings: [.unsafeFlags(["-sanitize=\(sanitizer)"] + wraps)]),
    ]
}

func room(_ name: String, _ dependencies: [Target.Dependency], _ settings: [SwiftSetting]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}
