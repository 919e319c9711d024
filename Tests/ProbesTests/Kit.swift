import CLinux
import Configuration
import Foundation
import Health
import LinuxWorld
import Primitives
import Probes
import Testing

struct ServerFailed: Error, CustomStringConvertible {
    var description: String
}

/// A server on loopback that lives as long as this value: a child of the test, ended by its id.
final class TestServer {
    let port: UInt16
    private var child: ChildProcess
    /// servers.py ends when this does.
    private let input: FileDescriptor
    private let output: FileDescriptor

    /// One of servers.py.
    init(_ kind: String, _ argument: String = "") throws {
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "servers.py").path
        let (input, theirInput) = try Self.pipe(theyRead: true)
        let (output, theirOutput) = try Self.pipe(theyRead: false)
        child = try Self.spawn("/usr/bin/env", ["python3", script, kind, argument], theirInput, theirOutput)
        self.input = FileDescriptor(owning: input)
        self.output = FileDescriptor(owning: output)
        let line = try Self.line(of: self.output)
        guard let port = UInt16(line) else { throw ServerFailed(description: "\(kind) has no port: \(line)") }
        self.port = port
    }

    /// A program that is told its port and is there when the port is. `user`: who it runs as.
    init(_ path: String, port: UInt16, _ arguments: [String], as user: ProcessIdentity? = nil) throws {
        self.port = port
        let (input, theirInput) = try Self.pipe(theyRead: true)
        let (output, theirOutput) = try Self.pipe(theyRead: false)
        child = try Self.spawn(path, arguments, theirInput, theirOutput, as: user)
        self.input = FileDescriptor(owning: input)
        self.output = FileDescriptor(owning: output)
        let deadline = BootClock.now() + .seconds(30)
        while ask(.tcp(loopback(port))) != .success {
            guard try child.reap() == nil, BootClock.now() < deadline else {
                throw ServerFailed(description: "\(path) \(arguments) does not listen")
            }
            usleep(20_000)
        }
    }

    deinit { stop() }

    func stop() {
        do {
            for signal in [SIGTERM, SIGKILL] where try child.reap() == nil {
                try child.signalGroup(signal)
                _ = aloft_poll_one(child.descriptor.rawValue, 0, 5000)
            }
            _ = try child.reap()
        } catch {
            Issue.record(error)
        }
    }

    /// The next line that it writes.
    func nextLine() throws -> String { try Self.line(of: output) }

    /// Our end, and the one that the child gets.
    private static func pipe(theyRead: Bool) throws -> (ours: Int32, theirs: Int32) {
        let pipe = try FileDescriptor.pipe()
        let (reading, writing) = pipe.ends()
        return theyRead ? (writing, reading) : (reading, writing)
    }

    private static func spawn(
        _ path: String, _ arguments: [String], _ input: Int32, _ output: Int32, as user: ProcessIdentity? = nil
    ) throws -> ChildProcess {
        let null = try #require(FileHandle(forWritingAtPath: "/dev/null"))
        var request = SpawnRequest(path, arguments, environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"])
        request.descriptors = [(0, input), (1, output), (2, null.fileDescriptor)]
        request.identity = user
        let child = try Spawner.spawn(request)
        close(input)
        close(output)
        return child
    }

    private static func line(of pipe: borrowing FileDescriptor) throws -> String {
        var line: [UInt8] = []
        while line.last != 0x0A, case .bytes = try pipe.read(into: &line, limit: 1) {}
        return String(decoding: line.dropLast(), as: UTF8.self)
    }

    /// A port that was free a moment ago.
    static func freePort() throws -> UInt16 { try TestServer("silent").port }
}

func loopback(_ port: UInt16, timeout: Duration = .seconds(5)) -> HealthCheck.Connection {
    var connection = HealthCheck.Connection(.v4(IPv4Address(127, 0, 0, 1)), port: port)
    connection.timeout = timeout
    return connection
}

/// The verdict of a check; nil when there is none within a minute.
func ask(_ probe: HealthCheck.Probe, _ prober: Prober? = nil) -> Verdict? {
    var verdict: Verdict?
    do {
        let prober = try prober ?? Prober()
        let limit = BootClock.now() + .seconds(60)
        guard prober.start(probe, at: BootClock.now(), completion: { verdict = $0 }) != nil else {
            return nil
        }
        while verdict == nil, BootClock.now() < limit { try prober.wait(until: limit) }
        #expect(prober.count == 0)
    } catch {
        Issue.record(error)
    }
    return verdict
}

func reason(_ verdict: Verdict?) -> String? {
    if case .failure(let reason) = verdict { return reason }
    return nil
}

func http(
    _ port: UInt16, _ path: String = "/", timeout: Duration = .seconds(5),
    _ configure: (inout HTTPProbe.URL) -> Void = { _ in }
) -> HTTPProbe {
    var url = HTTPProbe.URL(path: path)
    configure(&url)
    return HTTPProbe(loopback(port, timeout: timeout), urls: [url])
}

/// A directory that goes with this value.
final class Scratch {
    let path: String

    init(_ name: String) throws {
        path =
            FileManager.default.temporaryDirectory.appending(
                path: "aloft-\(name)-\(getpid())-\(UInt32.random(in: 0 ... .max))"
            ).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    /// Runs a shell's command in here to its end.
    func run(_ command: String) throws {
        var request = SpawnRequest("/bin/sh", ["-c", command], environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"])
        request.directory = path
        let null = try #require(FileHandle(forWritingAtPath: "/dev/null"))
        request.descriptors = [(1, null.fileDescriptor), (2, null.fileDescriptor)]
        var child = try Spawner.spawn(request)
        _ = aloft_poll_one(child.descriptor.rawValue, 0, 60_000)
        guard try child.reap()?.isSuccess == true else { throw ServerFailed(description: "failed: \(command)") }
    }
}

/// Why this host could not ask.
func obstacle(_ verdict: Verdict?) -> String? {
    if case .inconclusive(let reason) = verdict { return reason }
    return nil
}
