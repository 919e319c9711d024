import Glibc
import Primitives

/// A host of the lab: a network namespace with interfaces on the switch.
public final class Node {
    public let name: String
    public let namespace: String
    private unowned let lab: Lab
    var ports: [String: Port] = [:]

    init(name: String, namespace: String, lab: Lab) {
        self.name = name
        self.namespace = namespace
        self.lab = lab
    }

    // MARK: Its cables

    /// Takes the port of `interface` out of the switch. The node's carrier stays up: this is what the
    /// others see of a dead machine, or of a switch that has lost its mind.
    public func unplug(_ interface: String = "eth0") throws(LabError) {
        guard let port = ports[interface] else { return }
        try lab.ip(in: lab.switchNamespace, ["link set \(port.name) nomaster"])
    }

    public func plug(_ interface: String = "eth0") throws(LabError) {
        guard let port = ports[interface] else { return }
        try lab.ip(in: lab.switchNamespace, ["link set \(port.name) master \(port.bridge)"])
    }

    /// Takes the far end down (or up): the node loses (or regains) its carrier.
    public func setCarrier(_ on: Bool, of interface: String = "eth0") throws(LabError) {
        guard let port = ports[interface] else { return }
        try lab.ip(in: lab.switchNamespace, ["link set \(port.name) \(on ? "up" : "down")"])
    }

    /// `ip` commands inside the node, such as `addr del 10.0.0.9/24 dev eth0`.
    public func ip(_ commands: String...) throws(LabError) { try lab.ip(in: namespace, commands) }

    // MARK: What runs on it

    /// Starts a program on the node.
    public func start(_ arguments: [String], log: String = "program") throws(LabError) -> Child {
        try lab.start(arguments, in: namespace, log: log)
    }

    /// Runs a command on the node to its end and returns its output.
    @discardableResult
    public func run(_ arguments: [String]) throws(LabError) -> String {
        try lab.run(["ip", "netns", "exec", namespace] + arguments)
    }

    /// Answers UDP probes to `addresses`, whenever one of them stands on this node, with the node's name.
    @discardableResult
    public func answerProbes(to addresses: [IPAddress]) throws(LabError) -> Child {
        try lab.startAgent(["echo", name] + addresses.map(\.description), in: namespace)
    }

    /// Probes `address` every `step` from this node until the probe is stopped.
    public func probe(_ address: IPAddress, every step: Duration) throws(LabError) -> Probe {
        let child = try lab.startAgent(["probe", "\(address)", "\(step.nanoseconds)"], in: namespace)
        return Probe(child: child, step: step)
    }

    /// Says the node's name to whoever connects to `port`, until it is stopped.
    @discardableResult
    public func serveConnections(port: UInt16) throws(LabError) -> Child {
        try lab.startAgent(["serve", name, "\(port)"], in: namespace)
    }

    /// A new connection to `address` every `step`, until the probe is stopped.
    public func call(_ address: IPAddress, port: UInt16, every step: Duration) throws(LabError) -> Probe {
        Probe(
            child: try lab.startAgent(["call", "\(address)", "\(port)", "\(step.nanoseconds)"], in: namespace),
            step: step)
    }

    /// One connection to `address` that is asked every `step`, until it breaks or the probe is stopped.
    public func holdConnection(to address: IPAddress, port: UInt16, every step: Duration) throws(LabError) -> Probe {
        Probe(
            child: try lab.startAgent(["hold", "\(address)", "\(port)", "\(step.nanoseconds)"], in: namespace),
            step: step)
    }

    /// Sends one IPv4 packet of protocol 112 with the given header fields and message.
    public func sendVRRP(
        from source: IPAddress, to destination: IPAddress, timeToLive: UInt8 = 255, _ message: [UInt8]
    ) throws(LabError) {
        let hexadecimal = message.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        try run([
            lab.agent, "lab-agent", "send", "eth0", "\(source)", "\(destination)", "\(timeToLive)", hexadecimal,
        ])
    }

    /// Watches the addresses of this node from now on.
    public func watchAddresses() throws(LabError) -> AddressWatch {
        AddressWatch(child: try lab.startAgent(["addresses"], in: namespace))
    }

    // MARK: What stands on it

    /// Whether `address` stands on an interface of this node that is up and has carrier.
    public func holds(_ address: IPAddress) throws(LabError) -> Bool {
        let links = try lab.run(["ip", "-n", namespace, "-o", "link", "show", "up"])
        let usable = links.split(separator: "\n").compactMap { line -> Substring? in
            // "2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu …"
            let words = line.split(whereSeparator: { " @:<>,".contains($0) })
            return words.count > 1 && words.contains("LOWER_UP") ? words[1] : nil
        }
        let addresses = try lab.run(["ip", "-n", namespace, "-o", "address", "show"])
        return addresses.split(separator: "\n").contains { line in
            // "2: eth0    inet 10.0.0.1/24 …"
            let fields = line.split(separator: " ")
            guard fields.count > 3, let prefix = IPPrefix(String(fields[3])) else { return false }
            return prefix.address == address && usable.contains(fields[1])
        }
    }
}

/// Where an interface meets the switch.
struct Port {
    let name: String
    let bridge: String
}

extension Lab {
    /// Captures VRRP, ARP and neighbour discovery on `bridge` of the switch from now on.
    public func capture(bridge: String = "br0") throws(LabError) -> Capture {
        Capture(child: try startAgent(["capture", bridge], in: switchNamespace))
    }
}
