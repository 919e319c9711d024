import Arbitration
import Primitives
import VRRP

/// What is said, to whom and when.
extension GreetingMachine {
    /// Those who listen hear of a change as soon as the rate allows.
    mutating func hasten(at now: Instant) {
        for index in destinations.indices where destinations[index].answers { hasten(destination: index, at: now) }
    }

    mutating func hasten(destination index: Int, at now: Instant) {
        let earliest = destinations[index].sentAt.map { $0 + Self.shortestPause } ?? now
        destinations[index].due = min(destinations[index].due, max(now, earliest))
    }

    mutating func send(to index: Int, at now: Instant, into effects: inout [GreetingEffect]) {
        sequence &+= 1
        var hello = Hello(
            router: settings.router, family: settings.family, incarnation: settings.incarnation, sequence: sequence,
            facts: facts, slot: ownSlot, successor: facts.isDeparting ? successor(at: now)?.incarnation : nil,
            request: request, promise: promise(for: index))
        hello.masterFor = masterFrom.map { now - $0 }
        hello.notMasterFor = masterUntil.map { now - $0 }
        hello.echoes = echoes(for: index, room: hello.roomForEchoes, at: now)
        if said.count == Self.memory { said.removeFirst() }
        said.append(Said(sequence: sequence, at: now, asked: request != nil))
        effects.append(.send(hello.encoded(seal: settings.seal), to: destinations[index].address))
        destinations[index].sentAt = now
        destinations[index].due = now + pause(after: index)
    }

    /// To the next hello, a tenth more or less.
    private mutating func pause(after index: Int) -> Duration {
        // Who asks for a promise must have the next one before the last ends, also when one hello is lost.
        var pause = min(settings.interval, max(Self.shortestPause, (request ?? settings.interval * 4) / 4))
        if !destinations[index].answers {
            pause = destinations[index].pause
            destinations[index].pause = max(settings.interval, min(pause * 2, Self.longestPause * 10 / 11))
        }
        let tenth = pause.nanoseconds / 10
        return pause + .nanoseconds(Int64(random.next() % UInt64(2 * tenth + 1)) - tenth)
    }

    /// A promise is said once; whoever asked asks again if it was not heard.
    private mutating func promise(for index: Int) -> Hello.Promise? {
        guard let made = promise, let peer = peers.first(where: { $0.incarnation == made.incarnation }),
            reaches(peer.address, index)
        else { return nil }
        promise = nil
        return made
    }

    private func reaches(_ address: IPAddress, _ index: Int) -> Bool {
        if case .multicast = settings.way { return true }
        return destinations[index].address == address
    }

    /// Candidates first, since they wait for it; of peers, those whose turn it is.
    private mutating func echoes(for index: Int, room: Int, at now: Instant) -> [Hello.Echo] {
        let waiting = candidates.filter { reaches($0.address, index) }.map {
            Hello.Echo(incarnation: $0.incarnation, sequence: $0.sequence, age: now - $0.heardAt)
        }
        let known = peers.filter { reaches($0.address, index) }.map {
            Hello.Echo(incarnation: $0.incarnation, sequence: $0.sequence, age: now - $0.heardAt)
        }
        // Half of the room at most is theirs where both do not fit, so that peers are not forgotten over a crowd at the door.
        let first = waiting.prefix(max(room - known.count, room / 2))
        guard !known.isEmpty else { return Array(first) }
        let rest = min(known.count, room - first.count)
        let turn = destinations[index].turn % known.count
        destinations[index].turn = (turn + rest) % known.count
        return first + (0..<rest).map { known[(turn + $0) % known.count] }
    }
}
