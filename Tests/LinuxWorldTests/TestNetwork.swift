import CLinux
import LinuxWorld
import Netlink
import Primitives
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Tests that need namespaces, raw sockets or other users say so where they can't have them.
let isRoot = geteuid() == 0
let rootNeeded: Comment = "needs root: it creates network namespaces"

struct CommandFailed: Error, CustomStringConvertible {
    var description: String
}

/// Runs a program to its end, at most ten seconds, and returns what it wrote.
@discardableResult
func run(_ path: String, _ arguments: [String]) throws -> String {
    var output: [UInt8] = []
    let pipe = try FileDescriptor.pipe()
    let (reading, writing) = pipe.ends()
    let out = FileDescriptor(owning: reading)
    var request = SpawnRequest(path, arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
    request.descriptors = [(1, writing), (2, writing)]
    var child = try Spawner.spawn(request)
    _ = aloft_close(writing)
    let deadline = BootClock.now() + .seconds(10)
    reading: while BootClock.now() < deadline {
        guard aloft_poll_one(out.rawValue, 0, 100) > 0 else { continue }
        if try out.read(into: &output, limit: 65536) == .closed { break reading }
    }
    let status = try ended(&child, within: .seconds(5))
    let text = String(decoding: output, as: UTF8.self)
    guard status.isSuccess else { throw CommandFailed(description: "\(path) \(arguments): \(status) \(text)") }
    return text
}

/// Waits for a process with its pidfd.
func ended(_ child: inout ChildProcess, within time: Duration) throws -> Termination {
    let deadline = BootClock.now() + time
    while true {
        if let status = try child.reap() { return status }
        guard BootClock.now() < deadline else {
            try child.signalGroup(Signal.kill)
            throw CommandFailed(description: "process \(child.pid) did not end within \(time)")
        }
        _ = aloft_poll_one(child.descriptor.rawValue, 0, 100)
    }
}

@discardableResult
func ip(_ command: String) throws -> String { try run("/usr/sbin/ip", command.split(separator: " ").map(String.init)) }

/// Two namespaces joined by a veth pair: `left` 10.77.0.1 and `right` 10.77.0.2 on `eth0`, with link-local IPv6.
struct TestNetwork: ~Copyable {
    let left: String
    let right: String

    init(_ tag: String) throws {
        left = "lw\(getpid())\(tag)l"
        right = "lw\(getpid())\(tag)r"
        try ip("netns add \(left)")
        try ip("netns add \(right)")
        for namespace in [left, right] {
            // No duplicate address detection: the link-local address is usable at once.
            try run(
                "/usr/sbin/ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"])
            try ip("-n \(namespace) link set lo up")
        }
        try ip("-n \(left) link add eth0 type veth peer name eth0 netns \(right)")
        try ip("-n \(left) address add 10.77.0.1/24 dev eth0")
        try ip("-n \(right) address add 10.77.0.2/24 dev eth0")
        try ip("-n \(left) link set eth0 up")
        try ip("-n \(right) link set eth0 up")
        // What is sent before the carrier is there is lost, and a busy machine says so late.
        for namespace in [left, right] {
            try eventually(within: .seconds(10), "carrier of eth0") {
                try ip("-n \(namespace) -o link show dev eth0").contains("state UP")
            }
        }
    }

    deinit {
        for namespace in [left, right] { do { try ip("netns del \(namespace)") } catch {} }
    }

    /// The link-local IPv6 address of `eth0`.
    func linkLocal(_ namespace: String) throws -> IPAddress {
        let words = try ip("-n \(namespace) -6 -o address show dev eth0 scope link").split { " /\n".contains($0) }
        let index = try #require(words.firstIndex(of: "inet6"))
        return try #require(IPAddress(String(words[index + 1])))
    }
}

/// Calls `step` until it says true; fails after `time`.
func eventually(
    within time: Duration = .seconds(5), _ what: String, _ step: () throws -> Bool
) throws {
    let deadline = BootClock.now() + time
    while try !step() {
        guard BootClock.now() < deadline else { throw CommandFailed(description: "not within \(time): \(what)") }
        usleep(1000)
    }
}
