/// An address with the length of its network, such as `10.0.0.9/24`: what an interface carries.
/// The host bits are kept; `length` is 0…32 or 0…128.
public struct IPPrefix: Hashable, Sendable, Comparable {
    public var address: IPAddress
    public var length: UInt8

    /// Nil when `length` is longer than the family's addresses.
    public init?(_ address: IPAddress, length: UInt8) {
        guard length <= address.family.addressBits else { return nil }
        self.address = address
        self.length = length
    }

    /// The address alone: /32 or /128.
    public init(host address: IPAddress) {
        self.address = address
        self.length = address.family.addressBits
    }

    public static func < (a: IPPrefix, b: IPPrefix) -> Bool {
        a.address != b.address ? a.address < b.address : a.length < b.length
    }
}

extension IPPrefix: CustomStringConvertible, LosslessStringConvertible {
    public var description: String { "\(address)/\(length)" }

    /// `ADDRESS` or `ADDRESS/LENGTH`; without a length it is a host's.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
            guard let address = IPAddress(utf8: bytes[...]) else { return nil }
            self.init(host: address)
            return
        }
        guard let address = IPAddress(utf8: bytes[..<slash]) else { return nil }
        let digits = bytes[(slash + 1)...]
        guard !digits.isEmpty, digits.count <= 3, digits.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        let length = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        guard length <= Int(address.family.addressBits) else { return nil }
        self.init(address, length: UInt8(length))
    }
}
