import CLinux
import Primitives
import VRRP

/// Hears who else says that it has certain addresses, on any interface: ARP, or neighbour advertisements (packet(7)).
///
/// One for all interfaces, because closing a packet socket waits for every processor (`synchronize_net`: 12 to 16 ms were measured),
/// at the end of a process as well: its successor would wait for each of them. It hears nothing of an interface that goes down.
///
/// The kernel drops everything else before it costs more than a comparison, what this host sends included, and what no room is
/// left for: with 64 KiB about 80 frames wait. It serves IPv4 or IPv6, since a packet socket has one protocol. Frames that a
/// tc program drops, such as the closed lease fence, are not heard.
public struct ClaimSocket: ~Copyable {
    public let family: AddressFamily
    public let descriptor: FileDescriptor
    private let buffer: UnsafeMutableRawBufferPointer
    private let lengths: UnsafeMutableBufferPointer<UInt32>
    private let interfaces: UnsafeMutableBufferPointer<UInt32>

    /// Frames taken with one call; as many mean that there may be more.
    public static let batch = 32
    /// ARP has 42 bytes; an advertisement with one option 86. What is longer is cut, and an option that is cut is not read.
    static let slotLength = 256

    /// - Parameter addresses: of the family, those that are listened for; where they are more than a filter has room for (some
    ///   hundreds to 1024), all claims are heard.
    public init(
        _ family: AddressFamily, addresses: [IPAddress], receiveBuffer: Int32 = 1 << 16
    ) throws(SystemError) {
        let (bytes, count) = Self.bytes(of: addresses, family)
        let socket = bytes.withUnsafeBufferPointer {
            aloft_claim_socket(Self.type(of: family), $0.baseAddress, count, receiveBuffer)
        }
        descriptor = FileDescriptor(
            owning: try check(
                socket, .socket, "open a packet socket to hear who else has addresses of", "\(family)"))
        self.family = family
        buffer = .allocate(byteCount: Self.batch * Self.slotLength, alignment: 16)
        lengths = .allocate(capacity: Self.batch)
        lengths.initialize(repeating: 0)
        interfaces = .allocate(capacity: Self.batch)
        interfaces.initialize(repeating: 0)
    }

    deinit {
        buffer.deallocate()
        lengths.deallocate()
        interfaces.deallocate()
    }

    /// Other addresses from here on. Without a new socket, because closing one waits for every processor (`synchronize_net`).
    public borrowing func listen(for addresses: [IPAddress]) throws(SystemError) {
        let (bytes, count) = Self.bytes(of: addresses, family)
        let result = bytes.withUnsafeBufferPointer {
            aloft_claim_filter(descriptor.rawValue, Self.type(of: family), $0.baseAddress, count)
        }
        _ = try check(result, .socket, "filter claims of addresses of", "\(family)")
    }

    private static func bytes(of addresses: [IPAddress], _ family: AddressFamily) -> ([UInt8], UInt32) {
        var bytes: [UInt8] = []
        let wanted = addresses.filter { $0.family == family }
        for address in wanted { address.append(to: &bytes) }
        return (bytes, UInt32(clamping: wanted.count))
    }

    private static func type(of family: AddressFamily) -> UInt16 { family == .ipv4 ? 0x0806 : 0x86DD }

    /// Takes up to 32 frames with one call and hands what claims an address to `body`, with the interface. Returns how many the kernel
    /// had.
    public mutating func receive(_ body: (AddressClaim, InterfaceIndex) -> Void) throws(SystemError) -> Int {
        let count = try check(
            aloft_receive_frames(
                descriptor.rawValue, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(Self.slotLength),
                lengths.baseAddress, interfaces.baseAddress, Int32(Self.batch)), .receive, "receive frames")
        for index in 0..<Int(count) {
            let start = index * Self.slotLength
            let frame = UnsafeRawBufferPointer(rebasing: buffer[start..<start + Int(lengths[index])])
            if let claim = AddressClaim.decode(frame.bytes) {
                body(claim, InterfaceIndex(interfaces[index]))
            }
        }
        return Int(count)
    }
}
