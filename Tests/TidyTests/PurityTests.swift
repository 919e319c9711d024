import Foundation
import Testing

/// A pure room sees no clock, no input or output, no randomness and no environment. The compiler flags in
/// Package.swift put tasks out of reach, imports are checked in `Layering`; what needs no import (`print`,
/// `Int.random`) shows only in the object files.
@Suite struct Purity {
    /// What the compiler itself calls in the C library.
    static let allowed: Set<String> = [
        "memcpy", "memmove", "memset", "memcmp", "malloc_usable_size", "malloc", "free", "bzero", "strlen",
        "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_", "__tls_get_addr", "fmod", "fmodf",
    ]

    /// Parts of the standard library's mangled names.
    static let forbidden: [(part: String, meaning: String)] = [
        ("$ss5print_", "print"), ("$ss10debugPrint", "debugPrint"), ("$ss4dump_", "dump"),
        ("$ss8readLine", "readLine"), ("SystemRandomNumberGenerator", "unseeded randomness"),
        ("$ss11CommandLineO", "CommandLine"), ("ContinuousClock", "a clock"), ("SuspendingClock", "a clock"),
        ("swift_task_", "a task"), ("swift_stdlib_random", "unseeded randomness"),
    ]

    @Test(
        "object files of pure rooms call nothing of the outside",
        arguments: House.rooms.filter { $0.kind == .pure }.map(\.name))
    func symbols(_ room: String) throws {
        let objects = try objectFiles(of: room)
        try #require(
            !objects.isEmpty,
            "no object files of \(room) beside the test; was it built with `swift build --build-tests`?")
        for (object, symbol) in try undefinedSymbols(in: objects) {
            if let found = Purity.forbidden.first(where: { symbol.contains($0.part) }) {
                Issue.record("\(room)/\(object) uses \(found.meaning) (\(symbol))")
            }
            let isSwift =
                symbol.hasPrefix("$") || symbol.hasPrefix("swift_") || symbol.hasPrefix("_swift_")
                || symbol.hasPrefix("__swift") || symbol.hasPrefix("_$s")
            #expect(isSwift || Purity.allowed.contains(symbol), "\(room)/\(object) calls \(symbol)")
        }
    }

    private func objectFiles(of room: String) throws -> [String] {
        // The test bundle lies in the build directory: …/debug/aloftPackageTests.xctest
        let build = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let directory = build.appending(path: room + ".build")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        // An object whose source is gone stays in the directory until the next clean build.
        let sources = Set(
            Repository.shared.sources.filter { $0.room == room }.map { ($0.path as NSString).lastPathComponent })
        return names.filter { $0.hasSuffix(".swift.o") && sources.contains(String($0.dropLast(2))) }.sorted()
            .map { directory.appending(path: $0).path }
    }

    private func undefinedSymbols(in objects: [String]) throws -> [(object: String, symbol: String)] {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["nm", "--undefined-only", "--print-file-name", "--no-demangle"] + objects
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "nm failed: install binutils")
        // "/…/Rules.swift.o:                 U swift_retain"
        return String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { line in
            guard let colon = line.firstIndex(of: ":"), let symbol = line.split(separator: " ").last else { return nil }
            return ((String(line[..<colon]) as NSString).lastPathComponent, String(symbol))
        }
    }
}
