import LinuxWorld
import Primitives
import Supervision
import Workers

/// `aloft worker mail`: what the supervisor starts when there is an alert mail to send.
public enum MailWorkerMain {
    /// - Parameter arguments: behind `worker mail`: `--compat=keepalived`, or none.
    /// - Returns: the exit code: 0 stopped, 1 failed.
    public static func run(_ arguments: [String]) -> Int32 {
        do throws(SystemError) {
            // First of all: PR_SET_PDEATHSIG may already have spoken.
            let signals = try SignalSource([Signal.terminate, Signal.interrupt])
            try SignalSource.ignore(Signal.pipe)
            try SignalSource.ignore(Signal.hangUp)
            try? ThisProcess.setName(arguments == ["--compat=keepalived"] ? "keepalived" : "aloftd-mail")
            let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))
            let worker = try MailWorker(channel, hostName: HostNames.own())
            try worker.run(signals)
            return 0
        } catch {
            // What the supervisor's log has, beside the code.
            let text = Array("aloft worker mail: \(error)\n".utf8)
            _ = try? FileDescriptor(owning: 2).write(text.span.bytes)
            return 1
        }
    }
}
