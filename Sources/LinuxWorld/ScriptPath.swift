/// Where a command that is not a path is looked for.
public enum ScriptPath {
    public static let directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    /// A path as it is; a bare name where keepalived looks for it too. Nil when it is nowhere.
    public static func find(_ name: String) -> String? {
        if name.utf8.first == UInt8(ascii: "/") { return name }
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")) else { return nil }
        return directories.map { $0 + "/" + name }.first(where: Files.isExecutable)
    }
}
