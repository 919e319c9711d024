import CLinux
import Primitives

/// Which lease: a place among the deadlines of the fence, 0 ..< `FenceDeadlines.count`.
public struct FenceSlot: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt32

    /// Nil outside of 0 ..< `FenceDeadlines.count`; one place more is kept for the fence's test of itself.
    public init?(_ rawValue: Int) {
        guard rawValue >= 0, rawValue < FenceDeadlines.count else { return nil }
        self.rawValue = UInt32(truncatingIfNeeded: rawValue)
    }

    private init(unchecked rawValue: UInt32) { self.rawValue = rawValue }

    static let selfTest = FenceSlot(unchecked: UInt32(FenceDeadlines.count))

    public static func < (a: FenceSlot, b: FenceSlot) -> Bool { a.rawValue < b.rawValue }
    public var description: String { "slot \(rawValue)" }
}

/// Until when each lease may serve: the array of the lease fence, mapped into the process that renews.
///
/// A renewal is one store of eight bytes, no system call: the kernel's programs read the word with the next packet. It is an absolute time of
/// CLOCK_BOOTTIME, so a store that comes late (the process was stopped between reading the clock and storing) opens nothing.
/// 0 is closed; so is every time that has passed. Deadlines outlive the process that stored them.
public struct FenceDeadlines: ~Copyable {
    /// How many leases have a place.
    public static let count = 4095
    static let entries: UInt32 = 4096
    static let length = UInt64(entries) * 8
    /// Of the memory, in bytes, where it is no map of the kernel's.
    public static let size = Int(length)

    let descriptor: FileDescriptor
    private let words: UnsafeMutableRawPointer

    /// Maps what `LeaseFence.deadlines` of the owner is a descriptor of; needs no capability. EINVAL or ENODEV of something else.
    public init(adopting descriptor: consuming FileDescriptor) throws(SystemError) {
        var address: UnsafeMutableRawPointer?
        _ = try check(
            aloft_map_shared(descriptor.rawValue, Self.length, &address), .fence, "map the deadlines of the lease fence"
        )
        guard let address else { throw SystemError(.fence, .invalid, "map the deadlines of the lease fence") }
        self.descriptor = descriptor
        words = address
    }

    deinit { _ = aloft_unmap(words, Self.length) }

    /// From `until` on the addresses of the slot are closed; nil closes them now. Replaces what was there, also by an earlier time.
    public borrowing func set(_ slot: FenceSlot, until: Instant?) {
        aloft_store_release(words + Int(slot.rawValue) * 8, UInt64(max(0, until?.nanoseconds ?? 0)))
    }

    /// What was set last, by whichever process; nil of a closed slot. A time that has passed is given as it is.
    public borrowing func read(_ slot: FenceSlot) -> Instant? {
        let word = aloft_load_acquire(words + Int(slot.rawValue) * 8)
        return word == 0 ? nil : Instant(nanoseconds: Int64(clamping: word))
    }

    /// Closes all slots: what the owner does after a worker has gone, and a worker before it goes.
    public borrowing func closeAll() {
        for slot in 0..<Self.count { aloft_store_release(words + slot * 8, 0) }
    }
}
