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

    public var mode: Mode
    public var configurationPath: String
    public var stateDirectory: String
    public var configurationID: String?
    public var isKeepalived: Bool
    public var logsDetail: Bool
    public var dumpsConfiguration: Bool
    public var keepsAddresses: Bool
    public var releasesAddresses: Bool
    public var networkNamespace: String?

    public init(mode: Mode, _ options: SupervisorOptions) {
        self.mode = mode
        configurationPath = options.configurationPath
        stateDirectory = options.stateDirectory
        configurationID = options.configurationID
        isKeepalived = options.isKeepalived
        logsDetail = options.logsDetail
        dumpsConfiguration = options.dumpsConfiguration
        keepsAddresses = options.keepsAddresses
        releasesAddresses = options.releasesAddresses
        networkNamespace = options.networkNamespace
    }

    private enum Key: Equatable, Sendable {
        case mode, configuration, stateDirectory, configurationID, compatibility, logDetail, dumpConfiguration
        case keepAddresses, releaseAddresses, namespace
    }

    private static let table: [OptionRow<Key>] = [
        .init(key: .mode, name: "mode", argument: .required),
        .init(key: .configuration, name: "config", argument: .required),
        .init(key: .stateDirectory, name: "state-dir", argument: .required),
        .init(key: .configurationID, name: "config-id", argument: .required),
        .init(key: .compatibility, name: "compat", argument: .required),
        .init(key: .logDetail, name: "log-detail"),
        .init(key: .dumpConfiguration, name: "dump-conf"),
        .init(key: .keepAddresses, name: "dont-release-vrrp"),
        .init(key: .releaseAddresses, name: "release-vips"),
        .init(key: .namespace, name: "namespace", argument: .required),
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
            case .stateDirectory: stateDirectory = value ?? ""
            case .configurationID: configurationID = value
            case .compatibility:
                guard value == "keepalived" else { return nil }
                isKeepalived = true
            case .logDetail: logsDetail = true
            case .dumpConfiguration: dumpsConfiguration = true
            case .keepAddresses: keepsAddresses = true
            case .releaseAddresses: releasesAddresses = true
            case .namespace: networkNamespace = value
            }
        }
    }

    /// The arguments behind `aloftd worker`.
    public var arguments: [String] {
        var list = ["--mode=" + mode.rawValue, "--config=" + configurationPath, "--state-dir=" + stateDirectory]
        if let configurationID { list.append("--config-id=" + configurationID) }
        if isKeepalived { list.append("--compat=keepalived") }
        if logsDetail { list.append("--log-detail") }
        if dumpsConfiguration { list.append("--dump-conf") }
        if keepsAddresses { list.append("--dont-release-vrrp") }
        if releasesAddresses { list.append("--release-vips") }
        if let networkNamespace { list.append("--namespace=" + networkNamespace) }
        return list
    }
}
