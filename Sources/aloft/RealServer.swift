import ArgumentParser
import Balancing
import LinuxWorld
import Primitives

/// Makes a host a real server of direct routing, and undoes it.
struct RealServer: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "realserver",
        abstract: "Let this host serve virtual addresses that a director forwards.",
        discussion: """
            For LVS-DR: `up` puts each address on lo as /32 or /128 and lets no interface answer for it; `down` undoes that, \
            `status` says what is right and what is not. They may be repeated. Exit code 1: refused, or not as it should be.
            """)

    enum Action: String, ExpressibleByArgument, CaseIterable { case up, down, status }

    @Argument(help: "up, down or status.") var action: Action
    @Argument(help: ArgumentHelp("Virtual addresses; without any, all that were set up.", valueName: "address"))
    var addresses: [String] = []
    @Option(help: "What carries the addresses.") var interface = "lo"
    @Flag(help: "Say what would be done, and do nothing.") var dryRun = false
    @Flag(help: "For tunnels: refused, with what to do by hand.") var tun = false
    @Option(help: "Where the ledger of what was changed is kept.") var stateDir = "/run/aloft"
    @Flag(help: "Print the answer as JSON.") var json = false

    private var ledgerPath: String { stateDir + "/realserver.json" }

    func run() throws {
        if tun {
            throw Answer.usage(
                """
                aloft: tunnels are not set up by this command. By hand: modprobe ipip; ip link set tunl0 up; \
                sysctl net.ipv4.conf.tunl0.rp_filter=2; then `aloft realserver up` without --tun
                """)
        }
        let wanted = try addresses.map(Self.address)
        if action == .up, wanted.isEmpty { throw Answer.usage("aloft: realserver up needs an address") }
        do {
            let kernel = try RealServerKernel(stateDirectory: stateDir)
            switch action {
            case .status: try report(wanted, kernel.host)
            case .up, .down: try change(wanted, kernel)
            }
        } catch let error as SystemError {
            throw Answer.unreachable("aloft: \(error)")
        }
    }

    /// An address, also with the length that it will have.
    private static func address(_ text: String) throws -> IPAddress {
        guard let prefix = IPPrefix(text) else { throw Answer.usage("aloft: \(text) is not an address") }
        guard prefix == IPPrefix(host: prefix.address) else {
            throw Answer.usage(
                "aloft: \(text): a real server carries the address alone, or the whole network would be its own")
        }
        return prefix.address
    }
}

// MARK: - Up and down

extension RealServer {
    private func change(_ wanted: [IPAddress], _ kernel: consuming RealServerKernel) throws {
        let setup: RealServerSetup
        if dryRun {
            setup = plan(wanted, kernel.host, try readLedger())
        } else {
            if try Files.status(stateDir) == nil { try Files.makeDirectory(stateDir) }
            // Two at once would each take the other's changes for what was there before.
            guard let lock = try LockFile.acquire(stateDir + "/realserver.lock", mode: 0o600) else {
                throw Answer.unreachable("aloft: another `aloft realserver` is at work")
            }
            setup = plan(wanted, kernel.host, try readLedger())
            if setup.refusals.isEmpty {
                try write(setup.ledger)
                do throws(SystemError) {
                    for step in setup.steps { try kernel.perform(step) }
                } catch {
                    throw Answer.unreachable(
                        "aloft: \(error)\nWhat was done before that is in \(ledgerPath): `aloft realserver down` undoes it."
                    )
                }
                try write(setup.ledgerAfter)
            }
            _ = consume lock
        }
        if json { Console.say(Self.json(of: setup)) } else { say(setup) }
        guard setup.refusals.isEmpty else { throw Answer.no("") }
    }

    private func plan(_ wanted: [IPAddress], _ host: RealServerHost, _ ledger: RealServerLedger?) -> RealServerSetup {
        action == .up
            ? RealServerSetup.up(wanted, interface: interface, host: host, ledger: ledger)
            : RealServerSetup.down(wanted, host: host, ledger: ledger)
    }

    private func readLedger() throws -> RealServerLedger? {
        guard try Files.status(ledgerPath) != nil else { return nil }
        guard let ledger = RealServerLedger(json: try Files.read(ledgerPath)) else {
            throw Answer.unreachable(
                "aloft: \(ledgerPath) is not a ledger: put it right, or remove it and what it stood for")
        }
        return ledger
    }

    private func write(_ ledger: RealServerLedger) throws {
        if !ledger.isEmpty {
            try Files.writeAtomically(ledgerPath, ledger.json, mode: 0o600)
        } else if try Files.status(ledgerPath) != nil {
            try Files.remove(ledgerPath)
        }
    }

    private func say(_ setup: RealServerSetup) {
        for step in setup.steps { Console.say("\(step)") }
        for note in setup.notes { Console.say("note: \(note)") }
        for refusal in setup.refusals { Console.fail("aloft: \(refusal)") }
        if setup.steps.isEmpty, setup.refusals.isEmpty { Console.say("Nothing to do.") }
    }

    private static func json(of setup: RealServerSetup) -> String {
        var json = JSONWriter()
        json.object { json in
            json.member("done", setup.refusals.isEmpty)
            for (name, sentences) in [
                ("steps", setup.steps.map(\.description)), ("notes", setup.notes), ("refusals", setup.refusals),
            ] {
                json.memberArray(name) { json in for sentence in sentences { json.value(sentence) } }
            }
        }
        return json.text
    }
}

// MARK: - Status

extension RealServer {
    private func report(_ wanted: [IPAddress], _ host: RealServerHost) throws {
        let report = RealServerReport(wanted, interface: interface, host: host, ledger: try readLedger())
        if json { Console.say(Self.json(of: report)) } else { Self.say(report) }
        guard report.isRight else { throw Answer.no("") }
    }

    private static func say(_ report: RealServerReport) {
        for finding in report.findings {
            Console.say("\(finding.isRight ? "right" : "WRONG")  \(finding.subject): \(finding.text)")
            if let remedy = finding.remedy { Console.say("       → \(remedy)") }
        }
        for note in report.notes { Console.say("note: \(note)") }
        if report.findings.isEmpty { Console.say("No virtual address is set up here.") }
    }

    private static func json(of report: RealServerReport) -> String {
        var json = JSONWriter()
        json.object { json in
            json.member("right", report.isRight)
            json.memberArray("findings") { json in
                for finding in report.findings {
                    json.object {
                        $0.member("subject", finding.subject)
                        $0.member("right", finding.isRight)
                        $0.member("text", finding.text)
                        if let remedy = finding.remedy { $0.member("remedy", remedy) }
                    }
                }
            }
            json.memberArray("notes") { json in for note in report.notes { json.value(note) } }
        }
        return json.text
    }
}
