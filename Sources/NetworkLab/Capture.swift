import Primitives

/// What is captured on a bridge. Reading it does not stop it.
public struct Capture {
    let child: Child

    /// All frames so far, in order.
    public var frames: [Frame] { child.output.lines.compactMap { Frame(line: $0) } }

    /// All advertisements so far, in order.
    public var adverts: [CapturedAdvert] { frames.compactMap { CapturedAdvert($0) } }

    public func stop() throws(LabError) { try child.stop() }
}

/// What happens to the addresses of a node.
public struct AddressWatch {
    let child: Child

    public struct Event: Equatable, Sendable {
        public var time: Instant
        /// It was added or refreshed; false: it was removed.
        public var isPresent: Bool
        public var prefix: IPPrefix
    }

    /// All events so far, in order.
    public var events: [Event] {
        child.output.lines.compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let time = Int64(words[0]), let prefix = IPPrefix(String(words[2])) else {
                return nil
            }
            return Event(time: Instant(nanoseconds: time), isPresent: words[1] == "+", prefix: prefix)
        }
    }

    /// The events of one address.
    public func events(of address: IPAddress) -> [Event] { events.filter { $0.prefix.address == address } }
}
