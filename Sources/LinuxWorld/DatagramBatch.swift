import CLinux
import Primitives

/// Packets or frames on their way to one system call: their bytes, one behind the other, and where each
/// goes. Reused: after some rounds neither array grows any more.
struct DatagramBatch {
    var bytes: [UInt8] = []
    var items: [aloft_outgoing] = []

    /// Appends what `write` writes as one datagram.
    mutating func append(_ item: aloft_outgoing, _ write: (inout [UInt8]) -> Void) {
        var item = item
        let start = bytes.count
        write(&bytes)
        item.offset = UInt32(truncatingIfNeeded: start)
        item.length = UInt32(truncatingIfNeeded: bytes.count - start)
        items.append(item)
    }

    /// Sends everything with `call`, reports what failed, and is empty again.
    mutating func flush(
        with call: (UnsafePointer<UInt8>?, UnsafeMutablePointer<aloft_outgoing>?, Int32) -> Int32,
        failed: (_ index: Int, _ errno: Errno) -> Void
    ) -> Int {
        guard !items.isEmpty else { return 0 }
        let sent = items.withUnsafeMutableBufferPointer { items in
            bytes.withUnsafeBufferPointer { call($0.baseAddress, items.baseAddress, Int32(items.count)) }
        }
        if Int(sent) < items.count {
            for (index, item) in items.enumerated() where item.result != 0 { failed(index, Errno(item.result)) }
        }
        bytes.removeAll(keepingCapacity: true)
        items.removeAll(keepingCapacity: true)
        return Int(sent)
    }
}

extension IPAddress {
    /// Writes 4 or 16 bytes in network order.
    func store(into tuple: inout AddressBytes) {
        withUnsafeMutableBytes(of: &tuple) { bytes in
            switch self {
            case .v4(let a):
                bytes.storeBytes(of: a.bits.bigEndian, as: UInt32.self)
            case .v6(let a):
                bytes.storeBytes(of: a.high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: a.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
    }

    init(_ family: AddressFamily, _ tuple: AddressBytes) {
        self = withUnsafeBytes(of: tuple) { bytes in
            switch family {
            case .ipv4:
                .v4(IPv4Address(bits: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
            case .ipv6:
                .v6(
                    IPv6Address(
                        high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                        low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))))
            }
        }
    }

    func withBytes<Result>(_ body: (UnsafePointer<UInt8>?) -> Result) -> Result {
        var tuple = aloft_outgoing().source
        store(into: &tuple)
        return withUnsafeBytes(of: tuple) { body(address($0)) }
    }
}

/// `uint8_t[16]` of the shims.
typealias AddressBytes = (
    UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8,
    UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8
)
