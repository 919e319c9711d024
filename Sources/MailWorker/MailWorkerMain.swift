import LinuxWorld
import Primitives
import Supervision
import Workers

/// `aloft worker mail`: what the supervisor starts when there is an alert mail to send.
public enum MailWorkerMain {
    /// - Parameter arguments: behind `worker mail`: `--compat=keepalived`, or none.
    /// - Returns: the exit code: 0 stopped, 1 failed.
    public static func run(_ arguments: [String]) -> Int32 {
        HelperMain.begin("mail", isKeepalived: arguments == ["--compat=keepalived"]) { signals throws(SystemError) in
            let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))
            let worker = try MailWorker(channel, hostName: HostNames.own())
            try worker.run(signals)
            return 0
        }
    }
}
