import LinuxWorld
import Supervision
import Workers

/// `aloft worker arbiter …`: what the supervisor starts where the configuration has an arbiter.
public enum ArbiterWorkerMain {
    /// - Parameter arguments: behind `worker arbiter`.
    /// - Returns: the exit code: 0 stopped, 1 failed, 2 there is no configuration to read.
    public static func run(_ arguments: [String]) -> Int32 {
        HelperMain.run("arbiter", arguments) { options, loader, model, channel, memory, signals throws(SystemError) in
            let line = try MessageLine(FileDescriptor(owning: WorkerOptions.arbiterDescriptor))
            let worker = try ArbiterWorker(
                loader, stateDirectory: options.stateDirectory, model: model, channel: channel, line: line,
                memory: memory)
            return try worker.run(signals: signals)
        }
    }
}
