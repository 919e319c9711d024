import ConfigLanguage
import Glibc
import Primitives
import Testing

@testable import LinuxWorld

@Suite struct UserDatabaseTests {
    static let passwd = """
        root:x:0:0:root:/root:/bin/bash
        # a comment
        keepalived_script:x:990:991::/:/bin/false
        short:x:1
        bad:x:abc:1::/:/bin/sh
        huge:x:4294967296:1::/:/bin/sh
        :x:5:5::/:/bin/sh

        web:x:1000:1000:Web,,,:/srv/web:/bin/sh
        """
    static let group =
        "root:x:0:\nscripts:x:991:\nadm:x:4:web,other\nwww:x:33:web\nweb:x:1000:web\nbroken\nbad:x:y:web\n"

    @Test func usersAreFound() {
        let database = UserDatabase(passwd: Array(Self.passwd.utf8), group: Array(Self.group.utf8))
        #expect(database.users.map(\.name) == ["root", "keepalived_script", "web"])
        #expect(database.identity(user: "web") == ProcessIdentity(uid: 1000, gid: 1000, groups: [1000, 4, 33]))
        #expect(database.identity(user: "keepalived_script") == ProcessIdentity(uid: 990, gid: 991, groups: [991]))
        #expect(
            database.identity(user: "web", group: "adm") == ProcessIdentity(uid: 1000, gid: 4, groups: [4, 33, 1000]))
        #expect(database.identity(user: "1000")?.groups == [1000, 4, 33])
        #expect(database.identity(user: "4711") == ProcessIdentity(uid: 4711, gid: 4711, groups: [4711]))
        #expect(database.identity(user: "nobody-here") == nil)
        #expect(database.identity(user: "web", group: "nothing") == nil)
    }

    @Test func garbageIsPassedOver() throws {
        var random = SplitMix64(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random) : [10, 58, 44, 48].randomElement(using: &random) ?? 0
            }
            _ = UserDatabase(passwd: bytes, group: bytes).identity(user: "0")
        }
        #expect(try UserDatabase.load().user("root")?.uid == 0)
    }
}

@Suite struct FilesTests {
    func withDirectory(_ body: (String) throws -> Void) throws {
        let path = "/tmp/aloft-files-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        try Files.makeDirectory(path)
        defer { do { try run("/bin/rm", ["-r", path]) } catch { Issue.record(error) } }
        try body(path)
    }

    @Test("A path is safe when only root may change it and every link on the way", .enabled(if: getuid() == 0))
    func safePaths() throws {
        try withDirectory { directory in
            let (safe, open) = (directory + "/safe", directory + "/open")
            for path in [safe, open] { try Files.makeDirectory(path) }
            #expect(chmod(open, 0o777) == 0)
            let script = safe + "/script"
            try Files.writeAtomically(script, [], mode: 0o755)
            #expect(PathSafety.fault(of: script) == nil)
            // A link of root's own is fine, one that lies where others may replace it is not, wherever it points.
            #expect(symlink("script", safe + "/near") == 0 && symlink(script, open + "/back") == 0)
            #expect(symlink(open + "/back", safe + "/far") == 0 && symlink("round", safe + "/round") == 0)
            #expect(PathSafety.fault(of: safe + "/./near") == nil)
            #expect(PathSafety.fault(of: safe + "/../safe/near") == nil)
            #expect(PathSafety.fault(of: safe + "/far") == "everybody may write \(open)")
            #expect(PathSafety.fault(of: safe + "/round") == "\(safe)/round cannot be followed")
            #expect(PathSafety.fault(of: safe + "/none") == "\(safe)/none cannot be looked at")
            #expect(PathSafety.fault(of: "script") != nil)
            #expect(chmod(script, 0o775) == 0 && chown(script, 0, 4) == 0)
            #expect(PathSafety.fault(of: script) == "group 4 may write \(script)")
            #expect(chown(script, 65534, 0) == 0)
            #expect(PathSafety.fault(of: script) == "\(script) belongs to user 65534")
        }
    }

    @Test func aFileIsReplacedWhole() throws {
        try withDirectory { directory in
            let path = directory + "/state"
            try Files.writeAtomically(path, Array("one".utf8), mode: 0o600)
            try Files.writeAtomically(path, Array("two".utf8), mode: 0o600)
            #expect(try Files.readText(path) == "two")
            #expect(try Files.status(path)?.mode == 0o100600)
            #expect(try Files.list(directory) == ["state"], "nothing temporary is left")
            #expect(try Files.read(path, limit: 3).count == 3)
            do throws(SystemError) {
                _ = try Files.read(path, limit: 2)
                Issue.record("a limit is a limit")
            } catch { #expect(error.errno == .tooLarge) }
            do throws(SystemError) {
                try Files.writeAtomically(directory + "/no/where", [])
                Issue.record("there is no such directory")
            } catch { #expect(error.errno == .notFound) }
            #expect(try Files.status(directory + "/nothing") == nil)
            #expect(try Files.status(directory)?.isDirectory == true)
            try Files.makeDirectory(directory)
        }
        #expect(try Files.read("/proc/self/status").count > 100, "a file without a size")
        #expect(Files.isExecutable("/bin/sh") && !Files.isExecutable("/etc/passwd"))
    }

    @Test("A file that is replaced keeps its mode and owner, and a link to it stays a link")
    func replacedInPlace() throws {
        try withDirectory { directory in
            let (path, link) = (directory + "/a.conf", directory + "/link")
            let (old, new) = (Array("old".utf8), Array("new".utf8))
            try Files.writeAtomically(path, old)
            chmod(path, 0o640)
            if isRoot { chown(path, 1234, 4321) }
            symlink("a.conf", link)
            let before = try #require(try Files.status(path))
            try Files.replace(link, old, with: new)
            #expect(try Files.read(path) == new)
            let after = try #require(try Files.status(path))
            #expect(after.mode == before.mode && after.uid == before.uid && after.gid == before.gid)
            #expect(try Files.status(link, followLinks: false)?.isSymbolicLink == true)
            #expect(try Files.list(directory) == ["a.conf", "link"])
        }
    }

    @Test("A file that was written meanwhile is left alone, and so is what is no file")
    func notReplaced() throws {
        try withDirectory { directory in
            let path = directory + "/a.conf"
            try Files.writeAtomically(path, Array("theirs".utf8))
            #expect(throws: SystemError.self) { try Files.replace(path, Array("old".utf8), with: []) }
            #expect(try Files.readText(path) == "theirs")
            #expect(throws: SystemError.self) { try Files.replace(directory, [], with: []) }
            #expect(throws: SystemError.self) { try Files.replace(directory + "/none", [], with: []) }
            #expect(try Files.list(directory) == ["a.conf"])
        }
    }

    @Test func globsFindWhatAShellWould() throws {
        try withDirectory { directory in
            try Files.makeDirectory(directory + "/conf.d")
            try Files.makeDirectory(directory + "/other")
            for name in [
                "a.conf", "b.conf", "c.txt", ".hidden.conf", "conf.d/1.conf", "conf.d/2.conf", "other/1.conf",
                "x[1].conf",
            ] {
                try Files.writeAtomically("\(directory)/\(name)", [])
            }
            func find(_ pattern: String) -> [String] {
                Glob.paths(matching: directory + "/" + pattern).map { String($0.dropFirst(directory.utf8.count + 1)) }
            }
            #expect(find("*.conf") == ["a.conf", "b.conf", "x[1].conf"])
            #expect(find(".*.conf") == [".hidden.conf"])
            #expect(find("?.*") == ["a.conf", "b.conf", "c.txt"])
            #expect(find("[ab].conf") == ["a.conf", "b.conf"])
            #expect(find("[!a-b].*") == ["c.txt"])
            #expect(find("*/1.conf") == ["conf.d/1.conf", "other/1.conf"])
            #expect(find("{conf.d,other}/{1,2}.conf") == ["conf.d/1.conf", "conf.d/2.conf", "other/1.conf"])
            #expect(find("{a,{b,c}}.{conf,txt}") == ["a.conf", "b.conf", "c.txt"])
            #expect(find("a.conf") == ["a.conf"])
            #expect(find("nothing*") == [] && find("nothing") == [])
            #expect(find("x\\[1\\].conf") == ["x[1].conf"])
            #expect(find("{a.conf,a.conf,*.conf}") == ["a.conf", "b.conf", "x[1].conf"])
            #expect(find("{a.conf") == [] && find("[a") == [])
        }
    }

    @Test func hostilePatternsEnd() {
        let name = Array(repeating: UInt8(ascii: "a"), count: 2000)
        #expect(!GlobPattern.matches(name, Array(String(repeating: "*a", count: 500).utf8) + [UInt8(ascii: "b")]))
        _ = Glob.paths(matching: String(repeating: "{a,b}", count: 40))
        _ = Glob.paths(matching: String(repeating: "{", count: 5000))
        _ = Glob.paths(matching: String(repeating: "{a,", count: 300) + String(repeating: "}", count: 300))
        var random = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                Array("ab*?[]!-\\{},^".utf8).randomElement(using: &random) ?? 0
            }
            _ = GlobPattern.matches(Array("abab".utf8), bytes)
            _ = GlobPattern.expandBraces(bytes, limit: 64)
        }
    }

    @Test(.enabled(if: isRoot, rootNeeded)) func sysctlsBelongToTheThreadsNamespace() throws {
        let network = try TestNetwork("sy")
        try NetworkNamespace(named: network.left).run { () throws(SystemError) in
            try Sysctl.write("net/ipv4/conf/eth0/promote_secondaries", "1")
            let value = try Sysctl.read("net/ipv4/conf/eth0/promote_secondaries")
            #expect(value == "1")
        }
        #expect(try ip("netns exec \(network.right) cat /proc/sys/net/ipv4/conf/eth0/promote_secondaries") == "0\n")
        for name in ["../../etc/passwd", "net/../../x", "", "net//ipv4", "/net"] {
            #expect(throws: SystemError.self) { try Sysctl.read(name) }
        }
    }

    @Test func theHostHasAName() {
        #expect(!Host.name().isEmpty)
        #expect(Host.interface(named: "lo") != nil)
        #expect(Host.interface(named: "nothing-here") == nil)
    }
}
