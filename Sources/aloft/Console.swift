import Glibc
import LinuxWorld

/// Standard output and standard error, unbuffered, so that what is said appears when it is said.
enum Console {
    static func say(_ line: String = "") { write(line + "\n", to: STDOUT_FILENO) }

    static func write(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }

    static func fail(_ line: String) {
        if !line.isEmpty { write(line + "\n", to: STDERR_FILENO) }
    }

    /// Whether a person reads standard output.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == nil }

    /// All of standard input; EFBIG when there are more than `limit` bytes. Not through /dev/stdin: a socket cannot be
    /// opened again.
    static func readAll(limit: Int = 16 << 20) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count <= limit {
            let count = chunk.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError(.file, Errno(errno), "read", "standard input") }
            guard count > 0 else { return bytes }
            bytes += chunk[..<count]
        }
        throw SystemError(.file, .tooLarge, "read all of", "standard input")
    }

    private static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            written += count
        }
    }
}
