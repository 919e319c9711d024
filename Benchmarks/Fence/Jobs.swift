import LinuxWorld
import Primitives

#if canImport(Glibc)
    import Glibc
#endif

/// Unbuffered: the one who waits for it is another process.
func say(_ text: String, to descriptor: Int32) {
    _ = text.utf8CString.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count - 1) }
}

/// A daemon that is killed: it leaves its programs, and a deadline.
func hold(_ interface: InterfaceIndex, _ address: IPAddress, _ time: Duration) throws(SystemError) -> Never {
    var fence = try LeaseFence()
    let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
    guard let slot = FenceSlot(0) else { fail("there is no slot") }
    try fence.setGuards([FenceGuard(interface: interface, address: address, slot: slot)])
    let until = BootClock.now() + time
    deadlines.set(slot, until: until)
    say("ready \(until.nanoseconds)\n", to: 1)
    while true { pause() }
}

/// An empty datagram of UDP in an Ethernet frame.
func datagram(_ source: IPAddress, _ destination: IPAddress) -> [UInt8] {
    let isFour = source.family == .ipv4
    var bytes: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1] + (isFour ? [0x08, 0] : [0x86, 0xDD])
    bytes += isFour ? [0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0] : [0x60, 0, 0, 0, 0, 8, 17, 64]
    source.append(to: &bytes)
    destination.append(to: &bytes)
    return bytes + [0, 9, 0, 9, 0, 8, 0, 0]
}

/// Leases of 0.1 to 2 ms. Between reading the clock and storing the deadline the process stalls: not at all, asleep, in a storm of
/// sched_yield(2), or in a loop. Then frames go through the program until well after the end.
///
/// A frame that passed although it began after the deadline is what must not be. (It is also counted how often a frame was
/// dropped before the deadline, which would be a loss.) The time before a run is earlier than the program's own.
func storm(_ count: Int, seed: UInt64) throws(SystemError) -> Bool {
    var fence = try LeaseFence()
    let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
    let guarded = IPAddress.v4(IPv4Address(192, 0, 2, 1))
    guard let slot = FenceSlot(1) else { fail("there is no slot") }
    try fence.setGuards([FenceGuard(interface: InterfaceIndex(1), address: guarded, slot: slot)])
    let frame = datagram(guarded, .v4(IPv4Address(192, 0, 2, 2)))
    var random = SplitMix64(seed: seed)
    var late = 0
    var early = 0
    var neverOpened = 0
    var runs = 0
    var latest = Int64.min
    let start = BootClock.now()
    for _ in 0..<count {
        let until = BootClock.now() + .nanoseconds(Int64(100_000 + random.next() % 1_900_000))
        switch random.next() % 4 {
        case 0: break
        case 1: usleep(UInt32(random.next() % 3000))
        case 2: for _ in 0..<random.next() % 2000 { sched_yield() }
        default:
            let end = BootClock.now() + .nanoseconds(Int64(random.next() % 2_500_000))
            while BootClock.now() < end {}
        }
        deadlines.set(slot, until: until)
        var served = false
        while true {
            let before = BootClock.now()
            if before > until + .microseconds(100) { break }
            let isDropped = try fence.run(frame, .egress).isDropped
            runs += 1
            if isDropped {
                if BootClock.now() < until { early += 1 }
            } else {
                served = true
                latest = max(latest, (before - until).nanoseconds)
                if before >= until { late += 1 }
            }
        }
        if !served { neverOpened += 1 }
    }
    let time = (BootClock.now() - start).formattedSeconds(digits: 1)
    print(
        "\(count) leases, \(runs) frames in \(time) s: \(late) served after the deadline, \(early) dropped before it, "
            + "\(neverOpened) leases were installed late and opened nothing; the last frame began \(-latest / 1000) µs before a deadline"
    )
    return late == 0 && early == 0 && runs > count / 2 && neverOpened < count
}

func seconds(_ body: () throws(SystemError) -> Void) throws(SystemError) -> Duration {
    let start = BootClock.now()
    try body()
    return BootClock.now() - start
}

func measureCosts() throws(SystemError) {
    var start = BootClock.now()
    func lap(_ what: String, per count: Int64 = 1) {
        let time = (BootClock.now() - start).nanoseconds
        print("\(what): \(time / 1000) µs\(count > 1 ? ", \(time / count) ns each" : "")")
        start = BootClock.now()
    }
    var fence = try LeaseFence()
    lap("the deadlines' map")
    try fence.load()
    lap("four programs verified and translated")
    let deadlines = try FenceDeadlines(adopting: try fence.deadlines.duplicate())
    let result = try fence.selfTest()
    lap("self-test (\(result.isPassed ? "passed" : "\(result)"))")
    let guarded = IPAddress.v4(IPv4Address(10, 0, 0, 0))
    let guarded6 = IPAddress.v6(IPv6Address(high: 0x2001_0db8 << 32, low: 0))
    let other = IPAddress.v4(IPv4Address(192, 0, 2, 2))
    let other6 = IPAddress.v6(IPv6Address(high: 0x2001_0db8 << 32, low: 1 << 40))
    guard let slot = FenceSlot(0) else { fail("there is no slot") }
    for count in [1, 100, 10_000] {
        var guards = (0..<count).map { number in
            FenceGuard(
                interface: InterfaceIndex(1), address: .v4(IPv4Address(bits: 10 << 24 | UInt32(number))), slot: slot)
        }
        guards.append(FenceGuard(interface: InterfaceIndex(1), address: guarded6, slot: slot))
        start = BootClock.now()
        try fence.setGuards(guards)
        lap("\(count) guarded addresses set", per: Int64(count))
        for (name, frame, way, until) in [
            ("IPv4 not guarded, in", datagram(other, other), FenceDirection.ingress, Instant.zero),
            ("IPv4 not guarded, out", datagram(other, other), .egress, .zero),
            ("IPv4 open, out", datagram(guarded, other), .egress, .distantFuture),
            ("IPv4 closed, out", datagram(guarded, other), .egress, .zero),
            ("IPv6 not guarded, in", datagram(other6, other6), .ingress, .zero),
            ("IPv6 open, out", datagram(guarded6, other6), .egress, .distantFuture),
        ] {
            deadlines.set(slot, until: until)
            let times = try (0..<5).map { _ throws(SystemError) in
                try fence.run(frame, way, repeating: 200_000).nanoseconds
            }.sorted()
            print("  \(name): \(times[2]) ns a packet (\(times[0])-\(times[4]))")
        }
    }
    start = BootClock.now()
    for number in 0..<1000 { if let one = FenceSlot(number) { deadlines.set(one, until: .zero + .seconds(1)) } }
    lap("1,000 deadlines renewed", per: 1000)
    for _ in 0..<1000 { _ = try fence.check() }
    lap("1,000 looks whether it is there", per: 1000)
    try fence.remove()
    lap("taken off")
}
