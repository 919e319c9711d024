/// What the supervisor passes to `aloftd worker` on its command line. Both ends are the same executable.
public struct WorkerOptions: Equatable, Sendable {
    public enum Mode: String, Equatable, Sendable, CaseIterable {
        /// The first worker of this run: read the configuration.
        case start
        /// The successor of a worker that died: go on from the state memfd.
        case adopt
        /// Send priority 0 for everything the state memfd says is held, withdraw it, and end.
        case release
    }

    /// The descriptors a worker inherits.
    public static let messageDescriptor: Int32 = 3
    public static let stateDescriptor: Int32 = 4
    public static let lockDescriptor: Int32 = 5
    /// The fence's deadlines, where ``hasFence`` says so.
    public static let fenceDescriptor: Int32 = 6
    /// The socket between the VRRP worker and the arbiter worker, at both.
    public static let arbiterDescriptor: Int32 = 7
    /// The socket between the VRRP worker and the fence process, at both.
    public static let fenceLineDescriptor: Int32 = 8

    public var mode: Mode
    public var configurationPath: String
    public var stateDirectory: String
    public var isKeepalived: Bool
    public var keepsAddresses: Bool
    /// Which lines of the configuration are this node's: the same for every worker, whatever the host is called later.
    public var configurationID: String
    /// ``fenceDescriptor`` is there.
    public var hasFence = false

    public init(mode: Mode, _ options: SupervisorOptions) {
        self.mode = mode
        configurationPath = options.configurationPath
        stateDirectory = options.stateDirectory
        isKeepalived = options.isKeepalived
        keepsAddresses = options.keepsAddresses
        configurationID = options.configurationID ?? ""
    }

    private enum Key: Equatable, Sendable {
        case mode, configuration, configurationID, stateDirectory, compatibility, keepAddresses, fence
    }

    private static let table: [OptionRow<Key>] = [
        .init(key: .mode, name: "mode", argument: .required),
        .init(key: .configuration, name: "config", argument: .required),
        .init(key: .configurationID, name: "config-id", argument: .required),
        .init(key: .stateDirectory, name: "state-dir", argument: .required),
        .init(key: .compatibility, name: "compat", argument: .required),
        .init(key: .keepAddresses, name: "dont-release-vrrp"),
        .init(key: .fence, name: "fence"),
    ]

    /// Reads what ``arguments`` gave, without the program's name and the word `worker`.
    public init?(arguments: [String]) {
        self.init(mode: .start, SupervisorOptions(program: "aloftd", arguments: []))
        var reader = OptionReader(Self.table, arguments: arguments[...])
        while let item = reader.next() {
            guard case .option(let key, let value) = item else { return nil }
            switch key {
            case .mode:
                guard let mode = Mode(rawValue: value ?? "") else { return nil }
                self.mode = mode
            case .configuration: configurationPath = value ?? ""
            case .configurationID: configurationID = value ?? ""
            case .stateDirectory: stateDirectory = value ?? ""
            case .compatibility:
                guard value == "keepalived" else { return nil }
                isKeepalived = true
            case .keepAddresses: keepsAddresses = true
            case .fence: hasFence = true
            }
        }
    }

    /// The arguments behind `aloftd worker`.
    public var arguments: [String] {
        var list = [
            "--mode=" + mode.rawValue, "--config=" + configurationPath, "--config-id=" + configurationID,
            "--state-dir=" + stateDirectory,
        ]
        if isKeepalived { list.append("--compat=keepalived") }
        if keepsAddresses { list.append("--dont-release-vrrp") }
        if hasFence { list.append("--fence") }
        return list
    }
}
