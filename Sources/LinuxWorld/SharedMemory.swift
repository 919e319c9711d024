import CLinux

/// A piece of memory that outlives the process: a memfd (memfd_create(2)), sealed in size, mapped shared.
///
/// Ranges are checked: what lies outside is refused, not touched. Other processes may write at the same time; what must be
/// whole is either one word or carries a checksum.
public struct SharedMemory: ~Copyable {
    public let descriptor: FileDescriptor
    public let size: Int
    let base: UnsafeMutableRawPointer

    /// New, filled with zeros. `name` shows in /proc/PID/fd.
    public init(name: String, size: Int) throws(SystemError) {
        guard size > 0 else { throw SystemError(.memory, .invalid, "create shared memory of \(size) bytes", name) }
        let memfd = try check(aloft_memfd_create(name, UInt64(size)), .memory, "create shared memory", name)
        try self.init(adopting: FileDescriptor(owning: memfd))
    }

    /// Maps what a descriptor holds. Refused unless it is sealed against shrinking, which would make reading it fatal.
    public init(adopting descriptor: consuming FileDescriptor) throws(SystemError) {
        let seals = try check(aloft_memfd_seals(descriptor.rawValue), .memory, "look at the seals of shared memory")
        guard seals & 0x0002 != 0 else {  // F_SEAL_SHRINK
            throw SystemError(.memory, .notPermitted, "trust shared memory that can shrink")
        }
        let size = try check(aloft_file_size(descriptor.rawValue), .memory, "measure shared memory")
        var address: UnsafeMutableRawPointer?
        _ = try check(
            aloft_map_shared(descriptor.rawValue, UInt64(size), &address), .memory, "map shared memory")
        guard let address else { throw SystemError(.memory, .invalid, "map shared memory") }
        self.descriptor = descriptor
        self.size = Int(size)
        base = address
    }

    deinit { _ = aloft_unmap(base, UInt64(size)) }

    /// Copies `count` bytes at `offset`; nil when they aren't all inside.
    public borrowing func read(_ count: Int, at offset: Int) -> [UInt8]? {
        guard isInside(count, at: offset) else { return nil }
        return [UInt8](UnsafeRawBufferPointer(start: base + offset, count: count))
    }

    /// Shows `count` bytes at `offset` without copying them. Nil when they aren't all inside.
    public borrowing func withBytes<Result>(_ count: Int, at offset: Int, _ body: (RawSpan) -> Result) -> Result? {
        guard isInside(count, at: offset) else { return nil }
        return body(UnsafeRawBufferPointer(start: base + offset, count: count).bytes)
    }

    /// Copies `bytes` to `offset`. False, and nothing written, when they would not all be inside.
    @discardableResult
    public borrowing func write(_ bytes: RawSpan, at offset: Int) -> Bool {
        guard isInside(bytes.byteCount, at: offset) else { return false }
        bytes.withUnsafeBytes { source in
            if let start = source.baseAddress { (base + offset).copyMemory(from: start, byteCount: source.count) }
        }
        return true
    }

    /// Reads one word whole; what was written before its `store` is seen after it (acquire). `offset` must be a multiple of 8
    /// and inside, otherwise nil.
    public borrowing func load(at offset: Int) -> UInt64? {
        guard isInside(8, at: offset), offset & 7 == 0 else { return nil }
        return aloft_load_acquire(base + offset)
    }

    /// Writes one word whole, after everything written before it (release). False outside.
    @discardableResult
    public borrowing func store(_ value: UInt64, at offset: Int) -> Bool {
        guard isInside(8, at: offset), offset & 7 == 0 else { return false }
        aloft_store_release(base + offset, value)
        return true
    }

    borrowing func isInside(_ count: Int, at offset: Int) -> Bool {
        count >= 0 && offset >= 0 && count <= size && offset <= size - count
    }
}
