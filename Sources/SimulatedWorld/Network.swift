import Primitives
import VRRP

/// One broadcast segment: what it does to frames, and the clients on it.
struct Segment {
    /// One-way delay of a healthy frame.
    var delay: ClosedRange<Int64>
    // Per mille of the frames
    var loss = 0
    var duplication = 0
    var reordering = 0
    var corruption = 0
    /// Nodes that a node's frames do not reach, as bits; one-way cuts and partitions alike.
    var blocked: [UInt32]
    /// Which of the two sides each client is on while the segment is parted: it sees the nodes of the mask.
    var clients: [Client]

    struct Client {
        /// What it believes: where each virtual address lives.
        var cache: [CacheEntry] = []
        /// Nodes whose frames it gets.
        var sees: UInt32 = .max
    }

    struct CacheEntry {
        var address: IPAddress
        var mac: MACAddress
    }

    var isHealthy: Bool {
        loss == 0 && duplication == 0 && reordering == 0 && corruption == 0 && blocked.allSatisfy { $0 == 0 }
            && clients.allSatisfy { $0.sees == .max }
    }

    mutating func heal() {
        (loss, duplication, reordering, corruption) = (0, 0, 0, 0)
        for index in blocked.indices { blocked[index] = 0 }
        for index in clients.indices { clients[index].sees = .max }
    }

    func reaches(_ from: Int, _ to: Int) -> Bool { blocked[from] & 1 << UInt32(to) == 0 }

    /// What a client does with gratuitous ARP or an unsolicited neighbour advertisement.
    mutating func learn(_ address: IPAddress, _ mac: MACAddress, client: Int) {
        if let index = clients[client].cache.firstIndex(where: { $0.address == address }) {
            clients[client].cache[index].mac = mac
        } else {
            clients[client].cache.append(.init(address: address, mac: mac))
        }
    }
}

/// A packet under way to one node, or an announcement under way to the clients of a segment.
struct Delivery {
    var bytes: [UInt8]
    /// Where the VRRP packet begins.
    var offset: Int
    var origin: PacketOrigin
    /// The node that sent it; nil for an attacker.
    var sender: Int?
    var isSound: Bool
    var link: Int
}

/// What an announcement says, read from its bytes as a client's kernel would.
struct Announcement {
    var address: IPAddress
    var mac: MACAddress

    /// Nil for a frame that no client would believe.
    init?(_ frame: [UInt8]) {
        let bytes = frame.span.bytes
        switch bytes.uint16(at: 12) {
        case 0x0806:
            guard let sender = bytes.address(.ipv4, at: 28), sender == bytes.address(.ipv4, at: 38) else { return nil }
            address = sender
            mac = Self.mac(bytes, at: 22)
        case 0x86DD:
            guard bytes.uint8(at: 20) == 58, bytes.uint8(at: 21) == 255, bytes.uint8(at: 54) == 136,
                let target = bytes.address(.ipv6, at: 62), bytes.uint8(at: 78) == 2
            else { return nil }
            address = target
            mac = Self.mac(bytes, at: 80)
        default: return nil
        }
    }

    private static func mac(_ bytes: RawSpan, at offset: Int) -> MACAddress {
        var bits: UInt64 = 0
        for index in 0..<6 { bits = bits << 8 | UInt64(bytes.uint8(at: offset + index) ?? 0) }
        return MACAddress(bits: bits)
    }
}
