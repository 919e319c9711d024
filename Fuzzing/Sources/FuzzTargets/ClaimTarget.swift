import Primitives
import VRRP

/// `AddressClaim` from the wire: the input is a frame with its Ethernet header.
enum ClaimTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard let claim = AddressClaim.decode(input.span.bytes) else { return 0 }
        for mac in [claim.mac, claim.sender] {
            try require(mac != .zero && mac.octets[0] & 1 == 0, "\(mac) is no host's")
        }
        try require(claim.address.family == .ipv4 || !claim.address.isMulticast, "\(claim.address) is a group's")
        // What is announced in this name is understood as that claim.
        let frame = AnnouncementFrame.bytes(for: claim.address, from: claim.mac, isRouter: false)
        try require(
            AddressClaim.decode(frame.span.bytes) == AddressClaim(address: claim.address, mac: claim.mac),
            "\(claim) is another claim when it is announced")
        return Digest.hash(frame)
    }
}
