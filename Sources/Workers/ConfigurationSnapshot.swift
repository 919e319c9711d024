import ConfigLanguage
import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision

/// The text of the configuration that was accepted last, in the memory that the processes of a daemon share: what one of them reads, all
/// read, whatever lies on disk meanwhile. For each file its path and its bytes, each behind a 32-bit length.
public enum ConfigurationSnapshot {
    public static func encode(_ files: [ProvidedFile]) -> [UInt8] {
        var bytes: [UInt8] = []
        for file in files {
            for part in [Array(file.path.utf8), file.bytes] {
                bytes.append(bigEndian: UInt32(clamping: part.count))
                bytes += part
            }
        }
        return bytes
    }

    public static func decode(_ bytes: [UInt8]) -> [ProvidedFile]? {
        var parts: [[UInt8]] = []
        var offset = 0
        while offset < bytes.count {
            guard let length = bytes.span.bytes.uint32(at: offset) else { return nil }
            let end = offset + 4 + Int(length)
            guard end <= bytes.count else { return nil }
            parts.append(Array(bytes[(offset + 4)..<end]))
            offset = end
        }
        guard parts.count.isMultiple(of: 2), !parts.isEmpty else { return nil }
        return stride(from: 0, to: parts.count, by: 2).map {
            ProvidedFile(path: String(decoding: parts[$0], as: UTF8.self), bytes: parts[$0 + 1])
        }
    }

    /// Nil when there is none, or it is being written.
    public static func read(in memory: borrowing SharedMemory) -> [UInt8]? {
        let layout = StateLayout(base: StatePage.stateOffset)
        guard let count = memory.load(at: layout.snapshot), count > 0,
            let text = memory.read(Int(min(count, UInt64(memory.size))), at: layout.snapshotBytes)
        else { return nil }
        var hash = StableHash()
        hash.add(text.span.bytes)
        return hash.value == memory.load(at: layout.snapshot + 8) ? text : nil
    }
}
