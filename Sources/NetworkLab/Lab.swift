import Glibc
import Primitives

/// A small network on the real kernel: a switch, and nodes on it, each a network namespace.
///
///     let lab = try Lab(agent: "/usr/local/bin/aloft")
///     defer { lab.close() }
///     let a = try lab.makeNode("a", addresses: ["10.0.0.1/24"])
///
/// `aloft demo` and the integration tests run in it. Names are unique, so labs do not disturb one another.
/// Whatever happens to the process that made it, SIGKILL included, a lab clears itself away: a janitor, a
/// shell that waits for the end of a pipe, kills what still runs in its namespaces and removes them.
public final class Lab {
    /// Namespaces are called `PREFIX-NODE`.
    public let prefix: String
    /// A private directory for configurations, logs and the daemons' state.
    public let directory: String
    public private(set) var nodes: [Node] = []

    let agent: String
    let switchNamespace: String
    private var janitor: Janitor?
    private var children: [Child] = []
    private var files = 0
    private var ports = 0
    private var bridges: [String] = []

    /// - Parameter agent: the `aloft` binary, whose hidden `lab-agent` command does what must run inside
    ///   a namespace: answer, probe, capture, watch.
    public init(agent: String) throws(LabError) {
        var template = Array("/tmp/aloft-lab.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .system("mkdtemp") }
        directory = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }  // mkdtemp ends it with 0
        chmod(directory, 0o755)
        prefix = "aloft-" + directory.split(separator: ".").last!  // the template has a dot
        self.agent = agent
        switchNamespace = prefix + "-switch"
        janitor = try Janitor(prefix: prefix, directory: directory)
        try makeNamespace(switchNamespace)
    }

    deinit { close() }

    /// Ends everything that runs in the lab and removes it. May be called more than once.
    public func close() {
        guard let janitor else { return }
        self.janitor = nil
        janitor.clear()
        for child in children { while child.isRunning { usleep(1000) } }
    }

    // MARK: Building it

    /// A node with one interface, `eth0`, on `bridge` of the switch.
    public func makeNode(_ name: String, addresses: [String], bridge: String = "br0") throws(LabError) -> Node {
        let node = Node(name: name, namespace: "\(prefix)-\(name)", lab: self)
        try makeNamespace(node.namespace)
        nodes.append(node)
        try connect(node, interface: "eth0", addresses: addresses, bridge: bridge)
        return node
    }

    /// Another interface for `node`.
    public func connect(
        _ node: Node, interface: String, addresses: [String], bridge: String = "br0"
    ) throws(LabError) {
        if !bridges.contains(bridge) {
            // Promiscuous, so that a capture on the bridge sees unicast frames between two ports as well.
            try ip(
                in: switchNamespace,
                [
                    "link add \(bridge) type bridge mcast_snooping 0 forward_delay 0", "link set \(bridge) up",
                    "link set \(bridge) promisc on",
                ])
            bridges.append(bridge)
        }
        ports += 1
        let port = Port(name: "port\(ports)", bridge: bridge)
        try ip(
            in: switchNamespace,
            [
                "link add \(port.name) type veth peer name \(interface) netns \(node.namespace)",
                "link set \(port.name) master \(bridge)", "link set \(port.name) up",
            ])
        // A link-local address of the caller's choice replaces the one made from the MAC address.
        let own = addresses.contains { $0.hasPrefix("fe80:") } ? ["link set \(interface) addrgenmode none"] : []
        let assignments = addresses.map { "addr add \($0) dev \(interface)" + ($0.contains(":") ? " nodad" : "") }
        try ip(in: node.namespace, own + ["link set \(interface) up"] + assignments)
        node.ports[interface] = port
    }

    private func makeNamespace(_ name: String) throws(LabError) {
        _ = try run(["ip", "netns", "add", name])
        // No duplicate address detection for the nodes' own addresses (2 s each), and ARP answered only by the
        // interface that carries the address, as macvlan interfaces on a shared link need it.
        let settings = """
            for p in all default; do
                echo 0 >/proc/sys/net/ipv6/conf/$p/accept_dad
                echo 0 >/proc/sys/net/ipv4/conf/$p/rp_filter
            done
            echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
            echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
            ip link set lo up
            """
        _ = try run(["ip", "netns", "exec", name, "sh", "-c", settings])
    }

    // MARK: Looking at it

    /// The nodes on which `address` stands on an interface that is up and has carrier: FRR keeps the
    /// address on a macvlan and takes that one's carrier away.
    public func holders(of address: IPAddress) throws(LabError) -> [Node] {
        var holders: [Node] = []
        for node in nodes where try node.holds(address) { holders.append(node) }
        return holders
    }

    // MARK: Running things

    /// A file name in the lab's directory that nobody else uses.
    public func path(for name: String) -> String {
        files += 1
        return "\(directory)/\(files).\(name)"
    }

    /// A new directory in the lab's.
    public func makeDirectory(_ name: String) throws(LabError) -> String {
        let path = path(for: name)
        guard mkdir(path, 0o755) == 0 else { throw .system("mkdir \(path)") }
        return path
    }

    /// Starts `arguments` in `namespace`.
    func start(_ arguments: [String], in namespace: String, log: String) throws(LabError) -> Child {
        // `ip netns exec` replaces itself, so the child's pid is the program's.
        let child = try Child(["ip", "netns", "exec", namespace] + arguments, output: path(for: log))
        children.append(child)
        return child
    }

    func startAgent(_ arguments: [String], in namespace: String) throws(LabError) -> Child {
        let child = try start([agent, "lab-agent"] + arguments, in: namespace, log: arguments[0])
        // Its first line says that its sockets are open.
        try LabClock.wait(upTo: .seconds(10), for: "the lab's \(arguments[0]) to be ready") { () throws(LabError) in
            if !child.isRunning { throw LabError(.failed, "lab-agent \(arguments): \(child.output.text)") }
            return child.output.lines.first == "ready" ? true : nil
        }
        return child
    }

    /// Runs a command to its end and returns its output; throws when it fails.
    @discardableResult
    func run(_ arguments: [String]) throws(LabError) -> String {
        let child = try Child(arguments, output: path(for: "command"))
        defer { unlink(child.output.path) }
        let status = try child.wait(upTo: .seconds(20))
        let output = child.output.text
        guard status == 0 else {
            throw LabError(.failed, "\(arguments.joined(separator: " ")): status \(status): \(output)")
        }
        return output
    }

    /// Several `ip` commands at once inside `namespace`.
    func ip(in namespace: String, _ commands: [String]) throws(LabError) {
        let batch = path(for: "batch")
        try File.write(commands.joined(separator: "\n") + "\n", to: batch)
        defer { unlink(batch) }
        try run(["ip", "-n", namespace, "-batch", batch])
    }
}
