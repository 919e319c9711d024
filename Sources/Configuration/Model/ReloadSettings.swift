/// What `global_defs` says of reading and reloading configurations. Without effect: a reload is always checked first.
public struct ReloadSettings: Hashable, Sendable {
    /// What `include_check` asks of every include from there on.
    public struct IncludeChecks: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// A match must be readable.
        public static let readable = IncludeChecks(rawValue: 1)
        /// A name must exist.
        public static let match = IncludeChecks(rawValue: 2)
        /// A pattern must match something.
        public static let wildcardMatch = IncludeChecks(rawValue: 4)
        /// Each alternative in braces must match something.
        public static let braceMatch = IncludeChecks(rawValue: 8)
        public static let all: IncludeChecks = [.readable, .match, .wildcardMatch, .braceMatch]
    }

    /// `reload_check_config [FILE]`: check the new configuration in a process of its own.
    public var checksFirst: Bool = false
    /// The file that its findings go to.
    public var checkLog: String?
    /// `reload_time_file`: a file that says when to reload.
    public var timeFile: String?
    /// `reload_repeat`: that file is kept.
    public var repeats: Bool = false
    /// `reload_file [PATH]`: a file that exists while the configuration is read; empty means keepalived's own path.
    public var lockFile: String?
    /// `include_check`; nil means that it is not written.
    public var includeChecks: IncludeChecks?
    /// `config_save_dir`: where the configuration and the state go before and after a reload.
    public var saveDirectory: String?
    /// `tmp_config_directory`: where the consolidated configuration goes.
    public var temporaryDirectory: String?
    /// `random_seed` of `${_RANDOM}`.
    public var randomSeed: Int?

    public init() {}
}
