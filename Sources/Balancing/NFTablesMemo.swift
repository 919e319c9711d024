import Configuration
import Primitives

/// What nf_tables keeps beside an element of a service and cannot say otherwise: so that a successor reads the whole table from the kernel.
enum ServiceMemo {
    private static let version: UInt8 = 1

    static func encode(_ service: ForwardingService) -> [UInt8] {
        var bytes: [UInt8] = [version]
        switch service.key {
        case .mark(let mark, let family):
            bytes += [0, family.rawValue]
            bytes.append(bigEndian: mark)
        case .address(let address, let port, let transport):
            bytes += [1, address.family.rawValue]
            address.append(to: &bytes)
            bytes.append(bigEndian: port)
            bytes.append(transport.rawValue)
        }
        let scheduler = Array(service.scheduler.rawValue.utf8)
        bytes.append(UInt8(clamping: scheduler.count))
        bytes += scheduler
        bytes.append(service.schedulerFlags.rawValue)
        guard let persistence = service.persistence else { return bytes + [0] }
        bytes.append(1)
        bytes.append(bigEndian: persistence.timeout.nanoseconds)
        switch persistence.granularity {
        case .mask(let mask):
            bytes.append(4)
            bytes.append(bigEndian: mask.bits)
        case .prefixLength(let length): bytes += [6, length]
        }
        return bytes
    }

    /// Without its destinations; nil for what this version did not write.
    static func decode(_ bytes: [UInt8]) -> ForwardingService? {
        var reader = MemoReader(bytes)
        guard reader.uint8() == version else { return nil }
        let isAddress = reader.uint8() == 1
        guard let family = reader.uint8().flatMap(AddressFamily.init) else { return nil }
        let key: ServiceKey
        if isAddress {
            guard let address = reader.address(family), let port = reader.uint16(),
                let transport = reader.uint8().flatMap(VirtualServer.TransportProtocol.init)
            else { return nil }
            key = .address(address, port: port, transport)
        } else {
            guard let mark = reader.uint32() else { return nil }
            key = .mark(mark, family)
        }
        var service = ForwardingService(key)
        guard let scheduler = reader.text().flatMap(VirtualServer.Scheduler.init), let flags = reader.uint8(),
            let hasPersistence = reader.uint8()
        else { return nil }
        service.scheduler = scheduler
        service.schedulerFlags = .init(rawValue: flags)
        guard hasPersistence == 1 else { return service }
        guard let timeout = reader.uint64(), let kind = reader.uint8() else { return nil }
        let granularity: VirtualServer.Granularity
        if kind == 4 {
            guard let mask = reader.uint32() else { return nil }
            granularity = .mask(IPv4Address(bits: mask))
        } else {
            guard let length = reader.uint8() else { return nil }
            granularity = .prefixLength(length)
        }
        service.persistence = .init(
            timeout: .nanoseconds(Int64(bitPattern: timeout)), granularity: granularity)
        return service
    }
}

/// The same beside an element of a server, with the number of its service.
enum ServerMemo {
    private static let version: UInt8 = 1

    static func encode(_ number: UInt32, _ destination: Destination) -> [UInt8] {
        var bytes: [UInt8] = [version, destination.key.address.family.rawValue]
        bytes.append(bigEndian: number)
        destination.key.address.append(to: &bytes)
        bytes.append(bigEndian: destination.key.port)
        bytes.append(bigEndian: destination.weight)
        bytes.append(bigEndian: destination.upperThreshold)
        bytes.append(bigEndian: destination.lowerThreshold)
        return bytes
    }

    static func decode(_ bytes: [UInt8]) -> (number: UInt32, Destination)? {
        var reader = MemoReader(bytes)
        guard reader.uint8() == version, let family = reader.uint8().flatMap(AddressFamily.init),
            let number = reader.uint32(),
            let address = reader.address(family), let port = reader.uint16(), let weight = reader.uint32(),
            let upper = reader.uint32(), let lower = reader.uint32()
        else { return nil }
        return (
            number, Destination(address, port: port, weight: weight, upperThreshold: upper, lowerThreshold: lower)
        )
    }
}

/// Reads what may be cut off, or somebody else's.
private struct MemoReader {
    private let bytes: [UInt8]
    private var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func advance<Value>(_ count: Int, _ value: Value?) -> Value? {
        offset += count
        return value
    }

    mutating func uint8() -> UInt8? { advance(1, bytes.span.bytes.uint8(at: offset)) }
    mutating func uint16() -> UInt16? { advance(2, bytes.span.bytes.uint16(at: offset)) }
    mutating func uint32() -> UInt32? { advance(4, bytes.span.bytes.uint32(at: offset)) }
    mutating func uint64() -> UInt64? { advance(8, bytes.span.bytes.uint64(at: offset)) }
    mutating func address(_ family: AddressFamily) -> IPAddress? {
        advance(family.addressLength, bytes.span.bytes.address(family, at: offset))
    }
    mutating func text() -> String? {
        guard let count = uint8(), offset + Int(count) <= bytes.count else { return nil }
        let text = String(decoding: bytes[offset..<offset + Int(count)], as: UTF8.self)
        offset += Int(count)
        return text
    }
}
