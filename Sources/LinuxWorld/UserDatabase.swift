/// The users and groups of /etc/passwd and /etc/group, read directly: a static executable has no NSS.
/// Lines that are not what passwd(5) and group(5) say are passed over.
public struct UserDatabase: Sendable {
    public struct User: Hashable, Sendable {
        public var name: String
        public var uid: UInt32
        public var gid: UInt32
        public var home: String
        public var shell: String
    }

    public struct Group: Hashable, Sendable {
        public var name: String
        public var gid: UInt32
        public var members: [String]
    }

    public private(set) var users: [User] = []
    public private(set) var groups: [Group] = []

    public init(passwd: [UInt8], group: [UInt8]) {
        for fields in Self.records(passwd) where fields.count >= 7 {
            guard let uid = UInt32(fields[2]), let gid = UInt32(fields[3]), !fields[0].isEmpty else { continue }
            users.append(User(name: fields[0], uid: uid, gid: gid, home: fields[5], shell: fields[6]))
        }
        for fields in Self.records(group) where fields.count >= 4 {
            guard let gid = UInt32(fields[2]), !fields[0].isEmpty else { continue }
            let members = fields[3].utf8.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
            groups.append(Group(name: fields[0], gid: gid, members: members))
        }
    }

    /// Reads the files under `/etc`. A missing group file is an empty one.
    public static func load() throws(SystemError) -> UserDatabase {
        let passwd = try Files.read("/etc/passwd", limit: 16 << 20)
        let group: [UInt8]
        do { group = try Files.read("/etc/group", limit: 16 << 20) } catch { group = [] }
        return UserDatabase(passwd: passwd, group: group)
    }

    public func user(_ name: String) -> User? { users.first { $0.name == name } }
    public func user(id: UInt32) -> User? { users.first { $0.uid == id } }
    public func group(_ name: String) -> Group? { groups.first { $0.name == name } }

    /// What a process of this user runs as: its own group, or `group` when named, and every group that lists it.
    /// Either name may be a number. Nil when one is unknown.
    public func identity(user name: String, group groupName: String? = nil) -> ProcessIdentity? {
        let known = user(name) ?? UInt32(name).flatMap { user(id: $0) }
        guard let uid = known?.uid ?? UInt32(name) else { return nil }
        var gid = known?.gid ?? uid
        if let groupName {
            guard let named = group(groupName)?.gid ?? UInt32(groupName) else { return nil }
            gid = named
        }
        var all = [gid]
        if let known {
            for group in groups where group.members.contains(known.name) && !all.contains(group.gid) {
                all.append(group.gid)
            }
        }
        return ProcessIdentity(uid: uid, gid: gid, groups: all)
    }

    private static func records(_ file: [UInt8]) -> [[String]] {
        file.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
        }
    }
}
