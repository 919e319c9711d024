import Glibc
import NetworkLab

/// Becoming the daemon: `aloftd` takes over this process.
enum Daemon {
    /// Looked for beside this program, in ../sbin, and on the PATH.
    static func path() throws -> String {
        let own = try Privilege.executablePath()
        let directory = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        for candidate in [directory + "/aloftd", directory + "/../sbin/aloftd"] where access(candidate, X_OK) == 0 {
            return candidate
        }
        return "aloftd"
    }

    static func become(_ arguments: [String]) throws -> Never {
        let path = try path()
        var argv = ([path] + arguments).map { strdup($0) } + [nil]
        execvp(path, &argv)
        throw Answer.unreachable("aloft: cannot start \(path): \(String(cString: strerror(errno)))")
    }
}
