import Glibc

/// Standard output and standard error, unbuffered, so that what is said appears when it is said.
enum Console {
    static func say(_ line: String = "") { write(line + "\n", to: STDOUT_FILENO) }

    static func fail(_ line: String) {
        if !line.isEmpty { write(line + "\n", to: STDERR_FILENO) }
    }

    /// Whether a person reads standard output.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil }

    private static func write(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            written += count
        }
    }
}
