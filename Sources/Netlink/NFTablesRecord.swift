import Primitives

/// What nf_tables answers and reports.
public enum NFTablesRequest {
    /// A message that asks for all elements of a set; its answers are read by ``NFTablesRecord/elements(_:in:)``. ENOENT where there is none.
    public static func dumpElements(
        _ family: NFTablesBatch.Family, table: String, set: String, sequence: UInt32
    ) -> [UInt8] {
        message(.getElement, family, flags: 0x300, sequence: sequence) { bytes in
            bytes.append(attribute: 1, string: table)
            bytes.append(attribute: 2, string: set)
        }
    }

    /// A message that asks for all sets of a table; its answers are read by ``NFTablesRecord/setName(_:in:)``.
    public static func dumpSets(_ family: NFTablesBatch.Family, table: String, sequence: UInt32) -> [UInt8] {
        message(.getSet, family, flags: 0x300, sequence: sequence) { $0.append(attribute: 1, string: table) }
    }

    private static func message(
        _ request: NFTablesBatch.Request, _ family: NFTablesBatch.Family, flags: UInt16, sequence: UInt32,
        _ body: (inout [UInt8]) -> Void
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        let start = bytes.beginMessage(
            NFTablesBatch.subsystem << 8 | request.rawValue, flags: 0x01 | flags, sequence: sequence)
        bytes.append(family.rawValue)
        bytes.append(0)
        bytes.append(bigEndian: UInt16(0))
        body(&bytes)
        bytes.endMessage(at: start)
        return bytes
    }
}

public enum NFTablesRecord {
    /// An element as the kernel has it.
    public struct Element: Hashable, Sendable {
        public var key: [UInt8] = []
        public var data: [UInt8] = []
        public var memo: [UInt8] = []
        public var packets: UInt64 = 0
        public var byteCount: UInt64 = 0
    }

    /// The bytes of `struct nfgenmsg`.
    static let headerLength = 4

    /// The elements in a message of a dump; nil where it is another message.
    public static func elements(_ message: NetlinkMessage, in datagram: RawSpan) -> [Element]? {
        guard message.type == NFTablesBatch.subsystem << 8 | NFTablesBatch.Request.newElement.rawValue else {
            return nil
        }
        var found: [Element] = []
        var attributes = NetlinkAttributes(from: message.body + headerLength, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            guard attribute.type == 3 else { continue }
            var list = attribute.inner
            while let item = list.next(in: datagram) { found.append(Element(item, in: datagram)) }
        }
        return found
    }

    /// The name of the set in a message of a dump.
    public static func setName(_ message: NetlinkMessage, in datagram: RawSpan) -> String? {
        guard message.type == NFTablesBatch.subsystem << 8 | NFTablesBatch.Request.newSet.rawValue else { return nil }
        var attributes = NetlinkAttributes(from: message.body + headerLength, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            if attribute.type == 2 { return datagram.text(attribute) }
        }
        return nil
    }

    /// The last message that a batch causes; its `port` is that of the socket which sent the batch.
    public static func isGeneration(_ message: NetlinkMessage) -> Bool {
        message.type == NFTablesBatch.subsystem << 8 | NFTablesBatch.Request.newGeneration.rawValue
    }
}

extension NFTablesRecord.Element {
    init(_ item: NetlinkAttribute, in datagram: RawSpan) {
        var attributes = item.inner
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case 1: key = attribute.value(in: datagram)
            case 2: data = attribute.value(in: datagram)
            case 6: memo = datagram.bytes(attribute)
            case 7: readCounter(attribute, in: datagram)
            default: break
            }
        }
    }

    private mutating func readCounter(_ expression: NetlinkAttribute, in datagram: RawSpan) {
        var attributes = expression.inner
        while let attribute = attributes.next(in: datagram) {
            guard attribute.type == 2 else { continue }
            var values = attribute.inner
            while let value = values.next(in: datagram) {
                guard value.count == 8, let number = datagram.uint64(at: value.offset) else { continue }
                if value.type == 1 { byteCount = number } else if value.type == 2 { packets = number }
            }
        }
    }
}

extension NetlinkAttribute {
    /// The attributes in it.
    var inner: NetlinkAttributes { NetlinkAttributes(from: offset, to: offset + count) }

    /// NFTA_DATA_VALUE in it.
    func value(in datagram: RawSpan) -> [UInt8] {
        var attributes = inner
        while let attribute = attributes.next(in: datagram) {
            if attribute.type == 1 { return datagram.bytes(attribute) }
        }
        return []
    }
}

extension RawSpan {
    /// Empty outside the span.
    func bytes(_ attribute: NetlinkAttribute) -> [UInt8] {
        guard attribute.offset >= 0, attribute.count >= 0, attribute.offset <= byteCount - attribute.count else {
            return []
        }
        return extracting(attribute.offset..<attribute.offset + attribute.count).withUnsafeBytes { Array($0) }
    }
}
