import Arbitration
import CLinux
import LinuxWorld
import Primitives

/// The memory on disk, and the descriptor that threads write to.
extension CorosyncClient {
    /// What a file holds that is there; nothing when there is none.
    static func load(_ path: String) throws(SystemError) -> RegisterMemory {
        guard try Files.status(path) != nil else { return RegisterMemory() }
        guard let memory = RegisterMemory(decoding: try Files.read(path, limit: 4096)) else {
            throw SystemError(
                .file, .invalid,
                "read what this node acknowledged before (wait for the longest lease to run out on all nodes, then remove it):",
                path)
        }
        return memory
    }

    /// Durable when it returns, the name included.
    static func store(_ memory: RegisterMemory, _ path: String) throws(SystemError) {
        try Files.writeAtomically(path, memory.encoded, mode: 0o600)
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = aloft_open(directory, 0, 0)
        guard descriptor >= 0 else {
            throw SystemError(.file, Errno(0 - descriptor), "open the directory", directory)
        }
        let opened = FileDescriptor(owning: descriptor)
        let result = aloft_sync(opened.rawValue)
        guard result >= 0 else { throw SystemError(.file, Errno(0 - result), "sync the directory", directory) }
    }

    static func makeWake() throws(SystemError) -> Int32 {
        let descriptor = aloft_eventfd()
        guard descriptor >= 0 else { throw SystemError(.poll, Errno(0 - descriptor), "create an eventfd") }
        return descriptor
    }

    static func drain(_ wake: borrowing FileDescriptor) {
        var bytes: [UInt8] = []
        _ = try? wake.read(into: &bytes, limit: 8)
    }
}
