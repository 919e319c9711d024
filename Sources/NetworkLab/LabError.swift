import Glibc

/// What the lab was doing to what, and how it ended.
public struct LabError: Error, CustomStringConvertible {
    public enum Code: Sendable {
        /// The host cannot give what a lab needs: no root, no user namespaces, no iproute2.
        case unavailable
        /// A command, a system call or a started program failed.
        case failed
        /// What was waited for did not happen in time.
        case late
        /// SIGINT, SIGTERM or SIGHUP arrived.
        case interrupted
    }

    public var code: Code
    public var description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    /// A failed system call; reads `errno`.
    static func system(_ doing: String) -> LabError {
        let number = errno
        return LabError(.failed, "\(doing): \(String(cString: strerror(number)))")
    }
}
