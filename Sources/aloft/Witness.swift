import ArgumentParser
import Arbitration
import LinuxWorld
import Primitives
import Witness

/// The arbiter on a third machine.
struct WitnessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "witness",
        abstract: "Keep leases for other nodes, as a third machine that says who may hold.",
        discussion: "docs/witness.md says how to install one, and what it promises.",
        subcommands: [Serve.self, StatusOf.self], defaultSubcommand: Serve.self)

    struct Serve: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "serve",
            abstract: "Serve until SIGTERM; this is what `aloft witness` does by itself.",
            discussion: """
                SIGHUP: read the keys again. Exit code 3: the address, the state file or the keys cannot be used.
                """)

        @Option(help: ArgumentHelp("Where to listen; `[::]` hears IPv4 as well.", valueName: "address[:port]"))
        var listen = "[::]"
        @Option(help: ArgumentHelp("The state file.", valueName: "file"), completion: .file())
        var state = "/var/lib/aloft-witness/state"
        @Option(
            help: ArgumentHelp("The keys: `CLUSTER SECRET` in each line, mode 0600.", valueName: "file"),
            completion: .file())
        var keys = "/etc/aloft/witness.keys"
        @Option(
            help: "The longest lease that is granted, in seconds; for 1.3 times as long nothing is taken after a start."
        )
        var maxLease = 3.0

        func validate() throws {
            guard maxLease > 0, maxLease <= 3600 else { throw ValidationError("--max-lease takes seconds, up to 3600") }
        }

        func run() throws {
            let place = try WitnessPlace(listen)
            var settings = WitnessServer.Settings(
                address: place.address, port: place.port, stateFile: state, keyFile: keys,
                longest: .nanoseconds(Int64(maxLease * 1e9)))
            settings.interface = place.interfaceIndex
            do {
                // From here on it needs little of what this program can do.
                try? ThisProcess.setName("aloft-witness")
                let server = try WitnessServer(settings) { Console.fail("aloft witness: \($0)") }
                ProgramCode.releasePages()
                _ = try? SystemdNotifier().notify("READY=1")
                try server.run()
            } catch {
                throw Answer.unreachable("aloft witness: \(error)")
            }
        }
    }

    struct StatusOf: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status",
            abstract: "Ask a witness who holds the leases of a cluster.",
            discussion:
                "Exit code 1: it cannot write its state file, or lets nobody take a lease yet. 3: it does not answer.")

        @Argument(help: ArgumentHelp("Where the witness is.", valueName: "address[:port]")) var witness: String
        @Option(help: "The cluster.") var cluster: String
        @Option(help: ArgumentHelp("The file with its key.", valueName: "file"), completion: .file())
        var keys = "/etc/aloft/witness.keys"
        @Flag(help: "Print an object.") var json = false

        func run() throws {
            let place = try WitnessPlace(witness)
            guard let name = ClusterName(cluster) else {
                throw Answer.usage("aloft: \(cluster): a cluster's name has 1 to 64 printable ASCII characters")
            }
            let keyring: WitnessKeys
            do { keyring = try WitnessKeys(reading: keys) } catch { throw Answer.unreachable("aloft: \(error)") }
            guard let key = keyring[name] else {
                throw Answer.unreachable("aloft: \(keys) has no key of cluster \(name)")
            }
            let inquiry: WitnessInquiry
            do {
                inquiry = try WitnessInquiry.ask(
                    place.address, port: place.port, interface: place.interface, cluster: name, key: key)
            } catch { throw Answer.unreachable("aloft: \(witness): \(error)") }
            Console.say(json ? inquiry.json : inquiry.text)
            guard inquiry.quiet == .zero, inquiry.status.storageError == nil else { throw Answer.no("") }
        }
    }
}

/// `192.0.2.1`, `192.0.2.1:8694`, `2001:db8::1`, `[2001:db8::1]:8694`, `[fe80::1%eth0]:8694`.
struct WitnessPlace {
    var address: IPAddress
    var port = WitnessServer.Settings.defaultPort
    var interface: String?
    var interfaceIndex: UInt32 = 0

    init(_ text: String) throws {
        var host = Substring(text)
        var number: Substring?
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if !rest.isEmpty { number = rest.dropFirst(rest.hasPrefix(":") ? 1 : 0) }
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            number = text[text.index(after: colon)...]
        }
        if let percent = host.firstIndex(of: "%") {
            let name = String(host[host.index(after: percent)...])
            guard let index = Host.interface(named: name) else {
                throw Answer.usage("aloft: \(text): there is no interface \(name) here")
            }
            (interface, interfaceIndex) = (name, index.rawValue)
            host = host[..<percent]
        }
        guard let address = IPAddress(String(host)) else {
            throw Answer.usage("aloft: \(text) is not an address: 192.0.2.1, 192.0.2.1:8694, [2001:db8::1]:8694")
        }
        self.address = address
        guard let number else { return }
        guard let port = UInt16(number), port > 0 else { throw Answer.usage("aloft: \(text): a port is 1 to 65535") }
        self.port = port
    }
}
