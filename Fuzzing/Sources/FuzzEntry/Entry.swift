import FuzzTargets
import Glibc
import Synchronization

// What libFuzzer calls, by name. The environment says which target: ALOFT_FUZZ_TARGET.

private let target: FuzzTarget = {
    let name = getenv("ALOFT_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        say("ALOFT_FUZZ_TARGET is one of \(names), not `\(name)`")
        exit(2)
    }
    return target
}()

/// ALOFT_FUZZ_ALL: every input is examined, such as those that are kept.
private let examination: Examination = getenv("ALOFT_FUZZ_ALL") == nil ? .some : .all

/// The sum of the digests, which does not depend on the order of the inputs.
private let digests = Atomic<UInt64>(0)

private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafeMutableRawPointer, _ arguments: UnsafeMutableRawPointer) -> CInt {
    _ = target
    // What was said about all inputs; two processes that read the same inputs say the same.
    if getenv("ALOFT_FUZZ_DIGEST") != nil {
        atexit { say("digest: \(String(digests.load(ordering: .relaxed), radix: 16))") }
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(Violation) {
        let digest = try target.check(Array(UnsafeBufferPointer(start: data, count: count)), examination)
        digests.wrappingAdd(digest, ordering: .relaxed)
    } catch {
        say("==== \(error)")
        abort()
    }
    return 0
}

/// Changes an input in place: configurations half of the time by their statements and words, and all else by its bytes.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int, _ seed: CUnsignedInt) -> Int {
    guard target.isText, seed & 1 == 0 else { return mutateBytes(data, count, limit) }
    var mutator = ConfigurationMutator(seed: UInt64(seed), limit: limit)
    return store(mutator.mutate(Array(UnsafeBufferPointer(start: data, count: count))), data, limit)
}

@_cdecl("LLVMFuzzerCustomCrossOver")
public func crossOver(
    _ data: UnsafePointer<UInt8>, _ count: Int, _ other: UnsafePointer<UInt8>, _ otherCount: Int,
    _ result: UnsafeMutablePointer<UInt8>, _ limit: Int, _ seed: CUnsignedInt
) -> Int {
    let text = Array(UnsafeBufferPointer(start: data, count: count))
    let piece = Array(UnsafeBufferPointer(start: other, count: otherCount))
    guard target.isText else {
        // The beginning of one and the end of the other.
        let cut = Int(seed) % (count + 1)
        return store(text[..<cut] + piece.dropFirst(min(cut, otherCount)), result, limit)
    }
    var mutator = ConfigurationMutator(seed: UInt64(seed), limit: limit)
    return store(mutator.splice(text, piece), result, limit)
}

private func store(_ bytes: some Collection<UInt8>, _ data: UnsafeMutablePointer<UInt8>, _ limit: Int) -> Int {
    let kept = bytes.prefix(limit)
    _ = UnsafeMutableBufferPointer(start: data, count: limit).update(fromContentsOf: kept)
    return kept.count
}

/// libFuzzer's own mutations.
@_silgen_name("LLVMFuzzerMutate")
private func mutateBytes(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int) -> Int
