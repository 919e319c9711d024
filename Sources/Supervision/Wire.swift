import Primitives

/// Appends the fields of a message: integers in network order, text and bytes behind a 32-bit length.
struct WireWriter {
    var bytes: [UInt8] = []

    mutating func put(_ value: UInt8) { bytes.append(value) }
    mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func put(_ value: UInt32) { bytes.append(bigEndian: value) }
    mutating func put(_ value: Int32) { bytes.append(bigEndian: UInt32(bitPattern: value)) }
    mutating func put(_ value: Int64) { bytes.append(bigEndian: UInt64(bitPattern: value)) }

    mutating func put(_ value: [UInt8]) {
        put(UInt32(clamping: value.count))
        bytes.append(contentsOf: value)
    }

    mutating func put(_ value: String) {
        put(UInt32(clamping: value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    mutating func put(_ value: UInt32?) {
        put(value != nil)
        if let value { put(value) }
    }

    mutating func put<Element>(_ list: [Element], _ each: (inout WireWriter, Element) -> Void) {
        put(UInt32(clamping: list.count))
        for element in list { each(&self, element) }
    }

    mutating func put<Value>(_ value: Value?, _ each: (inout WireWriter, Value) -> Void) {
        put(value != nil)
        if let value { each(&self, value) }
    }
}

/// Reads what ``WireWriter`` wrote, from bytes that may be anything. A read past the end yields zero or
/// nothing and sets `failed`; the decoder asks once, at the end, whether all was well.
struct WireReader {
    private let bytes: ArraySlice<UInt8>
    private var offset: Int
    private(set) var failed = false

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        offset = bytes.startIndex
    }

    /// The decoder met a value that means nothing.
    mutating func fail() { failed = true }

    /// True when every read succeeded and nothing is left over.
    var isComplete: Bool { !failed && offset == bytes.endIndex }
    private var left: Int { bytes.endIndex - offset }

    private mutating func integer(bytes count: Int) -> UInt64 {
        guard left >= count else {
            failed = true
            return 0
        }
        var value: UInt64 = 0
        for index in offset..<(offset + count) { value = value << 8 | UInt64(bytes[index]) }
        offset += count
        return value
    }

    mutating func uint8() -> UInt8 { UInt8(truncatingIfNeeded: integer(bytes: 1)) }
    mutating func uint32() -> UInt32 { UInt32(truncatingIfNeeded: integer(bytes: 4)) }
    mutating func int32() -> Int32 { Int32(bitPattern: uint32()) }
    mutating func int64() -> Int64 { Int64(bitPattern: integer(bytes: 8)) }

    /// 0 or 1; anything else fails, so that each value has one encoding.
    mutating func bool() -> Bool {
        let byte = uint8()
        if byte > 1 { failed = true }
        return byte == 1
    }

    private mutating func counted() -> ArraySlice<UInt8> {
        let count = Int(uint32())
        guard !failed, count <= left else {
            failed = true
            return []
        }
        defer { offset += count }
        return bytes[offset..<(offset + count)]
    }

    mutating func data() -> [UInt8] { Array(counted()) }
    /// Text; bytes that are not UTF-8 are replaced, never refused.
    mutating func string() -> String { String(decoding: counted(), as: UTF8.self) }
    mutating func optionalUInt32() -> UInt32? { bool() ? uint32() : nil }

    /// A list whose elements take at least one byte each: a claimed count beyond the bytes left fails at once.
    mutating func list<Element>(_ each: (inout WireReader) -> Element) -> [Element] {
        let count = Int(uint32())
        guard !failed, count <= left else {
            failed = true
            return []
        }
        var list: [Element] = []
        for _ in 0..<count {
            let element = each(&self)
            if failed { return [] }
            list.append(element)
        }
        return list
    }

    mutating func optional<Value>(_ each: (inout WireReader) -> Value) -> Value? { bool() ? each(&self) : nil }

    mutating func enumeration<Value: RawRepresentable<UInt8>>(_ fallback: Value) -> Value {
        guard let value = Value(rawValue: uint8()) else {
            failed = true
            return fallback
        }
        return value
    }
}
