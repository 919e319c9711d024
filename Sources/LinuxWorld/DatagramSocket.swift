import CLinux
import Primitives

/// A UDP socket that serves anybody, in batches (recvmmsg(2), sendmmsg(2)). Never blocks.
public struct DatagramSocket: ~Copyable {
    public let descriptor: FileDescriptor
    let family: AddressFamily

    /// The longest datagram that is received whole.
    public static let slot = 2048
    static let batch = 64

    /// A datagram's other end.
    public struct Peer: Hashable, Sendable {
        public var address: IPAddress
        public var port: UInt16
        /// The scope of a link-local address; 0 otherwise.
        public var interface: UInt32
        /// This machine's address in it, for the answer to come from.
        public var own: IPAddress?

        public init(_ address: IPAddress, port: UInt16, interface: UInt32 = 0, own: IPAddress? = nil) {
            self.address = address
            self.port = port
            self.interface = interface
            self.own = own
        }
    }

    /// What one call received, and what one will send. Reused.
    public struct Batch {
        var buffer = [UInt8](repeating: 0, count: DatagramSocket.slot * DatagramSocket.batch)
        var received = [aloft_datagram](repeating: aloft_datagram(), count: DatagramSocket.batch)
        var outgoing: [UInt8] = []
        var items: [aloft_datagram] = []

        public init() {}

        /// How many wait to be sent.
        public var waiting: Int { items.count }

        public mutating func append(_ bytes: [UInt8], to peer: Peer) {
            var item = aloft_datagram()
            item.offset = UInt32(truncatingIfNeeded: outgoing.count)
            item.length = UInt32(truncatingIfNeeded: bytes.count)
            peer.address.store(into: &item.peer)
            if let own = peer.own, own.family == peer.address.family {
                own.store(into: &item.own)
                item.has_own = 1
            }
            item.port = peer.port
            item.interface = peer.interface
            outgoing.append(contentsOf: bytes)
            items.append(item)
        }
    }

    /// - Parameter address: one of this machine; `::` hears IPv4 as well, from addresses such as `::ffff:192.0.2.1`.
    public init(listeningOn address: IPAddress, port: UInt16, interface: UInt32 = 0, receiveBuffer: Int32 = 1 << 20)
        throws(SystemError)
    {
        family = address.family
        let result = address.withBytes {
            aloft_datagram_listen(Int32(address.family.rawValue), $0, port, interface, receiveBuffer)
        }
        let place = address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        descriptor = FileDescriptor(owning: try check(result, .socket, "listen on", place))
    }

    /// Receives at most 64 datagrams; those that are too long are empty. How many: 0 when there is none now.
    public borrowing func receive(_ batch: inout Batch, _ body: (ArraySlice<UInt8>, Peer) -> Void) throws(SystemError)
        -> Int
    {
        let result = batch.buffer.withUnsafeMutableBufferPointer { buffer in
            batch.received.withUnsafeMutableBufferPointer {
                aloft_datagrams_receive(
                    descriptor.rawValue, buffer.baseAddress, UInt32(Self.slot), $0.baseAddress, Int32($0.count))
            }
        }
        let count = Int(try check(result, .receive, "receive datagrams"))
        for item in batch.received[..<count] {
            let start = Int(item.offset)
            let peer = Peer(
                IPAddress(family, item.peer), port: item.port, interface: item.interface,
                own: item.has_own != 0 ? IPAddress(family, item.own) : nil)
            body(batch.buffer[start..<(start + min(Int(item.length), Self.slot))], peer)
        }
        return count
    }

    /// Sends what was appended, and forgets it. How many were not sent, for want of room or of a way.
    public borrowing func send(_ batch: inout Batch) -> Int {
        guard !batch.items.isEmpty else { return 0 }
        let sent = batch.items.withUnsafeMutableBufferPointer { items in
            batch.outgoing.withUnsafeBufferPointer {
                aloft_datagrams_send(
                    descriptor.rawValue, Int32(family.rawValue), $0.baseAddress, items.baseAddress, Int32(items.count))
            }
        }
        let failed = batch.items.count - Int(sent)
        batch.outgoing.removeAll(keepingCapacity: true)
        batch.items.removeAll(keepingCapacity: true)
        return failed
    }
}

extension ClientSocket {
    /// What ICMP messages and the kernel have said since the last time, taken off the socket (IP_RECVERR); nil: nothing. A socket that is
    /// used for long must be asked whenever it is in error, or it stays so.
    public borrowing func takeErrors() -> Errno? {
        let error = aloft_take_errors(descriptor.rawValue)
        return error == 0 ? nil : Errno(error)
    }
}

/// Bytes of the kernel's generator (getrandom(2)): for what must never come twice. It takes a new seed when a virtual machine goes on from a snapshot.
public enum KernelRandom {
    public static func uint64() throws(SystemError) -> UInt64 {
        var value: UInt64 = 0
        let result = withUnsafeMutableBytes(of: &value) {
            aloft_random($0.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64($0.count))
        }
        _ = try check(result, .file, "get random bytes")
        return value
    }
}
