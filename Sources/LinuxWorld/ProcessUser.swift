import Glibc

extension ThisProcess {
    /// The effective user.
    public static var user: UInt32 { geteuid() }

    /// The path of the file that this process runs (readlink of /proc/self/exe).
    public static func executable() throws(SystemError) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw SystemError(.process, Errno(Glibc.errno), "find the file of this process") }
        return String(decoding: buffer[0..<count], as: UTF8.self)
    }
}
