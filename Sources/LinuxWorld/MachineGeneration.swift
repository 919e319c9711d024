import CLinux
import Primitives

/// Hears that this virtual machine is another copy of itself: restored from a snapshot, or cloned. The hypervisor changes the generation
/// id, and the kernel (6.10 and later, drivers/virt/vmgenid.c) says `NEW_VMGENID=1` to who listens for device events.
public struct MachineGeneration: ~Copyable {
    public let descriptor: FileDescriptor

    /// NETLINK_KOBJECT_UEVENT (linux/netlink.h).
    private static let events: Int32 = 15

    public init() throws(SystemError) {
        let socket = aloft_netlink_socket(Self.events, 1, 1 << 20)
        descriptor = FileDescriptor(owning: try check(socket, .netlink, "listen for device events"))
    }

    /// Takes what there is. True: the machine is another, or may be (an event was lost).
    public borrowing func hasChanged() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 16384)
        var changed = false
        // Bounded: a storm of events goes on with the next turn.
        for _ in 0..<256 {
            var truncated: Int32 = 0
            let count = buffer.withUnsafeMutableBufferPointer {
                aloft_netlink_receive(descriptor.rawValue, $0.baseAddress, UInt64($0.count), &truncated)
            }
            if count < 0 {
                if count == -Int64(Errno.noBuffers.rawValue) {
                    changed = true
                    continue
                }
                break
            }
            if Self.isNewGeneration(buffer[..<min(Int(count), buffer.count)]) { changed = true }
        }
        return changed
    }

    /// Whether an event, `ACTION@PATH` and variables with a zero behind each, says so.
    static func isNewGeneration(_ event: ArraySlice<UInt8>) -> Bool {
        event.split(separator: 0).dropFirst().contains { $0.elementsEqual("NEW_VMGENID=1".utf8) }
    }
}
