import ConfigLanguage
import Primitives

/// Unicast: every node must name every other.
extension ClusterCheck {
    mutating func checkPeers(_ router: ClusterRouter) {
        let members = router.members.filter { instance($0).isUnicast }
        guard members.count > 1 else { return }
        // Without its source nobody can tell which peer a node is.
        for member in members where instance(member).unicastSource == nil {
            report(
                .clusterSource, at: member, places(member).unicastPeers,
                "`\(instance(member).name)` does not write its source, so the other nodes' peers cannot be checked",
                reason: "the first address of the interface is taken, which is not in the file",
                fix: "add `unicast_src_ip`")
        }
        for member in members {
            for other in members where other != member { checkPeer(member, other) }
        }
        let sources = members.compactMap { instance($0).unicastSource }
        guard sources.count == members.count else { return }
        for member in members {
            for peer in instance(member).unicastPeers where !sources.contains(peer.address) {
                report(
                    .clusterUnknownPeer, at: member, peerPlace(member, peer.address),
                    "the peer \(peer.address) is none of the nodes that were given",
                    reason: "either a node is missing here, or the address is wrong",
                    fix: "give its file as well, or correct the address")
            }
        }
    }

    private mutating func checkPeer(_ member: Member, _ other: Member) {
        guard let source = instance(other).unicastSource else { return }
        guard let peer = instance(member).unicastPeers.first(where: { $0.address == source }) else {
            report(
                .clusterPeerMissing, at: member, places(member).unicastPeers,
                "`\(instance(member).name)` does not name \(source) as a peer, which is \(name(other))",
                reason: "\(name(other)) never hears this node: both would be master",
                fix: "add \(source) to `unicast_peer`",
                elsewhere: [place(other, places(other).unicastSource, "its source")])
            return
        }
        let sent = instance(other).unicastTTL ?? 255
        guard let minimum = peer.minTTL, minimum > sent else { return }
        report(
            .clusterTTL, at: member, peerPlace(member, source),
            "the peer \(source) must arrive with a TTL of \(minimum) or more, and sends with \(sent)",
            reason: "its adverts are dropped: both would be master",
            fix: "write a smaller `min_ttl` here, or a larger `unicast_ttl` on \(name(other))",
            elsewhere: [place(other, places(other).unicastTTL, "what it sends with")])
    }

    private func peerPlace(_ member: Member, _ address: IPAddress) -> SourceRange? {
        places(member).place(ofPeer: address) ?? places(member).unicastPeers
    }
}
