/// What `keepalived -d` lists of its configuration, or `aloft dump` of the same, without what the two cannot agree on.
///
/// Lines that only a running daemon or another host could have are left out: sockets, results, interfaces, the source that an
/// interface happened to have, users as numbers. What Aloft does otherwise on purpose is left out too: it shows no passwords,
/// answers packets in strict mode, and has umask 022.
public struct KeepalivedListing: Hashable, Sendable {
    /// A heading, or a line below one with its indentation.
    public let lines: [String]

    /// The lines of keepalived's log that are the listing; or those of `aloft dump`.
    public init(_ text: String) {
        var lines: [String] = []
        var seen: Set<String> = []
        // Before the first heading come lines of the log, and each process may list the same again.
        var isListing = false
        for line in text.split(separator: "\n") {
            let line = Self.withoutTime(line)
            if line.hasPrefix("------<") {
                isListing =
                    !Self.foreignSections.contains { line.hasPrefix("------< " + $0) }
                    && seen.insert(String(line)).inserted
                if isListing { lines.append(String(line)) }
            } else if isListing, line.hasPrefix(" "), let line = Self.common(line) {
                lines.append(line)
            }
        }
        self.lines = Self.withoutStrictAccept(Self.withoutEmptyFlags(Self.withoutRoutes(lines)))
    }

    /// What stands in one of two listings only, as `diff` would show it.
    public static func differences(_ expected: KeepalivedListing, _ actual: KeepalivedListing) -> String {
        var text = ""
        for change in actual.lines.difference(from: expected.lines) {
            switch change {
            case .remove(let offset, let line, _): text += "-\(offset + 1) \(line)\n"
            case .insert(let offset, let line, _): text += "+\(offset + 1) \(line)\n"
            }
        }
        return text
    }

    /// `Fri Nov 27 03:27:13 2026: ` is not there when it was written to a file.
    private static func withoutTime(_ line: Substring) -> Substring {
        let time = line.prefix(26)
        guard time.utf8.count == 26, time.hasSuffix(": "), time.utf8.filter({ $0 == UInt8(ascii: ":") }).count == 3
        else {
            return line
        }
        return line.dropFirst(26)
    }

    private static let foreignSections = ["Interfaces", "Gratuitous ARP delays", "GARP delay group"]

    /// Of a running daemon, of the host or of how it was built.
    private static let foreignLines = [
        "No sockets allocated", "Num member fault", "Result =", "Insecure =", "Init state =", "Status =", "State =",
        "Next gratuitous ARP", "Script uid:gid", "Default script uid:gid", "libnftnl", "nftables", "SNMP socket",
        "DBus service name", "Default interface", "VRRP CPU Affinity", "Checker CPU Affinity", "BFD CPU Affinity",
        "Number of config faults", "Current processes",
        "Have quorum", "Bfd is", "umask = 0177", "umask = 022", "alive =", "quorum_state_up", "reloaded =", "Alive:",
        "Enabled =", "Up =", "Has run", "Current weight", "effective weight", "previous effective_weight",
        "num failed checkers", "No reload scheduled", "RS set", "Regex ref count", "Last ran", "Last status",
        "System is compiled with LVS",
        "uid:gid =", "Reloaded =", "Default delay before retry",
    ]

    /// The line as both would write it; nil for one that they cannot share.
    private static func common(_ line: Substring) -> String? {
        let words = line.drop { $0 == " " }
        if foreignLines.contains(where: words.hasPrefix) { return nil }
        if words.hasPrefix("Using src_ip"), !words.hasSuffix("(from configuration)") { return nil }
        if words.hasPrefix("Password") { return "   Password" }
        // keepalived says TCP twice.
        if words.hasPrefix("LVS TCP timeout") || words.hasPrefix("LVS UDP timeout") { return " LVS timeout" }
        if words.hasPrefix("VRRP Sync Group ="), let comma = line.lastIndex(of: ",") { return String(line[..<comma]) }
        if words.hasPrefix("Multicast address"), let comma = line.firstIndex(of: ",") { return String(line[..<comma]) }
        // An address that stands, and one that does not yet.
        if words.hasSuffix(" set") { return String(line.dropLast(" set".utf8.count)) }
        if words.hasPrefix("RIP ="), let weight = line.lastIndex(of: "E"), line[..<weight].hasSuffix(" EFF W") {
            return String(line[..<weight].dropLast(" EFF W".utf8.count))
        }
        if words.hasPrefix("Use VMAC") {
            return line.split(separator: ",").filter { !$0.hasPrefix(" is_up") }.joined(separator: ",")
        }
        // keepalived lists every option there is.
        if words.hasPrefix("Regex options:") { return "     Regex options:" }
        if words.hasPrefix("default forwarding method") { return "   " + words.dropFirst("default ".utf8.count) }
        return withoutUser(line)
    }

    /// `, uid:gid 0:0` at the end.
    private static func withoutUser(_ line: Substring) -> String {
        guard let comma = line.lastIndex(of: ","), line[comma...].hasPrefix(", uid:gid ") else { return String(line) }
        return String(line[..<comma])
    }

    /// keepalived has flags without a name.
    private static func withoutEmptyFlags(_ lines: [String]) -> [String] {
        lines.indices.map { index in
            let isLast = index + 1 == lines.count || !lines[index + 1].hasPrefix("     ")
            return lines[index] == "   Flags:" && isLast ? "   Flags: none" : lines[index]
        }
    }

    /// Routes and rules are listed as the kernel has them here, and as they were written there: that there are so many must do.
    private static func withoutRoutes(_ lines: [String]) -> [String] {
        let titles = [
            "   Virtual Routes :", "   Virtual Rules :", "------< Static Routes >------",
            "------< Static Rules >------",
        ]
        var isRoute = false
        return lines.map { line in
            if isRoute, line.hasPrefix("     ") { return "     (a route or a rule)" }
            isRoute = titles.contains(line)
            return line
        }
    }

    private static func withoutStrictAccept(_ lines: [String]) -> [String] {
        var isStrict = false
        return lines.filter { line in
            if line.hasPrefix(" VRRP Instance") { isStrict = false }
            if line.hasSuffix("Enforcing strict VRRP compliance") { isStrict = true }
            return !(isStrict && line.hasPrefix("   Accept ="))
        }
    }
}
