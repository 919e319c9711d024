/// A hash over blocks of 64 bytes with the length of the whole at its end (Merkle-Damgård): MD5, SHA-1, SHA-256. Bytes come in any pieces.
public protocol BlockHash: Sendable {
    init()
    var core: BlockCore { get set }
    /// MD5 writes its words and its length backwards.
    static var isLittleEndian: Bool { get }
    var words: [UInt32] { get }
    /// One block of 64 bytes.
    mutating func compress(_ block: RawSpan)
}

/// The unfinished block, and how much came.
public struct BlockCore: Sendable {
    var pending: [UInt8] = []
    var length: UInt64 = 0

    public init() {}
}

extension BlockHash {
    public mutating func update(_ bytes: [UInt8]) { update(bytes[...]) }

    public mutating func update(_ bytes: ArraySlice<UInt8>) {
        core.length &+= UInt64(bytes.count)
        var rest = bytes
        if !core.pending.isEmpty {
            let part = rest.prefix(64 - core.pending.count)
            core.pending.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            guard core.pending.count == 64 else { return }
            let block = core.pending
            core.pending.removeAll(keepingCapacity: true)
            compress(block.span.bytes)
        }
        let whole = rest.count & ~63
        let span = rest.span.bytes
        var offset = 0
        while offset < whole {
            compress(span.extracting(offset..<(offset + 64)))
            offset += 64
        }
        core.pending.append(contentsOf: rest.dropFirst(whole))
    }

    /// The digest of what came so far.
    public consuming func finish() -> [UInt8] {
        let bits = core.length &<< 3
        var padding: [UInt8] = [0x80]
        let used = (core.pending.count + 1) & 63
        padding.append(contentsOf: repeatElement(0, count: used <= 56 ? 56 - used : 120 - used))
        padding.append(bigEndian: Self.isLittleEndian ? bits.byteSwapped : bits)
        update(padding)
        var digest: [UInt8] = []
        for word in words { digest.append(bigEndian: Self.isLittleEndian ? word.byteSwapped : word) }
        return digest
    }

    /// The digest of `bytes` alone.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = Self()
        hash.update(bytes)
        return hash.finish()
    }
}

/// `count` is 1…31.
@inlinable public func rotate(_ word: UInt32, left count: UInt32) -> UInt32 { word &<< count | word &>> (32 &- count) }
