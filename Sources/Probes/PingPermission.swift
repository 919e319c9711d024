import Glibc
import LinuxWorld

/// Who may open ping sockets: groups from one number to another (icmp(7)), and by default nobody, root included. keepalived changes it as well.
public enum PingPermission {
    private static let name = "net/ipv4/ping_group_range"

    /// Lets this process's group open ping sockets in the network namespace of this thread, and takes the right from none that has it: the range only
    /// grows. Returns what it was, or nil when nothing had to be done.
    @discardableResult
    public static func allow() throws(SystemError) -> String? {
        let before = try Sysctl.read(name)
        let group = UInt32(getegid())
        let bounds = before.split { $0 == "\t" || $0 == " " }.compactMap { UInt32($0) }
        guard bounds.count == 2, bounds[0] <= bounds[1] else {
            // "1 0" is the kernel's way of saying nobody.
            try Sysctl.write(name, "\(group) \(group)")
            return before
        }
        guard !(bounds[0]...bounds[1]).contains(group) else { return nil }
        try Sysctl.write(name, "\(min(bounds[0], group)) \(max(bounds[1], group))")
        return before
    }

    /// What `allow` changed is as it was. Without the right to do so it stays.
    public static func restore(_ range: String) { try? Sysctl.write(name, range) }
}
