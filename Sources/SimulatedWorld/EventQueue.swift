/// What is going to happen, and when. Trivial, so that the heap moves bytes.
struct Event {
    enum Kind: UInt8 {
        /// A node's engine may have something due.
        case timer
        /// A packet reaches a node.
        case delivery
        /// The kernel's notifications reach a node's process.
        case netlink
        /// An address of a node reaches the end of its lifetime.
        case expiry
        case scriptDone
        /// A process begins: the first one, or a worker's successor.
        case start
        case resume
        /// Frames about an address reach the clients of a link.
        case announcement
        /// The director takes its next step, or undoes what it did.
        case step
        case action
        /// The judge looks: once a second, when things must have settled, when somebody must have taken over.
        case tick
        case settled
        case takeover
        case repaired
        case sides
        /// A question on its way to an arbiter, or what comes from there.
        case arbiterMessage
        /// A witness's client may have something due.
        case session
        /// The supervisor has what the fence is to guard.
        case guards
        /// What a machine that stood still was allowed has ended.
        case excuse
    }

    /// True time in nanoseconds.
    var time: Int64
    var sequence: UInt64
    var kind: Kind
    var host: Int32
    var argument: Int32
    /// Tells a process from its predecessor, a script's run from the one before.
    var token: UInt32
}

/// A binary heap by (true time, sequence): what was scheduled first happens first.
struct EventQueue {
    private var heap: [Event] = []
    private var sequence: UInt64 = 0

    init() { heap.reserveCapacity(256) }

    var count: Int { heap.count }

    mutating func push(_ kind: Event.Kind, at time: Int64, host: Int = 0, argument: Int = 0, token: UInt32 = 0) {
        sequence &+= 1
        let event = Event(
            time: time, sequence: sequence, kind: kind, host: Int32(host), argument: Int32(argument), token: token)
        var child = heap.count
        heap.append(event)
        while child > 0 {
            let parent = (child - 1) / 2
            guard precedes(event, heap[parent]) else { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = event
    }

    mutating func pop() -> Event? {
        guard let first = heap.first else { return nil }
        let last = heap.removeLast()
        guard !heap.isEmpty else { return first }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, precedes(heap[child + 1], heap[child]) { child += 1 }
            guard precedes(heap[child], last) else { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return first
    }

    private func precedes(_ a: Event, _ b: Event) -> Bool {
        a.time != b.time ? a.time < b.time : a.sequence < b.sequence
    }
}
