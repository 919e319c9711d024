import CLinux

/// One classifier of the lease fence as instructions of the kernel's virtual machine (linux/bpf.h, `struct bpf_insn`, little endian), compiled from
/// Sources/CLinux/bpf/fence.bpf.c by scripts/fence-bytes.
struct FenceProgram: Sendable {
    enum Map: Sendable { case deadlines, guards, drops }

    let name: String
    /// The instructions that load a map: index, and which.
    let places: [(Int, Map)]
    let instructions: [UInt64]

    /// The instructions with the descriptors of the maps filled in: BPF_PSEUDO_MAP_FD as source register, the descriptor as immediate value.
    func placed(_ maps: borrowing FenceMaps) -> [UInt64] {
        var words = instructions
        for (index, map) in places where words.indices.contains(index) {
            words[index] |= 1 << 12 | UInt64(UInt32(bitPattern: maps.descriptor(of: map))) << 32
        }
        return words
    }

    /// Verifies and loads it (1-5 ms). A refusal carries the verifier's last line.
    func load(_ maps: borrowing FenceMaps, as name: String) throws(SystemError) -> LoadedFenceProgram {
        #if _endian(big)
            throw SystemError(.fence, Errno(95), "load a program compiled for little-endian machines", self.name)
        #else
            let words = placed(maps)
            var result = Self.load(words, as: name, log: UnsafeMutableBufferPointer(start: nil, count: 0))
            if result < 0 {
                // Once more, for the reason.
                let log = UnsafeMutableBufferPointer<CChar>.allocate(capacity: 1 << 20)
                defer { log.deallocate() }
                log.initialize(repeating: 0)
                let again = Self.load(words, as: name, log: log)
                if again >= 0 { result = again }
                let errno = Errno(0 &- result)
                if result < 0 {
                    throw SystemError(.fence, errno, "load the fence's program", self.name + Self.lastLine(of: log))
                }
            }
            return try LoadedFenceProgram(FileDescriptor(owning: result))
        #endif
    }

    private static func load(_ words: [UInt64], as name: String, log: UnsafeMutableBufferPointer<CChar>) -> Int32 {
        words.withUnsafeBufferPointer {
            aloft_bpf_load_classifier(
                $0.baseAddress, UInt32(truncatingIfNeeded: $0.count), name, log.baseAddress,
                UInt32(truncatingIfNeeded: log.count))
        }
    }

    private static func lastLine(of log: UnsafeMutableBufferPointer<CChar>) -> String {
        let text = log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        // Behind the reason come statistics.
        let lines = text.split(separator: UInt8(ascii: "\n")).filter { !$0.starts(with: Array("processed ".utf8)) }
        return lines.last.map { " (the verifier says: \(String(decoding: $0, as: UTF8.self)))" } ?? ""
    }
}

/// A program in the kernel.
struct LoadedFenceProgram: ~Copyable {
    let descriptor: FileDescriptor
    /// The kernel's number of it, by which queries name it.
    let identifier: UInt32
    /// What it was loaded as.
    let name: String

    init(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        var identifier: UInt32 = 0
        var bytes = [UInt8](repeating: 0, count: 16)
        let result = bytes.withUnsafeMutableBufferPointer {
            aloft_bpf_program_identity(descriptor.rawValue, &identifier, $0.baseAddress)
        }
        _ = try check(result, .fence, "ask a program for its number")
        self.descriptor = descriptor
        self.identifier = identifier
        name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The program with a number; nil when it has gone meanwhile. Needs CAP_SYS_ADMIN.
    init?(identifier: UInt32) throws(SystemError) {
        let result = aloft_bpf_program_by_id(identifier)
        if result == -Errno.notFound.rawValue { return nil }
        let number = try check(result, .fence, "open the program with the number", "\(identifier)")
        try self.init(FileDescriptor(owning: number))
    }

    /// Runs it on a frame that no interface has (BPF_PROG_TEST_RUN; it comes from `lo`).
    /// Returns the verdict, -1 pass on or 2 drop, and the mean time of a run in nanoseconds.
    borrowing func run(_ frame: [UInt8], repeating count: UInt32 = 1) throws(SystemError) -> (
        verdict: Int32, time: UInt32
    ) {
        var verdict: Int32 = 0
        var time: UInt32 = 0
        let result = frame.withUnsafeBufferPointer {
            aloft_bpf_test_run(
                descriptor.rawValue, $0.baseAddress, UInt32(truncatingIfNeeded: $0.count), count, &verdict, &time)
        }
        _ = try check(result, .fence, "run the fence's program on a frame of its self-test")
        return (verdict, time)
    }
}

/// The programs of one fence, for interfaces with an Ethernet header and for those without a header (tunnels).
struct LoadedFencePrograms: ~Copyable {
    let ethernetIngress: LoadedFenceProgram
    let ethernetEgress: LoadedFenceProgram
    let bareIngress: LoadedFenceProgram
    let bareEgress: LoadedFenceProgram

    init(_ maps: borrowing FenceMaps, named name: FenceName) throws(SystemError) {
        let ethernetIngress = try FenceProgram.ethernetIngress.load(maps, as: name.of(.ingress))
        let ethernetEgress = try FenceProgram.ethernetEgress.load(maps, as: name.of(.egress))
        let bareIngress = try FenceProgram.bareIngress.load(maps, as: name.of(.ingress))
        let bareEgress = try FenceProgram.bareEgress.load(maps, as: name.of(.egress))
        self.ethernetIngress = ethernetIngress
        self.ethernetEgress = ethernetEgress
        self.bareIngress = bareIngress
        self.bareEgress = bareEgress
    }

    /// Descriptor and number of the one that an interface needs.
    borrowing func program(_ direction: FenceDirection, isBare: Bool) -> (descriptor: Int32, identifier: UInt32) {
        switch (direction, isBare) {
        case (.ingress, false): (ethernetIngress.descriptor.rawValue, ethernetIngress.identifier)
        case (.egress, false): (ethernetEgress.descriptor.rawValue, ethernetEgress.identifier)
        case (.ingress, true): (bareIngress.descriptor.rawValue, bareIngress.identifier)
        case (.egress, true): (bareEgress.descriptor.rawValue, bareEgress.identifier)
        }
    }

    borrowing func identifiers() -> [UInt32] {
        [ethernetIngress.identifier, ethernetEgress.identifier, bareIngress.identifier, bareEgress.identifier]
    }
}

/// What the programs of one daemon are called, by which the next finds them: `alf_i_` or `alf_e_` and eight digits.
struct FenceName: Hashable, Sendable {
    let digits: String

    init(instance: UInt32) {
        let text = String(instance, radix: 16)
        digits = String(repeating: "0", count: max(0, 8 - text.utf8.count)) + text
    }

    func of(_ direction: FenceDirection) -> String { (direction == .ingress ? "alf_i_" : "alf_e_") + digits }
    func isName(_ name: String) -> Bool { name == of(.ingress) || name == of(.egress) }
}

/// The two ways past an interface.
public enum FenceDirection: Hashable, Sendable, CaseIterable {
    case ingress, egress
}
