/// Whether only root decides what lies at a path.
public enum PathSafety {
    /// The most links on the way, as the kernel's own limit (path_resolution(7)).
    static let linkLimit = 40

    /// Who besides root could put something else there; nil when nobody. Walks the path as the kernel does, so
    /// that the directories of each symbolic link and of its target count as well.
    public static func fault(of path: String) -> String? {
        guard path.utf8.first == UInt8(ascii: "/") else { return "\(path) is no absolute path" }
        var rest = components(path)
        var prefix: [String] = []
        var links = 0
        if let fault = fault(at: "/") { return fault }
        while let component = rest.popLast() {
            if component == ".." {
                _ = prefix.popLast()
                continue
            }
            let place = "/" + (prefix + [component]).joined(separator: "/")
            guard let status = try? Files.status(place, followLinks: false) else {
                return "\(place) cannot be looked at"
            }
            if status.isSymbolicLink {
                // Its own permissions mean nothing, those of its directory have been looked at.
                links += 1
                guard links <= linkLimit, let target = try? Files.linkTarget(place) else {
                    return "\(place) cannot be followed"
                }
                if status.uid != 0 { return "\(place) belongs to user \(status.uid)" }
                if target.utf8.first == UInt8(ascii: "/") { prefix = [] }
                rest += components(target)
                continue
            }
            if let fault = fault(status, at: place) { return fault }
            prefix.append(component)
        }
        return nil
    }

    /// Last first.
    private static func components(_ path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
            .reversed()
    }

    private static func fault(at place: String) -> String? {
        guard let status = try? Files.status(place) else { return "\(place) cannot be looked at" }
        return fault(status, at: place)
    }

    private static func fault(_ status: FileStatus, at place: String) -> String? {
        if status.uid != 0 { return "\(place) belongs to user \(status.uid)" }
        let isSticky = status.isDirectory && status.mode & 0o1000 != 0
        if status.isWorldWritable, !isSticky { return "everybody may write \(place)" }
        if status.isGroupWritable, status.gid != 0, !isSticky { return "group \(status.gid) may write \(place)" }
        return nil
    }
}
