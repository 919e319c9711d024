import LinuxWorld
import Primitives

/// Both ends of a socket between the VRRP worker and a helper. The supervisor hands each to whoever it starts, and keeps both,
/// so that one that is started again finds the other where it was. When the supervisor is gone, who reads the end of the one knows that
/// the other has gone as well.
struct MessageLineEnds: ~Copyable {
    let vrrp: FileDescriptor
    let helper: FileDescriptor

    /// Questions of a thousand leases at once, and their answers.
    private static let buffer: Int32 = 1 << 20

    init() throws(SystemError) {
        let (first, second) = try UnixConnection.pair(.seqPacket).ends()
        vrrp = FileDescriptor(owning: first)
        helper = FileDescriptor(owning: second)
        try? vrrp.setSendBuffer(Self.buffer)
        try? helper.setSendBuffer(Self.buffer)
    }

    /// What was sent to a predecessor is nothing for its successor: a question that is old would take a lease that nobody wants any more.
    static func discard(_ end: borrowing FileDescriptor) {
        var left = 1 << 12
        var bytes: [UInt8] = []
        while left > 0, case .bytes? = try? end.read(into: &bytes, limit: 1 << 16) {
            bytes.removeAll(keepingCapacity: true)
            left -= 1
        }
    }
}
