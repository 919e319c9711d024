import ConfigLanguage
import Configuration
import LinuxWorld
import Primitives
import Supervision

/// Reads the configuration: from disk at start and on reload, from the predecessor's snapshot in a successor.
public struct ConfigurationLoader {
    let options: WorkerOptions

    public struct Loaded {
        public var model: Model?
        /// What there is to say, for people; empty when nothing.
        public var report: String
        /// More than notes are in `report`.
        public var hasWarnings: Bool
        /// The text of all files, for a successor.
        public var snapshot: [UInt8]
    }

    public init(_ options: WorkerOptions) { self.options = options }

    public func fromDisk() -> Loaded {
        let files = DiskFiles()
        return load(files) { ConfigurationSnapshot.encode(files.files) }
    }

    /// Nil when `snapshot` is none.
    public func from(snapshot: [UInt8]) -> Loaded? {
        guard let files = ConfigurationSnapshot.decode(snapshot) else { return nil }
        return load(MemoryFiles(files)) { snapshot }
    }

    private func load(_ files: some FileProvider, snapshot: () -> [UInt8]) -> Loaded {
        let loaded = Configuration.load(
            main: options.configurationPath, files: files,
            environment: Host.textEnvironment(id: options.configurationID),
            leniency: options.isKeepalived ? .keepalived : .strict)
        return Loaded(
            model: loaded.model, report: loaded.renderedDiagnostics(),
            hasWarnings: loaded.diagnostics.contains { $0.severity > .note }, snapshot: snapshot())
    }
}
