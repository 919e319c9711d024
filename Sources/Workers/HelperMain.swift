import Configuration
import LinuxWorld
import Primitives
import Supervision

/// How a helper begins, whichever it is.
public enum HelperMain {
    public static let failure: Int32 = 1
    public static let usage: Int32 = 2

    /// Its signals, its name, and its last words.
    ///
    /// - Parameters:
    ///   - kind: as in `aloft worker KIND`.
    ///   - body: lives, and gives the exit code.
    /// - Returns: the exit code: that of `body`, or 1 failed.
    public static func begin(
        _ kind: String, isKeepalived: Bool, _ body: (_ signals: consuming SignalSource) throws(SystemError) -> Int32
    ) -> Int32 {
        do throws(SystemError) {
            // First of all: PR_SET_PDEATHSIG may already have spoken.
            let signals = try SignalSource([Signal.terminate, Signal.interrupt])
            try SignalSource.ignore(Signal.pipe)
            try SignalSource.ignore(Signal.hangUp)
            try? ThisProcess.setName(isKeepalived ? "keepalived" : "aloftd-\(kind)")
            return try body(signals)
        } catch {
            // What the supervisor's log has, beside the code.
            let text = Array("aloft worker \(kind): \(error)\n".utf8)
            _ = try? FileDescriptor(owning: 2).write(text.span.bytes)
            return failure
        }
    }

    /// The beginning of one that reads the configuration.
    ///
    /// - Parameters:
    ///   - kind: as in `aloft worker KIND`.
    ///   - arguments: behind that.
    ///   - body: lives with the configuration that the VRRP worker accepted, and gives the exit code.
    /// - Returns: the exit code: that of `body`, 1 failed, 2 there is no configuration to read.
    public static func run(
        _ kind: String, _ arguments: [String],
        _ body: (
            _ options: WorkerOptions, _ loader: ConfigurationLoader, _ model: Model,
            _ channel: consuming SupervisorChannel, _ memory: consuming SharedMemory, _ signals: consuming SignalSource
        ) throws(SystemError) -> Int32
    ) -> Int32 {
        guard let options = WorkerOptions(arguments: arguments) else { return usage }
        return begin(kind, isKeepalived: options.isKeepalived) { signals throws(SystemError) in
            let memory = try SharedMemory(adopting: FileDescriptor(owning: WorkerOptions.stateDescriptor))
            let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))
            let loader = ConfigurationLoader(options)
            // What the VRRP worker accepted; it is only read from disk where it was too large to be kept.
            let snapshot = ConfigurationSnapshot.read(in: memory)
            guard let model = (snapshot.flatMap { loader.from(snapshot: $0) } ?? loader.fromDisk()).model else {
                return usage
            }
            return try body(options, loader, model, channel, memory, signals)
        }
    }
}
