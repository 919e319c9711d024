import CLinux
import Primitives

/// The UDP socket of one family on which nodes greet each other, on every interface. Only groups that are joined here are
/// received (IP_MULTICAST_ALL off), what is sent to a group is not looped back, and all leaves with hop limit 255.
public struct HelloSocket: ~Copyable {
    public let family: AddressFamily
    public let port: UInt16
    public let descriptor: FileDescriptor
    private let buffer: UnsafeMutableRawBufferPointer
    private let received: UnsafeMutableBufferPointer<aloft_received>

    /// Datagrams taken with one call; fewer mean that the queue is empty.
    public static let batch = 32
    /// More than the longest hello: what does not fit is none.
    static let slotLength = 1024

    /// EADDRINUSE where another daemon of this host greets already.
    public init(_ family: AddressFamily, port: UInt16) throws(SystemError) {
        descriptor = FileDescriptor(
            owning: try check(
                aloft_hello_socket(Int32(family.rawValue), port), .socket, "open UDP port \(port) for greetings"))
        self.family = family
        self.port = port
        buffer = .allocate(byteCount: Self.batch * Self.slotLength, alignment: 16)
        received = .allocate(capacity: Self.batch)
        received.initialize(repeating: aloft_received())
    }

    deinit {
        buffer.deallocate()
        received.deallocate()
    }

    public borrowing func join(_ group: IPAddress, on interface: InterfaceIndex) throws(SystemError) {
        let result = group.withBytes {
            aloft_join_group(descriptor.rawValue, Int32(family.rawValue), $0, interface.rawValue)
        }
        if result != -Errno.addressInUse.rawValue {  // joined already
            _ = try check(result, .socket, "join the group", "\(group) on \(interface)")
        }
    }

    /// One datagram. `interface` nil leaves the way to the routing table. Failures are weather: the next hello comes soon.
    public borrowing func send(
        _ bytes: [UInt8], to destination: IPAddress, from source: IPAddress, on interface: InterfaceIndex?
    ) throws(SystemError) {
        guard destination.family == family, source.family == family else { return }
        let result = destination.withBytes { destination in
            source.withBytes { source in
                bytes.withUnsafeBufferPointer {
                    aloft_hello_send(
                        descriptor.rawValue, Int32(family.rawValue), destination, port, source,
                        interface?.rawValue ?? 0, $0.baseAddress, UInt32($0.count))
                }
            }
        }
        _ = try check(result, .socket, "send a greeting to", "\(destination)")
    }

    /// Takes up to 32 datagrams with one call. Returns how many the kernel had.
    public mutating func receive(
        _ body: ([UInt8], _ source: IPAddress, _ interface: InterfaceIndex, _ hopLimit: UInt8) -> Void
    ) throws(SystemError) -> Int {
        let count = try check(
            aloft_receive_datagrams(
                descriptor.rawValue, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(Self.slotLength),
                received.baseAddress, Int32(Self.batch)), .receive, "receive greetings")
        for index in 0..<Int(count) {
            let one = received[index]
            guard one.truncated == 0, one.hop_limit >= 0 else { continue }
            let start = index * Self.slotLength
            let bytes = [UInt8](buffer[start..<start + min(Int(one.length), Self.slotLength)])
            body(
                bytes, IPAddress(family, one.source), InterfaceIndex(one.interface),
                UInt8(truncatingIfNeeded: one.hop_limit))
        }
        return Int(count)
    }
}
