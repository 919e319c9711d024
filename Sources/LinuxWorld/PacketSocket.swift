import CLinux
import Primitives

/// Sends Ethernet frames: gratuitous ARP and unsolicited neighbour advertisements (packet(7)).
///
/// It has protocol 0 and so receives nothing; one serves all interfaces. Frames pass tc egress, so that
/// the lease fence sees them.
public struct PacketSocket: ~Copyable {
    let descriptor: FileDescriptor
    var batch = DatagramBatch()

    public init() throws(SystemError) {
        descriptor = FileDescriptor(owning: try check(aloft_packet_socket(7), .socket, "open a packet socket"))
    }

    /// Adds one frame, with its Ethernet header, to the batch. `write` appends its bytes.
    public mutating func append(on interface: InterfaceIndex, _ write: (inout [UInt8]) -> Void) {
        var item = aloft_outgoing()
        item.interface = interface.rawValue
        batch.append(item, write)
    }

    public var pending: Int { batch.items.count }

    /// Sends the batch in order. `failed` gets the position of each frame that was not sent, and why.
    /// Returns how many were sent.
    @discardableResult
    public mutating func flush(failed: (_ index: Int, _ errno: Errno) -> Void = { _, _ in }) -> Int {
        let number = descriptor.rawValue
        return batch.flush(with: { aloft_send_frames(number, $0, $1, $2) }, failed: failed)
    }
}
