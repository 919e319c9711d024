import LinuxWorld
import Primitives
import Supervision
import Workers

/// `aloft worker arbiter …`: what the supervisor starts where the configuration has an arbiter.
public enum ArbiterWorkerMain {
    static let failure: Int32 = 1
    static let usage: Int32 = 2

    /// - Parameter arguments: behind `worker arbiter`.
    /// - Returns: the exit code: 0 stopped, 1 failed, 2 there is no configuration to read.
    public static func run(_ arguments: [String]) -> Int32 {
        guard let options = WorkerOptions(arguments: arguments) else { return usage }
        do { return try start(options) } catch {
            // What the supervisor's log has, beside the code.
            let text = Array("aloft worker arbiter: \(error)\n".utf8)
            _ = try? FileDescriptor(owning: 2).write(text.span.bytes)
            return failure
        }
    }

    private static func start(_ options: WorkerOptions) throws(SystemError) -> Int32 {
        // First of all: PR_SET_PDEATHSIG may already have spoken.
        let signals = try SignalSource([Signal.terminate, Signal.interrupt])
        try SignalSource.ignore(Signal.pipe)
        try SignalSource.ignore(Signal.hangUp)
        try? ThisProcess.setName(options.isKeepalived ? "keepalived" : "aloftd-arbiter")
        let memory = try SharedMemory(adopting: FileDescriptor(owning: WorkerOptions.stateDescriptor))
        let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))
        let loader = ConfigurationLoader(options)
        // What the VRRP worker accepted; it is only read from disk where it was too large to be kept.
        let snapshot = ConfigurationSnapshot.read(in: memory)
        guard let model = (snapshot.flatMap { loader.from(snapshot: $0) } ?? loader.fromDisk()).model else {
            return usage
        }
        let worker = try ArbiterWorker(
            loader, stateDirectory: options.stateDirectory, model: model, channel: channel, memory: memory)
        return try worker.run(signals: signals)
    }
}
