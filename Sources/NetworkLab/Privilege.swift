import Glibc

/// What a lab needs from the host, and how to get it without root.
public enum Privilege {
    private static let marker = "ALOFT_LAB_INSIDE"

    /// Makes sure that this process may make network namespaces. Where it is not root (or a root without
    /// the right), it starts itself again in a user, network and mount namespace of its own, with a
    /// private /run, and does not return. Throws `unavailable` with the reason where that is not allowed.
    public static func obtain(arguments: [String] = CommandLine.arguments) throws(LabError) {
        if getenv(marker) != nil { return }
        guard succeeds(["ip", "-Version"]) else {
            throw LabError(.unavailable, "`ip` is missing: install iproute2 (scripts/setup demo does)")
        }
        if geteuid() == 0, succeeds(["unshare", "--net", "--mount", "true"]) { return }
        guard succeeds(["unshare", "--user", "--map-root-user", "--net", "--mount", "true"]) else {
            throw LabError(
                .unavailable,
                "network namespaces need root here: the host does not allow user namespaces "
                    + "(sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, AppArmor, or a container's seccomp)"
            )
        }
        setenv(marker, "1", 1)
        let script = "mount -t tmpfs tmpfs /run && exec \"$@\""
        let command = ["unshare", "--user", "--map-root-user", "--net", "--mount", "sh", "-c", script, "sh"]
        var argv = (command + [try executablePath()] + arguments.dropFirst()).map { strdup($0) } + [nil]
        execvp("unshare", &argv)
        throw .system("exec unshare")
    }

    /// The path of this program.
    public static func executablePath() throws(LabError) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        guard count > 0 else { throw .system("readlink /proc/self/exe") }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func succeeds(_ command: [String]) -> Bool {
        guard let child = try? Child(command, output: "/dev/null") else { return false }
        return (try? child.wait(upTo: .seconds(10))) == 0
    }
}
