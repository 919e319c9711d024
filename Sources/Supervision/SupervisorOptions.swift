/// The command line of `aloftd`, and of `keepalived` when started under that name.
///
/// There is one table of options for both: keepalived's, and Aloft's few of its own. The name decides the
/// defaults: as `keepalived` (the program's name, or the first argument) the daemon goes to the
/// background, reads keepalived's file with keepalived's leniency, and keeps keepalived's pid files.
public struct SupervisorOptions: Equatable, Sendable {
    public enum Action: Equatable, Sendable {
        case run
        /// `-t`: check the configuration, print what is wrong, end; optionally into a file.
        case testConfiguration(log: String?)
        /// `--signum`: print the number of the signal that does this.
        case printSignal(Int32)
        case version
        case help
        /// The command line is wrong: print this and the usage, end with ``SupervisorOptions/usageExitCode``.
        case invalid(String)
    }

    public static let usageExitCode: Int32 = 2
    /// Where neither `-u` nor the configuration says otherwise.
    public static let usualUmask: UInt32 = 0o022
    static let keepalivedPIDFile = "/run/keepalived.pid"

    public var action: Action = .run
    /// Whether keepalived's leniency and files are wanted.
    public var isKeepalived = false
    public var configurationPath: String
    /// `-i`: which lines behind `@id` are this node's; the host's name up to its first dot where it is not given.
    public var configurationID: String?
    public var stateDirectory = "/run/aloft"
    private var hasStateDirectory = false
    /// False when the process puts itself into the background.
    public var isForeground: Bool
    /// Log to stderr (`-l`).
    public var logsToConsole = false
    public var logsToSyslog = true
    public var logFile: String?
    /// syslog's facility: 3 is daemon, 16…23 are local0…local7.
    public var logFacility: UInt8 = 3
    public var pidFile: String?
    public var vrrpPIDFile: String?
    public var respawns = true
    /// `-V`, `--dont-release-vrrp`: leave the addresses at a stop.
    public var keepsAddresses = false
    public var ignoresInterrupt = false
    /// `-u`: for files and scripts; wins over the configuration's `umask`.
    public var umask: UInt32?
    /// `-s`: a name under /run/netns. The supervisor enters it first of all, and what it starts is inside.
    public var networkNamespace: String?
    /// Where a detached daemon reports that it is ready: set by the process that detached it.
    public var readinessDescriptor: Int32?
    /// Options that are understood but have no effect yet, to be logged once.
    public var ineffective: [String] = []

    /// What the supervisor is called in lists of processes.
    public var processName: String { isKeepalived ? "keepalived" : "aloftd" }

    /// Reads `arguments` without the program's name; `program` is that name, or a path that ends with it.
    public init(program: String, arguments: [String]) {
        var arguments = arguments[...]
        let name = program.split(separator: "/").last.map(String.init) ?? program
        if name == "keepalived" {
            isKeepalived = true
        } else if arguments.first == "keepalived" {
            isKeepalived = true
            arguments.removeFirst()
        } else if arguments.first == "run" {
            arguments.removeFirst()
        }
        configurationPath = isKeepalived ? "/etc/keepalived/keepalived.conf" : "/etc/aloft/aloft.conf"
        isForeground = !isKeepalived
        if isKeepalived {
            pidFile = Self.keepalivedPIDFile
            vrrpPIDFile = "/run/keepalived_vrrp.pid"
        }
        var reader = OptionReader(Self.table, arguments: arguments)
        while let item = reader.next() {
            guard let problem = apply(item) else { continue }
            action = .invalid(problem)
            return
        }
        if isKeepalived, !hasStateDirectory { deriveStateDirectory(givenPIDFile: pidFile != Self.keepalivedPIDFile) }
    }

    /// Makes every path absolute, as seen from `directory`: the worker and a detached daemon live in `/`.
    public mutating func resolvePaths(from directory: String) {
        func absolute(_ path: String) -> String {
            path.utf8.first == UInt8(ascii: "/") ? path : directory + "/" + path
        }
        configurationPath = absolute(configurationPath)
        stateDirectory = absolute(stateDirectory)
        pidFile = pidFile.map(absolute)
        vrrpPIDFile = vrrpPIDFile.map(absolute)
        logFile = logFile.map(absolute)
    }

    /// keepalived tells several daemons on one machine apart by their pid files or namespaces; Aloft by
    /// their state directories, which hold the lock and the control socket.
    private mutating func deriveStateDirectory(givenPIDFile: Bool) {
        if let networkNamespace {
            stateDirectory += "/" + networkNamespace
        } else if givenPIDFile, let pidFile {
            stateDirectory += "/" + pidFile.split(separator: "/").joined(separator: "-")
        }
    }

    /// Takes one item; returns what is wrong with it.
    private mutating func apply(_ item: OptionReader<Key>.Item) -> String? {
        switch item {
        case .operand(let text): "unexpected argument \(text)"
        case .invalid(let text): text
        case .option(let key, let value): apply(key, value ?? "", hasValue: value != nil)
        }
    }

    private mutating func apply(_ key: Key, _ value: String, hasValue: Bool) -> String? {
        switch key {
        case .configuration: configurationPath = value
        case .configurationID: configurationID = value
        case .stateDirectory:
            guard !value.isEmpty else { return "--state-dir needs a directory" }
            stateDirectory = value
            hasStateDirectory = true
        case .compatibility:
            guard value == "keepalived" else { return "--compat knows only keepalived, not \(value)" }
            isKeepalived = true
        case .foreground: isForeground = true
        case .detach: isForeground = false
        case .logConsole: logsToConsole = true
        case .logFile: logFile = hasValue ? value : "/tmp/keepalived.log"
        case .noSyslog: logsToSyslog = false
        case .logFacility:
            guard let facility = Self.facility(value) else { return "there is no log facility \(value)" }
            logFacility = facility
        case .pid: pidFile = value
        case .vrrpPID: vrrpPIDFile = value
        case .dontRespawn: respawns = false
        case .dontReleaseVRRP: keepsAddresses = true
        case .ignoreInterrupt: ignoresInterrupt = true
        case .umask:
            guard let mask = UInt32(value, radix: value.hasPrefix("0") ? 8 : 10), mask <= 0o777 else {
                return "\(value) is no umask"
            }
            umask = mask
        case .namespace:
            let isName = !value.isEmpty && value != "." && value != ".." && !value.utf8.contains(UInt8(ascii: "/"))
            guard isName else { return "\(value) is no name of a network namespace" }
            networkNamespace = value
        case .readiness:
            guard let descriptor = Int32(value), descriptor > 2 else { return "\(value) is no descriptor" }
            readinessDescriptor = descriptor
        case .test: action = .testConfiguration(log: hasValue ? value : nil)
        case .signal:
            guard let number = Self.signals.first(where: { $0.name == value })?.number else {
                return "there is no signal for \(value)"
            }
            action = .printSignal(number)
        case .version: action = .version
        case .help: action = .help
        case .ineffective(let name): if !ineffective.contains(name) { ineffective.append(name) }
        }
        return nil
    }

    /// `daemon`, `user`, `local0`…`local7`, or keepalived's bare 0…7 for the latter.
    static func facility(_ text: String) -> UInt8? {
        switch text {
        case "daemon": return 3
        case "user": return 1
        default:
            let digits = text.hasPrefix("local") ? text.dropFirst(5) : text[...]
            guard let number = UInt8(digits), number <= 7 else { return nil }
            return 16 + number
        }
    }

    /// keepalived's names for what its signals do, with Linux' numbers (glibc's real-time range is 34…64).
    static let signals: [(name: String, number: Int32)] = [
        ("STOP", 15), ("RELOAD", 1), ("DATA", 10), ("STATS", 12), ("STATS_CLEAR", 63), ("JSON", 36), ("TDATA", 64),
    ]
}

// MARK: - The table

extension SupervisorOptions {
    enum Key: Equatable, Sendable {
        case configuration, configurationID, stateDirectory, compatibility, foreground, detach
        case logConsole, logFile, noSyslog, logFacility
        case pid, vrrpPID, dontRespawn, dontReleaseVRRP, ignoreInterrupt, umask
        case namespace, readiness, test, signal, version, help
        case ineffective(String)
    }

    static let table: [OptionRow<Key>] = [
        .init(key: .configuration, letter: "f", name: "use-file", argument: .required),
        .init(key: .configuration, name: "config", argument: .required),
        .init(key: .stateDirectory, name: "state-dir", argument: .required),
        .init(key: .compatibility, name: "compat", argument: .required),
        .init(key: .configurationID, letter: "i", name: "config-id", argument: .required),
        .init(key: .foreground, letter: "n", name: "dont-fork"),
        .init(key: .foreground, name: "foreground"),
        .init(key: .detach, name: "detach"),
        .init(key: .logConsole, letter: "l", name: "log-console"),
        .init(key: .ineffective("--log-detail"), letter: "D", name: "log-detail"),
        .init(key: .logFacility, letter: "S", name: "log-facility", argument: .required),
        .init(key: .logFile, letter: "g", name: "log-file", argument: .optional),
        .init(key: .ineffective("--flush-log-file"), name: "flush-log-file"),
        .init(key: .noSyslog, letter: "G", name: "no-syslog"),
        .init(key: .pid, letter: "p", name: "pid", argument: .required),
        .init(key: .vrrpPID, letter: "r", name: "vrrp_pid", argument: .required),
        .init(key: .ineffective("--checkers_pid"), letter: "c", name: "checkers_pid", argument: .required),
        .init(key: .ineffective("--bfd_pid"), letter: "b", name: "bfd_pid", argument: .required),
        .init(key: .test, letter: "t", name: "config-test", argument: .optional),
        .init(key: .ineffective("--vrrp"), letter: "P", name: "vrrp"),
        .init(key: .ineffective("--check"), letter: "C", name: "check"),
        .init(key: .ineffective("--no_bfd"), letter: "B", name: "no_bfd"),
        .init(key: .ineffective("--all"), name: "all"),
        .init(key: .ineffective("--all-config"), letter: "e", name: "all-config"),
        .init(key: .dontRespawn, letter: "R", name: "dont-respawn"),
        .init(key: .ineffective("--release-vips"), letter: "X", name: "release-vips"),
        .init(key: .dontReleaseVRRP, letter: "V", name: "dont-release-vrrp"),
        .init(key: .ineffective("--dont-release-ipvs"), letter: "I", name: "dont-release-ipvs"),
        .init(key: .ineffective("--dump-conf"), letter: "d", name: "dump-conf"),
        .init(key: .umask, letter: "u", name: "umask", argument: .required),
        .init(key: .namespace, letter: "s", name: "namespace", argument: .required),
        .init(key: .ineffective("--snmp"), letter: "x", name: "snmp"),
        .init(key: .ineffective("--snmp-agent-socket"), letter: "A", name: "snmp-agent-socket", argument: .required),
        .init(key: .ineffective("--core-dump"), letter: "m", name: "core-dump"),
        .init(key: .ineffective("--core-dump-pattern"), letter: "M", name: "core-dump-pattern", argument: .optional),
        .init(key: .ineffective("--address-monitoring"), letter: "a", name: "address-monitoring"),
        .init(key: .ineffective("--debug"), name: "debug", argument: .optional),
        .init(key: .ineffective("--perf"), name: "perf", argument: .optional),
        .init(key: .ineffective("--no-mem-check"), name: "no-mem-check"),
        .init(key: .ignoreInterrupt, name: "ignore-sigint"),
        .init(key: .signal, name: "signum", argument: .required),
        .init(key: .version, letter: "v", name: "version"),
        .init(key: .help, letter: "h", name: "help"),
        .init(key: .readiness, name: "ready-fd", argument: .required),
    ]

    /// What `--help` prints.
    public static let usage = """
        usage: aloftd [run] [OPTION]...          or, with keepalived's defaults: aloftd keepalived [OPTION]...

          -f, --config FILE        the configuration (also --use-file)
              --state-dir DIR      socket, lock and ledger (default /run/aloft)
              --compat keepalived  keepalived's leniency, with a warning for each instance of it
          -n, --foreground         do not detach (also --dont-fork)
              --detach             go to the background once ready
          -l, --log-console        log to stderr
          -g, --log-file[=FILE]    log to a file
          -G, --no-syslog          do not log to syslog
          -S, --log-facility NAME  daemon, user, local0 ... local7
          -t, --config-test[=FILE] check the configuration and end
          -p, --pid FILE           the daemon's pid file
          -r, --vrrp_pid FILE      the VRRP worker's pid file
          -R, --dont-respawn       end when the worker ends
          -V, --dont-release-vrrp  leave the addresses at a stop
          -u, --umask MASK         for files that are created
          -s, --namespace NAME     the network namespace to run in
              --ignore-sigint      for debuggers
              --signum NAME        print the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON, TDATA
          -v, --version            -h, --help

        Accepted without effect so far: -P -C -B -e -I -a -x -A -m -M -c -b -d -D -i --flush-log-file --debug --perf,
        and -X, which is how Aloft stops without -V.

        """
}
