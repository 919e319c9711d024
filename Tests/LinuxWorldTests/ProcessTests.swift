import CLinux
import Glibc
import Primitives
import Testing

@testable import LinuxWorld

@Suite struct ProcessTests {
    func output(_ request: SpawnRequest) throws -> String {
        var request = request
        var text: [UInt8] = []
        let (reading, writing) = try FileDescriptor.pipe().ends()
        let out = FileDescriptor(owning: reading)
        request.descriptors += [(1, writing), (2, writing)]
        var child = try Spawner.spawn(request)
        _ = aloft_close(writing)
        while try out.read(into: &text, limit: 65536) != .closed {}
        #expect(try ended(&child, within: .seconds(5)) == .exited(0))
        return String(decoding: text, as: UTF8.self)
    }

    @Test func aChildGetsWhatIsNamedAndNothingElse() throws {
        let leaked = open("/dev/null", O_RDONLY)  // without O_CLOEXEC
        defer { close(leaked) }
        let memory = try SharedMemory(name: "handed", size: 4096)
        memory.write([UInt8]("hello".utf8).span.bytes, at: 0)
        var request = SpawnRequest(
            "/bin/sh",
            ["-c", "ls /proc/$$/fd; readlink /proc/$$/fd/0; head -c 5 <&7; echo; pwd; env | grep -v _= | sort; umask"],
            environment: ["ONE=1", "PATH=/bin:/usr/bin"])
        request.descriptors = [(7, memory.descriptor.rawValue)]
        let lines = try output(request).split(separator: "\n").map(String.init)
        #expect(
            lines == ["0", "1", "2", "7", "/dev/null", "hello", "/", "ONE=1", "PATH=/bin:/usr/bin", "PWD=/", "0022"])
    }

    @Test func aChildMayGetALowerLimitOfDescriptorsThanItsParent() throws {
        let before = try DescriptorLimit.raise(to: 65536)
        let own = try DescriptorLimit.current()
        #expect(own.soft == own.hard && own.hard >= before.hard)
        var request = SpawnRequest("/bin/sh", ["-c", "ulimit -Sn; ulimit -Hn"])
        #expect(try output(request) == "\(own.soft)\n\(own.hard)\n")
        request.descriptorLimit = DescriptorLimit(soft: 20, hard: 200)
        #expect(try output(request) == "20\n200\n")
    }

    @Test func descriptorsMayChangePlaces() throws {
        let (a, b) = try FileDescriptor.pipe().ends()
        let (c, d) = try FileDescriptor.pipe().ends()
        defer { for descriptor in [a, b, c, d] { close(descriptor) } }
        var request = SpawnRequest("/bin/sh", ["-c", "echo first > /proc/$$/fd/\(b); echo second > /proc/$$/fd/\(d)"])
        request.descriptors = [(b, d), (d, b)]
        var child = try Spawner.spawn(request)
        #expect(try ended(&child, within: .seconds(5)) == .exited(0))
        var text: [UInt8] = []
        let first = FileDescriptor(owning: dup(a))
        let second = FileDescriptor(owning: dup(c))
        try second.setNonBlocking()
        try first.setNonBlocking()
        _ = try second.read(into: &text, limit: 100)
        _ = try first.read(into: &text, limit: 100)
        #expect(String(decoding: text, as: UTF8.self) == "first\nsecond\n")
    }

    @Test func whatCannotBeExecutedSaysWhy() throws {
        func failure(_ request: SpawnRequest) -> SystemError? {
            do throws(SystemError) {
                _ = try Spawner.spawn(request)
                return nil
            } catch { return error }
        }
        #expect(failure(SpawnRequest("/nowhere/at/all"))?.errno == .notFound)
        #expect(failure(SpawnRequest("/etc/passwd"))?.errno == .accessDenied)
        var request = SpawnRequest("/bin/true")
        request.directory = "/nowhere"
        let error = failure(request)
        #expect(error?.errno == .notFound)
        #expect(error?.description == "cannot enter the directory of /bin/true: No such file or directory")
        request.directory = "/"
        request.descriptors = [(5, 9999)]
        #expect(failure(request)?.errno == Errno(9))
    }

    @Test(.enabled(if: isRoot, "needs root: it runs programs as another user"))
    func aScriptRunsAsItsUser() throws {
        var request = SpawnRequest("/usr/bin/id", [])
        request.identity = ProcessIdentity(uid: 65534, gid: 65534, groups: [4, 24])
        let text = try output(request)
        #expect(text.hasPrefix("uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup),4(adm),24(cdrom)"))
        request = SpawnRequest("/bin/cat", ["/proc/self/status"])
        request.identity = ProcessIdentity(uid: 65534, gid: 65534)
        request.noNewPrivileges = true
        let status = try output(request).split(separator: "\n").map { $0.replacing("\t", with: " ") }
        #expect(status.contains("Uid: 65534 65534 65534 65534"))
        #expect(status.contains("CapEff: 0000000000000000"))
        #expect(status.contains("Groups:  ") || status.contains("Groups: "))
        #expect(status.contains("SigBlk: 0000000000000000"))
        #expect(status.contains("SigIgn: 0000000000000000"))
        #expect(status.contains("NoNewPrivs: 1"))
    }

    @Test(.enabled(if: isRoot, "needs root: it gives capabilities away"), arguments: [UInt32(0), 65534])
    func aWorkerKeepsOnlyTheCapabilitiesItIsGiven(_ uid: UInt32) throws {
        var request = SpawnRequest("/bin/cat", ["/proc/self/status"])
        request.identity = ProcessIdentity(uid: uid, gid: uid)
        request.capabilities = [.netAdmin, .netRaw]
        let status = try output(request).split(separator: "\n").map { $0.replacing("\t", with: " ") }
        for set in ["CapEff", "CapPrm", "CapBnd"] { #expect(status.contains("\(set): 0000000000003000"), "\(status)") }
    }

    @Test func aWholeGroupIsKilledAtItsTimeout() throws {
        var child = try Spawner.spawn(
            SpawnRequest("/bin/sh", ["-c", "sleep 1000 & sleep 1000 & trap '' TERM; wait; sleep 1000"]))
        #expect(try child.reap() == nil)
        var poller = try Poller()
        try poller.add(child.descriptor, token: 5)
        #expect(try poller.wait(until: BootClock.now() + .milliseconds(50)) == 0)
        #expect(try child.signalGroup(Signal.kill))
        #expect(try poller.wait(until: BootClock.now() + .seconds(5)) == 1)
        #expect(poller.event(0).token == 5 && poller.event(0).isReadable)
        #expect(try child.reap() == .signalled(9, dumpedCore: false))
        #expect(try child.reap() == .signalled(9, dumpedCore: false), "asking again is allowed")
        #expect(try child.signalGroup(Signal.kill) == false, "the number may be another's by now")
        #expect(try child.signal(Signal.kill) == false)
        // Nobody of the group is left.
        try eventually("the group is gone") { kill(-child.pid, 0) != 0 }
    }

    @Test func aChildDiesWithTheThreadThatStartedIt() throws {
        // The signal is tied to the thread (prctl(2)), so a thread is enough to show it.
        let (reading, writing) = try FileDescriptor.pipe().ends()
        let numbers = FileDescriptor(owning: reading)
        var thread = pthread_t()
        let context = UnsafeMutableRawPointer(bitPattern: Int(writing))
        let started = pthread_create(
            &thread, nil,
            { @Sendable context in
                var request = SpawnRequest("/bin/sleep", ["1000"])
                request.deathSignal = Signal.terminate
                var text = [UInt8]("0".utf8)
                do { text = [UInt8]("\(try Spawner.spawn(request).pid)".utf8) } catch {}
                _ = aloft_write(Int32(Int(bitPattern: context)), text, UInt64(text.count))
                return nil
            }, context)
        #expect(started == 0)
        pthread_join(thread, nil)
        close(writing)
        var text: [UInt8] = []
        while try numbers.read(into: &text, limit: 32) != .closed {}
        let pid = try #require(Int32(String(decoding: text, as: UTF8.self)))
        #expect(pid > 0)
        let handle = try ProcessHandle(pid: pid)
        try eventually("the child ended") { handle.hasEnded() }
        var status: Int32 = 0
        #expect(waitpid(pid, &status, 0) == pid)
        #expect(status & 0x7F == Signal.terminate)
    }

    @Test func spawningIsQuick() throws {
        var times: [Int64] = []
        for _ in 0..<200 {
            let start = BootClock.now()
            var child = try Spawner.spawn(SpawnRequest("/bin/true"))
            times.append((BootClock.now() - start).nanoseconds)
            _ = try ended(&child, within: .seconds(5))
        }
        times.sort()
        print("spawn: p50 \(times[100] / 1000) µs, p99 \(times[198] / 1000) µs, max \(times[199] / 1000) µs")
    }

    @Test func aLockHasOneHolderAndSaysWho() throws {
        let path = "/tmp/aloft-lock-\(getpid())"
        defer { unlink(path) }
        do {
            guard let lock = try LockFile.acquire(path) else {
                Issue.record("nobody holds it")
                return
            }
            #expect(try isTaken(path))
            #expect(try LockFile.holder(of: path) == getpid())
            try lock.record(pid: 7)
            #expect(try LockFile.holder(of: path) == 7)
            // An heir holds it on, after we have closed ours.
            var request = SpawnRequest("/bin/sleep", ["1000"])
            request.descriptors = [(5, lock.descriptor.rawValue)]
            var heir = try Spawner.spawn(request)
            _ = consume lock
            #expect(try isTaken(path))
            try heir.signal(Signal.kill)
            _ = try ended(&heir, within: .seconds(5))
        }
        // A child that another test is just spawning has a copy of every descriptor until its exec.
        try eventually("nobody holds the lock") { try !isTaken(path) }
    }

    func isTaken(_ path: String) throws -> Bool {
        switch try LockFile.acquire(path) {
        case .some: false
        case .none: true
        }
    }

    @Test(.enabled(if: isRoot, "needs root: it asks for real-time scheduling"))
    func realTimeIsNotInherited() throws {
        defer { do { try Scheduling.ordinary() } catch { Issue.record(error) } }
        do throws(SystemError) {
            try Scheduling.realtime(priority: 3)
        } catch {
            Issue.record(error)
            return
        }
        #expect(Scheduling.realtimePriority == 3)
        let text = try output(SpawnRequest("/bin/cat", ["/proc/self/sched"]))
        let policy = text.split(separator: "\n").first { $0.hasPrefix("policy") }
        #expect(policy?.hasSuffix(" 0") ?? true)
    }

    @Test(.enabled(if: isRoot, "needs root: it locks memory"))
    func memoryCanBeLocked() throws {
        try Scheduling.lockMemory()
        let locked = try Files.readText("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmLck") }
        #expect(locked?.contains(" 0 kB") == false)
        try Scheduling.unlockMemory()
    }
}
