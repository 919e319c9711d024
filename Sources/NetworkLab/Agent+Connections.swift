import Glibc
import Primitives

/// The agent's jobs over TCP: servers that say who they are, clients that ask with a connection each, and one that keeps its connection.
extension Agent {
    private static let patience = Duration.seconds(1)

    /// Says the node's name and a newline to whoever connects to `port`, of either family, and again whenever it is asked.
    static func serve(node: String, port: UInt16) throws(LabError) -> Never {
        let listener = try AgentSocket.open(AF_INET6, SOCK_STREAM, 0)
        var on: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        let any = AgentSocket.socketAddress(.v6(IPv6Address(high: 0, low: 0)), port: port)
        try AgentSocket.bind(listener, to: any, "bind port \(port)")
        guard listen(listener, 128) == 0 else { throw .system("listen") }
        emit("ready")
        let answer = Array((node + "\n").utf8)
        var connections: [Int32] = []
        var buffer = [UInt8](repeating: 0, count: 64)
        while true {
            for descriptor in AgentSocket.waitReadable([listener] + connections, upTo: nil) {
                if descriptor == listener {
                    let connection = accept(listener, nil, nil)
                    guard connection >= 0 else { continue }
                    connections.append(connection)
                    say(answer, on: connection)
                } else if recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {
                    say(answer, on: descriptor)
                } else {
                    close(descriptor)
                    connections.removeAll { $0 == descriptor }
                }
            }
        }
    }

    private struct Call {
        var descriptor: Int32
        var asked: Instant
    }

    /// A connection every `step`; prints `ASKED ANSWERED NODE` for each that was answered within a second.
    static func call(_ address: IPAddress, port: UInt16, every step: Duration) throws(LabError) -> Never {
        emit("ready")
        var calls: [Call] = []
        var due = LabClock.now()
        while true {
            let now = LabClock.now()
            if now >= due {
                // Where there is no route at the moment there is no answer either.
                if let descriptor = try? connect(to: address, port: port) {
                    calls.append(Call(descriptor: descriptor, asked: now))
                }
                due = now - due > step ? now + step : due + step  // late: do not hurry after
            }
            let ready = AgentSocket.waitReadable(calls.map(\.descriptor), upTo: due - LabClock.now())
            calls.removeAll { call in
                let isReady = ready.contains(call.descriptor)
                if isReady, let name = hear(call.descriptor) {
                    emit("\(call.asked.nanoseconds) \(LabClock.now().nanoseconds) \(name)")
                } else if !isReady, now - call.asked < patience {
                    return false
                }
                close(call.descriptor)
                return true
            }
        }
    }

    /// One connection that asks every `step`; prints the same, and ends with `broken` when nothing comes for a second.
    static func hold(_ address: IPAddress, port: UInt16, every step: Duration) throws(LabError) -> Never {
        let descriptor = try connect(to: address, port: port)
        emit("ready")
        var asked = LabClock.now()
        while AgentSocket.waitReadable([descriptor], upTo: patience) == [descriptor], let name = hear(descriptor) {
            emit("\(asked.nanoseconds) \(LabClock.now().nanoseconds) \(name)")
            _ = AgentSocket.waitReadable([], upTo: step)
            asked = LabClock.now()
            say([0x3F], on: descriptor)
        }
        emit("broken")
        exit(0)
    }

    /// Begins to connect.
    private static func connect(to address: IPAddress, port: UInt16) throws(LabError) -> Int32 {
        let descriptor = try AgentSocket.open(address.family == .ipv4 ? AF_INET : AF_INET6, SOCK_STREAM, 0)
        let target = AgentSocket.socketAddress(address, port: port)
        let result = target.withUnsafeBytes { bytes in
            Glibc.connect(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
        guard result == 0 || errno == EINPROGRESS else {
            defer { close(descriptor) }
            throw .system("connect to \(address)")
        }
        return descriptor
    }

    private static func say(_ bytes: [UInt8], on descriptor: Int32) {
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
    }

    /// The name; nil when the connection ended.
    private static func hear(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 64)
        guard let count = AgentSocket.receive(descriptor, into: &buffer), count > 1 else { return nil }
        return String(decoding: buffer[..<(count - 1)], as: UTF8.self)
    }
}
