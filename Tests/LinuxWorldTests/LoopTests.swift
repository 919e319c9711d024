import CLinux
import Glibc
import Primitives
import Testing

@testable import LinuxWorld

func send(_ bytes: [UInt8], _ connection: borrowing UnixConnection) throws -> Transfer {
    try connection.send(bytes.span.bytes)
}

@Suite struct LoopTests {
    @Test func aWaitEndsAtItsDeadlineAndNotBefore() throws {
        var poller = try Poller()
        var late: [Int64] = []
        for _ in 0..<100 {
            let deadline = BootClock.now() + .milliseconds(2)
            #expect(try poller.wait(until: deadline) == 0)
            late.append((BootClock.now() - deadline).nanoseconds)
        }
        #expect(late.allSatisfy { $0 >= 0 })
        late.sort()
        print("poller: late by p50 \(late[50] / 1000) µs, p99 \(late[98] / 1000) µs")
        // In the past: only looks.
        let start = BootClock.now()
        #expect(try poller.wait(until: .zero) == 0)
        #expect(try poller.wait(until: Instant(nanoseconds: .min)) == 0)
        #expect(BootClock.now() - start < .milliseconds(500))
    }

    @Test func whatIsReadyIsReportedWithItsToken() throws {
        var poller = try Poller(capacity: 2)
        let pair = try UnixConnection.pair(.stream)
        try poller.add(pair.first.descriptor, token: 42)
        #expect(try poller.wait(until: .zero) == 0)
        #expect(try send([1, 2, 3], pair.second) == .bytes(3))
        // A deadline that was set before must neither hide nor repeat what came.
        for _ in 0..<3 {
            #expect(try poller.wait(until: .distantFuture) == 1)
            #expect(poller.event(0).token == 42 && poller.event(0).isReadable && !poller.event(0).isWritable)
        }
        var bytes: [UInt8] = []
        #expect(try pair.first.receive(into: &bytes, limit: 10) == .bytes(3))
        #expect(bytes == [1, 2, 3])
        #expect(try pair.first.receive(into: &bytes, limit: 10) == .wouldBlock)
        #expect(try poller.wait(until: BootClock.now() + .milliseconds(5)) == 0)
        try poller.modify(pair.first.descriptor, token: 43, interest: [.read, .write])
        #expect(try poller.wait(until: .distantFuture) == 1)
        #expect(poller.event(0).token == 43 && poller.event(0).isWritable)
        try poller.remove(pair.first.descriptor)
        #expect(try poller.wait(until: .zero) == 0)
    }

    @Test func aTimerThatFiredWhileSomethingElseWasReadyIsNotLost() throws {
        var poller = try Poller()
        let pair = try UnixConnection.pair(.stream)
        try poller.add(pair.first.descriptor, token: 1)
        _ = try send([1], pair.second)
        let deadline = BootClock.now() + .milliseconds(1)
        usleep(3000)
        #expect(try poller.wait(until: deadline) == 1)
        try poller.remove(pair.first.descriptor)
        let next = BootClock.now() + .milliseconds(20)
        #expect(try poller.wait(until: next) == 0)
        #expect(BootClock.now() >= next)
    }

    @Test func aClosedPeerIsReported() throws {
        let pair = try UnixConnection.pair(.seqPacket)
        let (mine, theirs) = pair.ends()
        let connection = UnixConnection(adopting: FileDescriptor(owning: mine))
        close(theirs)
        var bytes: [UInt8] = []
        #expect(try connection.receive(into: &bytes, limit: 10) == .closed)
        #expect(try send([1], connection) == .closed)
    }

    @Test func signalsAreRead() throws {
        // A real-time signal to this thread only: nobody else of the test process can take it.
        let number = Signal.realtimeMinimum + 5
        let source = try SignalSource([number])
        #expect(try source.receive() == nil)
        pthread_kill(pthread_self(), number)
        #expect(aloft_poll_one(source.descriptor.rawValue, 0, 5000) > 0)
        let received = try #require(try source.receive())
        #expect(received.signal == number && received.senderPID == getpid())
        #expect(try source.receive() == nil)
    }

    @Test func aListenerKnowsItsPeers() throws {
        for path in ["/tmp/aloft-listener-\(getpid())", "@aloft-listener-\(getpid())"] {
            defer { unlink(path) }
            let listener = try UnixListener(path: path, mode: 0o600)
            #expect(try listener.accept() == nil)
            #expect(throws: SystemError.self) { _ = try UnixListener(path: path) }
            let client = try UnixConnection(connectingTo: path)
            guard let server = try listener.accept() else {
                Issue.record("nobody to accept")
                continue
            }
            let peer = try server.peer()
            #expect(peer.pid == getpid() && peer.uid == geteuid())
            #expect(try send([9], client) == .bytes(1))
            var bytes: [UInt8] = []
            #expect(try server.receive(into: &bytes, limit: 100) == .bytes(1))
            if path.hasPrefix("/") {
                let status = try #require(try Files.status(path))
                #expect(status.mode & 0o777 == 0o600)
            }
        }
        do throws(SystemError) {
            _ = try UnixListener(path: String(repeating: "x", count: 200))
            Issue.record("a path of 200 bytes fits no sockaddr_un")
        } catch { #expect(error.errno == .nameTooLong) }
    }

    @Test func systemdIsToldOnItsSocket() throws {
        for path in ["/tmp/aloft-notify-\(getpid())", "@aloft-notify-\(getpid())"] {
            defer { unlink(path) }
            let systemd = UnixConnection(
                adopting: try UnixListener(path: path, kind: .datagram).takeDescriptor())
            let notifier = try SystemdNotifier(environment: path)
            #expect(notifier.isActive == true)
            #expect(notifier.notify("READY=1\nSTATUS=up") == true)
            var bytes: [UInt8] = []
            #expect(try systemd.receive(into: &bytes, limit: 100) == .bytes(17))
            #expect(String(decoding: bytes, as: UTF8.self) == "READY=1\nSTATUS=up")
            let log = try Syslog(tag: "aloft", path: path)
            #expect(log.write("hello", severity: 6) == true)
            bytes = []
            _ = try systemd.receive(into: &bytes, limit: 100)
            #expect(String(decoding: bytes, as: UTF8.self) == "<30>aloft[\(getpid())]: hello")
        }
        let absent = try SystemdNotifier(environment: nil)
        #expect((absent.isActive, absent.notify("READY=1")) == (false, false))
    }
}

@Suite struct SharedMemoryTests {
    @Test func twoMappingsAreOneMemory() throws {
        let first = try SharedMemory(name: "test", size: 4096)
        let second = try SharedMemory(adopting: try first.descriptor.duplicate())
        #expect(second.size == 4096)
        #expect(first.write(([1, 2, 3] as [UInt8]).span.bytes, at: 4093) == true)
        #expect(second.read(3, at: 4093) == [1, 2, 3])
        #expect(second.withBytes(2, at: 4094) { $0.uint16(at: 0) } == 0x0203)
        #expect(first.store(0x0102_0304_0506_0708, at: 8) == true)
        #expect(second.load(at: 8) == 0x0102_0304_0506_0708)
    }

    @Test func whatLiesOutsideIsRefused() throws {
        let memory = try SharedMemory(name: "test", size: 64)
        for (count, offset) in [
            (1, 64), (65, 0), (-1, 0), (1, -1), (Int.max, 1), (1, Int.max), (Int.max, Int.max), (1, Int.min),
        ] {
            #expect(memory.read(count, at: offset) == nil)
        }
        #expect(memory.read(0, at: 64) == [])
        #expect(memory.read(64, at: 0)?.count == 64)
        #expect(memory.write(([1, 2] as [UInt8]).span.bytes, at: 63) == false)
        for offset in [-8, 1, 4, 57, 60, 64, Int.max, Int.min] {
            #expect(memory.load(at: offset) == nil)
            #expect(memory.store(1, at: offset) == false)
        }
        #expect(memory.read(64, at: 0) == Array(repeating: 0, count: 64), "and nothing was written")
    }

    @Test func whatCouldShrinkIsNotMapped() throws {
        let path = "/dev/shm/aloft-\(getpid())"
        let file = open(path, O_CREAT | O_RDWR, 0o600)
        unlink(path)
        #expect(throws: SystemError.self) { _ = try SharedMemory(adopting: FileDescriptor(owning: file)) }
        #expect(throws: SystemError.self) {
            _ = try SharedMemory(adopting: FileDescriptor(owning: open("/etc/passwd", O_RDONLY)))
        }
        #expect(throws: SystemError.self) { _ = try SharedMemory(name: "empty", size: 0) }
    }
}
