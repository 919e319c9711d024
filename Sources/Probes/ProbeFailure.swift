import Health
import LinuxWorld

/// What the kernel said, in words for people.
enum ProbeFailure {
    static func text(_ error: Errno, whileConnecting: Bool) -> String {
        switch error {
        case .connectionRefused: return "connection refused"
        case .connectionReset: return "the server reset the connection"
        case .hostUnreachable: return "no route to the host"
        case .networkUnreachable: return "the network is unreachable"
        case Errno(rawValue: 110): return "timed out by the kernel while \(whileConnecting ? "connecting" : "sending")"
        default: return "\(whileConnecting ? "cannot connect" : "the connection broke"): \(error)"
        }
    }

    /// What could not even be begun. For want of descriptors, memory, local ports, an interface or a right the server is not to blame.
    static func verdict(_ error: SystemError) -> Verdict {
        let isOurs: Bool
        switch error.errno {
        case .tooManyFiles, .tooManyFilesInSystem, .noBuffers, .noMemory, .addressNotAvailable, .again: isOurs = true
        default: isOurs = error.action != "connect"
        }
        return isOurs ? .inconclusive("this host cannot ask: \(text(error))") : .failure(text(error))
    }

    static func text(_ error: SystemError) -> String {
        if error.action == "connect" { return text(error.errno, whileConnecting: true) }
        if error.action == "open a ping socket", error.errno == .accessDenied || error.errno == .notPermitted {
            return "cannot open a ping socket: this group is not in net.ipv4.ping_group_range"
        }
        return error.description
    }
}
