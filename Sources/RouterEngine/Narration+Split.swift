import Primitives
import VRRP

extension Narration {
    /// Both sides of a split, since when, and what to do.
    public static func split(_ split: Split, of status: RouterStatus, on node: String, at now: Instant) -> String {
        let place = status.interface.map { " on \($0)" } ?? ""
        let own = status.source.map { "\(node.isEmpty ? "this node" : node) (\($0))" } ?? "this node"
        if split.isOver {
            let length = "for \(split.duration.formattedSeconds()) s, as far as was seen"
            switch split.sign {
            case .address where split.source == nil:
                return "\(other(split)) does not claim \(claimed(split))\(place) any more; it did \(length)"
            case .advert, .address, .greeting:
                return "one holds again\(place): \(own) and \(other(split)) were master at once \(length)"
            }
        }
        let since = "for \(max(.zero, now - split.since).formattedSeconds()) s"
        switch split.sign {
        case .advert:
            return
                "two hold\(place), \(since): \(own) is master, and so is \(other(split)), which advertises although it should yield; find out why it does not hear this node's adverts"
        case .address:
            let answer = split.isAnswered ? "announced again; " : ""
            return
                "two hold\(place), \(since): \(own) is master, and \(other(split)) says that it has \(claimed(split)); \(answer)find out who has that MAC address"
        case .greeting where split.isHindsight:
            return
                "two were master at once\(place), for \(split.duration.formattedSeconds()) s until \(max(.zero, now - split.lastSeen).formattedSeconds()) s ago: \(own) and \(other(split)), by what it greets; find out why their adverts did not arrive"
        case .greeting:
            return
                "two hold\(place), \(since): \(own) is master, and so is \(other(split)), by what it greets; find out why their adverts did not arrive"
        }
    }

    private static func claimed(_ split: Split) -> String { split.address?.description ?? "the address" }

    /// `right (10.0.0.2, MAC 02:00:00:00:00:02)`.
    private static func other(_ split: Split) -> String {
        var parts: [String] = []
        if let source = split.source { parts.append(source.description) }
        if let mac = split.mac { parts.append("MAC \(mac)\(mac.isVirtualRouters ? ", a virtual router's" : "")") }
        guard let name = split.name else { return parts.isEmpty ? "another" : parts.joined(separator: ", ") }
        return parts.isEmpty ? name.description : "\(name) (\(parts.joined(separator: ", ")))"
    }
}
