import Glibc
import Primitives

/// What the hidden command `aloft lab-agent` does: the lab's hands inside a namespace. Each job prints
/// `ready` when its sockets are open, then a line for everything it sees, until it is killed.
public enum Agent {
    static let port: UInt16 = 7

    /// Runs the job that `arguments` name. Never returns on success.
    public static func run(_ arguments: [String]) throws(LabError) -> Never {
        let rest = Array(arguments.dropFirst())
        switch arguments.first {
        case "echo" where rest.count > 1:
            try echo(node: rest[0], addresses: rest.dropFirst().compactMap { IPAddress($0) })
        case "probe" where rest.count == 2:
            guard let address = IPAddress(rest[0]), let step = Int64(rest[1]), step > 0 else { break }
            try probe(address, every: .nanoseconds(step))
        case "serve" where rest.count == 2:
            if let port = UInt16(rest[1]) { try serve(node: rest[0], port: port) }
        case "call" where rest.count == 3, "hold" where rest.count == 3:
            guard let address = IPAddress(rest[0]), let port = UInt16(rest[1]), let step = Int64(rest[2]), step > 0
            else { break }
            if arguments.first == "hold" { try hold(address, port: port, every: .nanoseconds(step)) }
            try call(address, port: port, every: .nanoseconds(step))
        case "capture" where rest.count == 1: try capture(interface: rest[0])
        case "addresses" where rest.isEmpty: try watchAddresses()
        case "send" where rest.count == 5: try send(rest)
        case "room" where rest.isEmpty: try holdRoom()
        default: break
        }
        throw LabError(.failed, "lab-agent does not understand \(arguments)")
    }

    static func emit(_ line: String) { File.writeAll(Array((line + "\n").utf8), to: STDOUT_FILENO) }

    // MARK: Jobs

    /// Answers each datagram with its own bytes and the node's name. Bound to the addresses before they
    /// stand here (IP_FREEBIND), so an answer comes from the address that was asked.
    private static func echo(node: String, addresses: [IPAddress]) throws(LabError) -> Never {
        var sockets: [Int32] = []
        for address in addresses { sockets.append(try AgentSocket.udp(boundTo: address, port: port)) }
        emit("ready")
        var buffer = [UInt8](repeating: 0, count: 64)
        var peer = sockaddr_storage()
        while true {
            for descriptor in AgentSocket.waitReadable(sockets, upTo: nil) {
                var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
                withUnsafeMutableBytes(of: &peer) { peer in
                    let address = peer.assumingMemoryBound(to: sockaddr.self).baseAddress
                    let count = recvfrom(descriptor, &buffer, buffer.count, 0, address, &length)
                    guard count > 0 else { return }
                    let answer = Array(buffer[..<count]) + Array(node.utf8)
                    _ = sendto(descriptor, answer, answer.count, 0, address, length)
                }
            }
        }
    }

    /// Asks `address` every `step`; prints `ASKED ANSWERED NODE` for each answer. The question carries its
    /// time, so an answer needs no bookkeeping; the kernel stamps its arrival.
    private static func probe(_ address: IPAddress, every step: Duration) throws(LabError) -> Never {
        let descriptor = try AgentSocket.open(address.family == .ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0)
        AgentSocket.setReceiveBuffer(descriptor, 1 << 20)
        let target = AgentSocket.socketAddress(address, port: port)
        emit("ready")
        var buffer = [UInt8](repeating: 0, count: 64)
        var due = LabClock.now()
        while true {
            let now = LabClock.now()
            if now >= due {
                var question: [UInt8] = []
                question.append(bigEndian: now.nanoseconds)
                target.withUnsafeBytes { bytes in
                    let to = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
                    _ = sendto(descriptor, question, question.count, Int32(MSG_DONTWAIT), to, socklen_t(bytes.count))
                }
                due = now - due > step ? now + step : due + step  // late: do not hurry after
            }
            _ = AgentSocket.waitReadable([descriptor], upTo: due - LabClock.now())
            while let count = AgentSocket.receive(descriptor, into: &buffer) {
                guard count > 8, let asked = buffer.span.bytes.uint64(at: 0) else { continue }
                let arrival = AgentSocket.lastArrival(descriptor)
                emit("\(asked) \(arrival.nanoseconds) \(String(decoding: buffer[8..<count], as: UTF8.self))")
            }
        }
    }

    /// Prints a line for every frame of interest on `interface`.
    private static func capture(interface: String) throws(LabError) -> Never {
        let number = if_nametoindex(interface)
        guard number > 0 else { throw .system("interface \(interface)") }
        let everything = Int32(AgentSocket.everyProtocol.bigEndian)
        let descriptor = try AgentSocket.open(AgentSocket.familyPacket, SOCK_RAW, everything)
        AgentSocket.setReceiveBuffer(descriptor, 4 << 20)
        try AgentSocket.bind(descriptor, to: AgentSocket.packetAddress(number), "bind to \(interface)")
        emit("ready")
        var buffer = [UInt8](repeating: 0, count: 2048)
        while true {
            _ = AgentSocket.waitReadable([descriptor], upTo: nil)
            while let count = AgentSocket.receive(descriptor, into: &buffer) {
                let arrival = AgentSocket.lastArrival(descriptor)
                if let frame = Frame(ethernet: Array(buffer[..<count]), at: arrival) { emit(frame.line) }
            }
        }
    }

    /// Prints `TIME + PREFIX` when an address is added or refreshed and `TIME - PREFIX` when it goes.
    private static func watchAddresses() throws(LabError) -> Never {
        let descriptor = try AgentSocket.open(AgentSocket.familyNetlink, SOCK_RAW, 0)  // NETLINK_ROUTE
        AgentSocket.setReceiveBuffer(descriptor, 1 << 20)
        // RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR
        try AgentSocket.bind(descriptor, to: AgentSocket.netlinkAddress(groups: 0x10 | 0x100), "bind netlink")
        emit("ready")
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            _ = AgentSocket.waitReadable([descriptor], upTo: nil)
            while let count = AgentSocket.receive(descriptor, into: &buffer) {
                let now = LabClock.now()
                for change in AddressChange.decode(buffer[..<count]) {
                    emit("\(now.nanoseconds) \(change.isPresent ? "+" : "-") \(change.prefix)")
                }
            }
        }
    }
}

extension Agent {
    /// One IPv4 packet of protocol 112, forged as wanted: INTERFACE SOURCE DESTINATION TTL HEX.
    private static func send(_ arguments: [String]) throws(LabError) -> Never {
        guard let source = IPAddress(arguments[1]), let destination = IPAddress(arguments[2]),
            let timeToLive = UInt8(arguments[3])
        else { throw LabError(.failed, "lab-agent send: \(arguments)") }
        let digits = Array(arguments[4].utf8)
        let payload = stride(from: 0, to: digits.count - 1, by: 2).map { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
        }
        // IPPROTO_RAW: the header is ours; the kernel fills in the total length and the checksum (raw(7)).
        let descriptor = try AgentSocket.open(AF_INET, SOCK_RAW, 255)
        var name = Array(arguments[0].utf8CString)
        setsockopt(descriptor, SOL_SOCKET, 25, &name, socklen_t(name.count))  // SO_BINDTODEVICE
        var packet: [UInt8] = [0x45, 0xC0, 0, 0, 0, 0, 0, 0, timeToLive, 112, 0, 0]
        source.append(to: &packet)
        destination.append(to: &packet)
        packet += payload
        let target = AgentSocket.socketAddress(destination, port: 0)
        let sent = target.withUnsafeBytes { bytes in
            let to = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return sendto(descriptor, packet, packet.count, 0, to, socklen_t(bytes.count))
        }
        guard sent == packet.count else { throw .system("send to \(destination)") }
        exit(0)
    }

    /// A lab that only stands there, for the test that kills its process.
    private static func holdRoom() throws(LabError) -> Never {
        let lab = try Lab(agent: try Privilege.executablePath())
        let node = try lab.makeNode("a", addresses: ["10.0.0.1/24"])
        _ = try node.start(["sleep", "3600"])
        emit("ready")
        emit(lab.prefix)
        while true { pause() }
    }
}

/// RTM_NEWADDR and RTM_DELADDR (`linux/rtnetlink.h`, `linux/if_addr.h`), in the machine's byte order.
struct AddressChange: Equatable {
    var isPresent: Bool
    var prefix: IPPrefix

    static func decode(_ datagram: ArraySlice<UInt8>) -> [AddressChange] {
        let bytes = Array(datagram)
        let span = bytes.span.bytes
        var changes: [AddressChange] = []
        var offset = 0
        while let length = span.uint32(at: offset).map({ Int($0.byteSwapped) }), let type = span.uint16(at: offset + 4),
            length >= 16, offset + length <= bytes.count
        {
            let kind = type.byteSwapped
            if kind == 20 || kind == 21, let prefix = prefix(span, from: offset + 16, to: offset + length) {
                changes.append(AddressChange(isPresent: kind == 20, prefix: prefix))
            }
            offset += (length + 3) & ~3
        }
        return changes
    }

    /// IFA_LOCAL (2) where there is one (IPv4), else IFA_ADDRESS (1).
    private static func prefix(_ span: RawSpan, from start: Int, to end: Int) -> IPPrefix? {
        guard let family = span.uint8(at: start), let length = span.uint8(at: start + 1) else { return nil }
        var offset = start + 8
        var local: IPAddress?
        var other: IPAddress?
        while let size = span.uint16(at: offset).map({ Int($0.byteSwapped) }), let type = span.uint16(at: offset + 2),
            size >= 4, offset + size <= end
        {
            let value = span.address(family == UInt8(AF_INET) ? .ipv4 : .ipv6, at: offset + 4)
            if type.byteSwapped == 2 { local = value } else if type.byteSwapped == 1 { other = value }
            offset += (size + 3) & ~3
        }
        return (local ?? other).flatMap { IPPrefix($0, length: length) }
    }
}
