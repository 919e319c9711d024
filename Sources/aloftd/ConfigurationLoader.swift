import ConfigLanguage
import Configuration
import LinuxWorld
import Primitives
import Supervision

/// Reads the configuration: from disk at start and on reload, from the predecessor's snapshot in a successor.
struct ConfigurationLoader {
    let options: WorkerOptions

    struct Loaded {
        var model: Model?
        /// What there is to say, for people; empty when nothing.
        var report: String
        /// More than notes are in `report`.
        var hasWarnings: Bool
        /// The text of all files, for a successor.
        var snapshot: [UInt8]
    }

    init(_ options: WorkerOptions) { self.options = options }

    func fromDisk() -> Loaded {
        let files = DiskFiles()
        return load(files) { Self.encode(files.files) }
    }

    /// Nil when `snapshot` is none.
    func from(snapshot: [UInt8]) -> Loaded? {
        guard let files = Self.decode(snapshot) else { return nil }
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

    // MARK: - The snapshot: for each file its path and its bytes, each behind a 32-bit length

    static func encode(_ files: [ProvidedFile]) -> [UInt8] {
        var bytes: [UInt8] = []
        for file in files {
            for part in [Array(file.path.utf8), file.bytes] {
                bytes.append(bigEndian: UInt32(clamping: part.count))
                bytes += part
            }
        }
        return bytes
    }

    static func decode(_ bytes: [UInt8]) -> [ProvidedFile]? {
        var parts: [[UInt8]] = []
        var offset = 0
        while offset < bytes.count {
            guard let length = bytes.span.bytes.uint32(at: offset) else { return nil }
            let end = offset + 4 + Int(length)
            guard end <= bytes.count else { return nil }
            parts.append(Array(bytes[(offset + 4)..<end]))
            offset = end
        }
        guard parts.count.isMultiple(of: 2), !parts.isEmpty else { return nil }
        return stride(from: 0, to: parts.count, by: 2).map {
            ProvidedFile(path: String(decoding: parts[$0], as: UTF8.self), bytes: parts[$0 + 1])
        }
    }
}
