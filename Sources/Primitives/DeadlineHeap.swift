/// What a deadline belongs to. Small and dense: `index` is an index into a table of its `kind`.
public protocol DeadlineKey: Comparable, Sendable {
    /// 0 ..< `kinds`.
    var kind: Int { get }
    /// From 0 on.
    var index: Int { get }
    static var kinds: Int { get }
}

/// The earliest of many deadlines: an indexed binary heap. Setting, moving and removing a key's deadline
/// cost O(log n), reading the earliest O(1); equal deadlines come out in the order of their keys, so that
/// a replay sees the same order.
public struct DeadlineHeap<Key: DeadlineKey>: Sendable {
    @usableFromInline struct Entry: Sendable {
        @usableFromInline var deadline: Deadline
        @usableFromInline var key: Key
        @inlinable init(deadline: Deadline, key: Key) {
            self.deadline = deadline
            self.key = key
        }
        @inlinable func precedes(_ other: Entry) -> Bool {
            deadline != other.deadline ? deadline < other.deadline : key < other.key
        }
    }

    @usableFromInline var entries: [Entry] = []
    @usableFromInline var positions: [[Int32]]

    @inlinable public init() { positions = Array(repeating: [], count: Key.kinds) }

    @inlinable public var earliest: Deadline? { entries.first?.deadline }

    /// Removes and returns the earliest key that is due.
    @inlinable public mutating func popDue(at now: Instant) -> Key? {
        guard let first = entries.first, first.deadline <= now else { return nil }
        remove(at: 0)
        return first.key
    }

    /// Sets, moves or (with nil) removes the deadline of a key.
    @inlinable public mutating func set(_ key: Key, _ deadline: Deadline?) {
        let position = self.position(of: key)
        switch (position, deadline) {
        case (nil, nil): break
        case (nil, let deadline?):
            entries.append(Entry(deadline: deadline, key: key))
            setPosition(of: key, entries.count - 1)
            siftUp(entries.count - 1)
        case (let position?, nil): remove(at: position)
        case (let position?, let deadline?):
            guard entries[position].deadline != deadline else { return }
            let earlier = deadline < entries[position].deadline
            entries[position].deadline = deadline
            if earlier { siftUp(position) } else { siftDown(position) }
        }
    }

    @inlinable func position(of key: Key) -> Int? {
        let table = positions[key.kind]
        guard key.index < table.count, table[key.index] >= 0 else { return nil }
        return Int(table[key.index])
    }

    @inlinable mutating func setPosition(of key: Key, _ position: Int) {
        let kind = key.kind
        while positions[kind].count <= key.index { positions[kind].append(-1) }
        positions[kind][key.index] = Int32(position)
    }

    @inlinable mutating func remove(at position: Int) {
        setPosition(of: entries[position].key, -1)
        let last = entries.removeLast()
        guard position < entries.count else { return }
        entries[position] = last
        setPosition(of: last.key, position)
        siftUp(position)
        siftDown(position)
    }

    @inlinable mutating func siftUp(_ start: Int) {
        var child = start
        let entry = entries[child]
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.precedes(entries[parent]) else { break }
            entries[child] = entries[parent]
            setPosition(of: entries[child].key, child)
            child = parent
        }
        entries[child] = entry
        setPosition(of: entry.key, child)
    }

    @inlinable mutating func siftDown(_ start: Int) {
        guard start < entries.count else { return }
        var parent = start
        let entry = entries[parent]
        while true {
            var child = 2 * parent + 1
            guard child < entries.count else { break }
            if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
            guard entries[child].precedes(entry) else { break }
            entries[parent] = entries[child]
            setPosition(of: entries[parent].key, parent)
            parent = child
        }
        entries[parent] = entry
        setPosition(of: entry.key, parent)
    }
}
