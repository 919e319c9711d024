import Foundation
import NetworkLab
import Primitives
import Testing

/// The real daemons on the real kernel. One suite, one test at a time: they measure milliseconds.
@Suite(.serialized) enum OnTheKernel {}

extension Trait where Self == ConditionTrait {
    /// Network namespaces, real-time priorities and Debian's daemons need root. As root nothing is skipped.
    static var needsRoot: Self { .enabled(if: geteuid() == 0, "needs root, for network namespaces") }
}

/// The programs under test.
enum Programs {
    /// `ALOFT_BIN_DIR`, or where `scripts/build` puts the release binaries.
    static let directory: String =
        ProcessInfo.processInfo.environment["ALOFT_BIN_DIR"]
        ?? root.appending(path: ".build/release").path()

    /// The repository.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static var aloft: String { directory + "/aloft" }
    static var aloftd: String { directory + "/aloftd" }

    static func lab() throws -> Lab {
        try #require(
            FileManager.default.isExecutableFile(atPath: aloft), "\(aloft) is missing: scripts/build makes it")
        return try Lab(agent: aloft)
    }
}

/// Two nodes, left and right, and a client on one switch, all in 10.77.0.0/24 and fd00:77::/64.
struct Stage {
    let lab: Lab
    let left: Node
    let right: Node
    let client: Node

    static let serviceIPv4 = IPAddress("10.77.0.100")!
    static let serviceIPv6 = IPAddress("fd00:77::100")!

    init() throws {
        let lab = try Programs.lab()
        func node(_ name: String, _ number: Int) throws -> Node {
            try lab.makeNode(
                name, addresses: ["10.77.0.\(number)/24", "fe80::\(number)/64", "fd00:77::\(number)/64"])
        }
        self.lab = lab
        left = try node("left", 1)
        right = try node("right", 2)
        client = try node("client", 3)
        for server in [left, right] { try server.answerProbes(to: [Stage.serviceIPv4, Stage.serviceIPv6]) }
    }

    func holders(of address: IPAddress = Stage.serviceIPv4) throws -> [String] {
        try lab.holders(of: address).map(\.name)
    }

    /// Waits until `node` alone holds `address`.
    func waitForHolder(_ node: Node, of address: IPAddress = Stage.serviceIPv4, upTo limit: Duration) throws {
        let found = try LabClock.poll(upTo: limit) { () throws(LabError) in
            try lab.holders(of: address).map(\.name) == [node.name] ? true : nil
        }
        if found == nil {
            throw LabError(.late, "\(node.name) alone should hold \(address); holders: \(try holders(of: address))")
        }
    }
}
