import Glibc
import Primitives

/// Sockets of the agent. Constants and address layouts that Glibc's module leaves out stand here.
enum AgentSocket {
    static let familyNetlink: Int32 = 16
    static let familyPacket: Int32 = 17
    static let everyProtocol: UInt16 = 0x0003  // ETH_P_ALL
    static let lastStamp: UInt = 0x8907  // SIOCGSTAMPNS
    static let freebindIPv4: Int32 = 15
    static let freebindIPv6: Int32 = 78

    static func open(_ family: Int32, _ type: __socket_type, _ number: Int32) throws(LabError) -> Int32 {
        let descriptor = socket(family, Int32(type.rawValue) | O_NONBLOCK | O_CLOEXEC, number)
        guard descriptor >= 0 else { throw .system("socket") }
        return descriptor
    }

    /// A UDP socket bound to `address`, whether or not it stands on this node.
    static func udp(boundTo address: IPAddress, port: UInt16) throws(LabError) -> Int32 {
        let isIPv4 = address.family == .ipv4
        let descriptor = try open(isIPv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0)
        var on: Int32 = 1
        let level = Int32(isIPv4 ? IPPROTO_IP : IPPROTO_IPV6)
        setsockopt(descriptor, level, isIPv4 ? freebindIPv4 : freebindIPv6, &on, socklen_t(MemoryLayout<Int32>.size))
        try bind(descriptor, to: socketAddress(address, port: port), "bind \(address)")
        return descriptor
    }

    static func bind(_ descriptor: Int32, to address: [UInt8], _ doing: String) throws(LabError) {
        let result = address.withUnsafeBytes { bytes in
            Glibc.bind(descriptor, bytes.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t(bytes.count))
        }
        guard result == 0 else { throw .system(doing) }
    }

    /// `sockaddr_in` or `sockaddr_in6`.
    static func socketAddress(_ address: IPAddress, port: UInt16) -> [UInt8] {
        var bytes = native(UInt16(address.family == .ipv4 ? AF_INET : AF_INET6))
        bytes.append(bigEndian: port)
        if address.family == .ipv6 { bytes += [0, 0, 0, 0] }
        address.append(to: &bytes)
        return bytes + [UInt8](repeating: 0, count: address.family == .ipv4 ? 8 : 4)
    }

    /// `sockaddr_ll` for every frame of `interface`.
    static func packetAddress(_ interface: UInt32) -> [UInt8] {
        native(UInt16(familyPacket)) + native(everyProtocol.bigEndian) + native(interface)
            + [UInt8](repeating: 0, count: 12)
    }

    /// `sockaddr_nl` with multicast groups.
    static func netlinkAddress(groups: UInt32) -> [UInt8] {
        native(UInt16(familyNetlink)) + [0, 0] + native(UInt32(0)) + native(groups)
    }

    static func native<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
        withUnsafeBytes(of: value) { Array($0) }
    }

    static func setReceiveBuffer(_ descriptor: Int32, _ size: Int32) {
        var size = size
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// One datagram into `buffer`; its length, or nil when there is none (or the socket reports weather).
    static func receive(_ descriptor: Int32, into buffer: inout [UInt8]) -> Int? {
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count >= 0 ? count : nil
    }

    /// When the kernel received the datagram read last.
    static func lastArrival(_ descriptor: Int32) -> Instant {
        var stamp = timespec()
        guard ioctl(descriptor, lastStamp, &stamp) == 0 else { return LabClock.now() }
        return LabClock.fromWallClock(stamp)
    }

    /// Waits until one of `descriptors` is readable or `limit` (nil: for ever) has passed.
    static func waitReadable(_ descriptors: [Int32], upTo limit: Duration?) -> [Int32] {
        var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        // A deadline that has passed must not become poll's negative "for ever".
        let milliseconds = limit.map { Int32(clamping: (max($0, .zero).nanoseconds + 999_999) / 1_000_000) } ?? -1
        guard poll(&polled, nfds_t(polled.count), milliseconds) > 0 else { return [] }
        return polled.filter { $0.revents != 0 }.map(\.fd)
    }
}
