/// The rooms and what each may import. Dependencies only go down: a room imports rooms that stand above it
/// in this list. docs/architecture.md draws the same house for people.
enum House {
    enum Kind: String {
        /// Pure: no clock, no input or output, no randomness of its own, no tasks.
        case pure = "P"
        /// Touches the kernel.
        case kernel = "K"
        /// A shell that joins cores to the world.
        case shell = "S"
    }

    struct Room {
        let name: String
        let kind: Kind
        let imports: Set<String>
    }

    static let rooms: [Room] = [
        Room(name: "Primitives", kind: .pure, imports: []),
        Room(name: "Netlink", kind: .pure, imports: ["Primitives"]),
        Room(name: "VRRP", kind: .pure, imports: ["Primitives"]),
        Room(name: "ConfigLanguage", kind: .pure, imports: ["Primitives"]),
        Room(name: "Configuration", kind: .pure, imports: ["ConfigLanguage", "Primitives"]),
        Room(name: "Arbitration", kind: .pure, imports: ["Primitives"]),
        Room(name: "Greeting", kind: .pure, imports: ["Arbitration", "VRRP", "Primitives"]),
        Room(
            name: "RouterEngine", kind: .pure,
            imports: ["Greeting", "Arbitration", "Configuration", "VRRP", "Primitives"]),
        Room(name: "Supervision", kind: .pure, imports: ["Primitives"]),
        Room(name: "Health", kind: .pure, imports: ["Configuration", "Primitives"]),
        Room(name: "Alerts", kind: .pure, imports: ["Primitives"]),
        Room(name: "EtcdGateway", kind: .pure, imports: ["Arbitration", "Health", "Primitives"]),
        Room(name: "Balancing", kind: .pure, imports: ["Health", "Configuration", "Netlink", "Primitives"]),
        Room(
            name: "SimulatedWorld", kind: .pure,
            imports: [
                "RouterEngine", "Greeting", "Arbitration", "Balancing", "Health", "Configuration", "VRRP", "Primitives",
            ]),
        Room(name: "CLinux", kind: .kernel, imports: []),
        Room(
            name: "LinuxWorld", kind: .kernel,
            imports: ["CLinux", "Netlink", "ConfigLanguage", "VRRP", "Primitives", "Glibc"]),
        Room(name: "CCorosync", kind: .kernel, imports: []),
        Room(
            name: "Corosync", kind: .kernel,
            imports: ["Arbitration", "CCorosync", "CLinux", "LinuxWorld", "Primitives"]),
        Room(
            name: "DataPlanes", kind: .kernel,
            imports: ["LinuxWorld", "Balancing", "Netlink", "Configuration", "Primitives"]),
        Room(
            name: "Workers", kind: .kernel,
            imports: [
                "LinuxWorld", "RouterEngine", "Supervision", "Alerts", "Greeting", "Arbitration", "Configuration",
                "ConfigLanguage",
                "Primitives",
            ]),
        Room(name: "Witness", kind: .kernel, imports: ["LinuxWorld", "Arbitration", "Primitives"]),
        Room(name: "NetworkLab", kind: .kernel, imports: ["Primitives", "Glibc"]),
        Room(
            name: "aloftd", kind: .shell,
            imports: [
                "CLinux", "Workers", "LinuxWorld", "Netlink", "RouterEngine", "Supervision", "Alerts", "Greeting",
                "Arbitration",
                "Configuration",
                "ConfigLanguage", "VRRP", "Primitives", "Glibc",
            ]),
        Room(
            name: "Probes", kind: .shell,
            imports: [
                "Health", "LinuxWorld", "Configuration", "Primitives", "Glibc", "NIOCore", "NIOEmbedded", "NIOSSL",
                "NIOTLS",
            ]),
        Room(
            name: "Etcd", kind: .shell,
            imports: ["EtcdGateway", "Arbitration", "Probes", "LinuxWorld", "Primitives", "NIOSSL"]),
        Room(
            name: "ArbiterWorker", kind: .shell,
            imports: [
                "Workers", "Witness", "Etcd", "EtcdGateway", "Corosync", "LinuxWorld", "Supervision", "Arbitration",
                "Configuration",
                "Primitives",
            ]),
        Room(
            name: "HealthWorker", kind: .shell,
            imports: [
                "Workers", "Probes", "DataPlanes", "Balancing", "Health", "Alerts", "LinuxWorld", "Netlink",
                "Supervision", "Configuration", "Primitives",
            ]),
        Room(
            name: "MailWorker", kind: .shell,
            imports: ["Workers", "Alerts", "LinuxWorld", "Supervision", "Primitives", "Glibc"]),
        Room(
            name: "aloft", kind: .shell,
            imports: [
                "HealthWorker", "MailWorker", "ArbiterWorker", "SimulatedWorld", "LinuxWorld", "Netlink", "NetworkLab",
                "RouterEngine",
                "Supervision",
                "Balancing", "Witness", "Arbitration", "Configuration", "ConfigLanguage", "Primitives", "Glibc",
                "ArgumentParser",
            ]),
    ]

    static func room(_ name: String) -> Room? { rooms.first { $0.name == name } }
}
