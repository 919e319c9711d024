import Glibc

/// The pages of this executable's code that the kernel has mapped into the process.
public enum CodePages {
    /// Unmaps them all. What runs from now on comes back page by page, from the page cache, with minor faults;
    /// what only the start needed stays out, and no longer counts as this process' memory. Only code: it is
    /// read-only and lies in the file, so nothing can be lost.
    public static func forget() {
        guard let text = try? Files.readText("/proc/self/maps", limit: 1 << 18) else { return }
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            // address range, permissions, offset, device, inode, path
            guard fields.count >= 6, fields[1] == "r-xp", fields[5].utf8.first == UInt8(ascii: "/") else { continue }
            let bounds = fields[0].split(separator: "-")
            guard bounds.count == 2, let start = UInt(bounds[0], radix: 16), let end = UInt(bounds[1], radix: 16),
                end > start
            else { continue }
            _ = madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
        }
    }
}
