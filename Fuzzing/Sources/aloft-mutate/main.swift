import FuzzTargets
import Glibc
import Primitives
import Synchronization

// Good configurations spoilt as people do it, and read: without libFuzzer's counters many times as many in the same time. What
// is looked at is the same. scripts/fuzz --structured builds and runs it.
//
// usage: aloft-mutate TARGET RUNS SEED FILE…     with ONLY=N in the environment: only that input, shown

/// Which input is at hand; for the last words.
private let current = Atomic<Int>(0)

private func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

private func read(_ path: String) -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = block.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { return bytes }
        bytes += block[..<count]
    }
}

private func fail(_ why: String) -> Never {
    say("==== \(why); again: ONLY=\(current.load(ordering: .relaxed)) and the same arguments")
    _exit(1)
}

private let arguments = CommandLine.arguments
guard arguments.count > 4, let target = FuzzTarget(rawValue: arguments[1]), target.isText, let runs = Int(arguments[2]),
    let seed = UInt64(arguments[3])
else {
    say("usage: aloft-mutate configuration|language RUNS SEED FILE…")
    exit(2)
}
private let originals = arguments[4...].map(read).filter { !$0.isEmpty && $0.count <= 4096 }
guard !originals.isEmpty else {
    say("aloft-mutate: no file of 1 to 4096 bytes")
    exit(2)
}
for number in [SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGABRT] { signal(number) { _ in fail("a trap") } }
signal(SIGALRM) { _ in fail("it takes more than 10 s") }

private func input(_ number: Int) -> [UInt8] {
    var random = SplitMix64(seed: seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15)
    func original() -> [UInt8] { originals[Int(random.next() % UInt64(originals.count))] }
    var mutator = ConfigurationMutator(seed: random.next(), limit: 4096)
    let text = mutator.mutate(original())
    return random.next() % 4 == 0 ? mutator.splice(text, original()) : text
}

private let only = getenv("ONLY").flatMap { Int(String(cString: $0)) }
private let began = time(nil)
for number in only.map({ $0..<$0 + 1 }) ?? 0..<runs {
    current.store(number, ordering: .relaxed)
    if number % 64 == 0 || only != nil { alarm(10) }
    let text = input(number)
    if only != nil { _ = text.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) } }
    do throws(Violation) {
        try target.check(text, only == nil ? .some : .all)
    } catch {
        fail("\(error)")
    }
    if number % 200_000 == 199_999 { say("\(target.rawValue): \(number + 1) of \(runs), \(time(nil) - began) s") }
}
var usage = rusage()
getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
say(
    "\(target.rawValue): \(runs) executions of \(originals.count) files spoilt, seed \(seed), \(time(nil) - began) s, peak \(usage.ru_maxrss / 1024) MB, 0 failures"
)
if usage.ru_maxrss > 100 * 1024 { fail("more than 100 MB") }
