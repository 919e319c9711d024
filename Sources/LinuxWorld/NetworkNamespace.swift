import CLinux

/// Other network stacks on this machine (network_namespaces(7)): for tests, the lab, and `net_namespace`.
///
/// A namespace belongs to a *thread*: sockets opened and processes started by it from then on are inside.
public struct NetworkNamespace: ~Copyable {
    let descriptor: FileDescriptor
    public let name: String

    /// One that `ip netns add` has named.
    public init(named name: String) throws(SystemError) {
        try self.init(path: "/run/netns/" + name, name: name)
    }

    /// The one of this thread.
    public static func current() throws(SystemError) -> NetworkNamespace {
        try NetworkNamespace(path: "/proc/thread-self/ns/net", name: "current")
    }

    init(path: String, name: String) throws(SystemError) {
        descriptor = FileDescriptor(owning: try check(aloft_open(path, 0, 0), .namespace, "open the namespace", path))
        self.name = name
    }

    /// Moves this thread into it, for good.
    public borrowing func enter() throws(SystemError) {
        _ = try check(aloft_enter_network(descriptor.rawValue), .namespace, "enter the namespace", name)
    }

    /// Runs `body` inside and moves the thread back. A thread that cannot go back must not go on: that ends the process.
    public borrowing func run<Result: ~Copyable>(
        _ body: () throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        let before = try Self.current()
        try enter()
        defer {
            let returned = aloft_enter_network(before.descriptor.rawValue)
            precondition(returned == 0, "cannot leave the namespace \(name): errno \(-returned)")
        }
        return try body()
    }

    /// A new one for this thread, which goes when the last thread and socket in it have gone.
    public static func unshare() throws(SystemError) {
        _ = try check(aloft_unshare_network(), .namespace, "create a network namespace")
    }
}
