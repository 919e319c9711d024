import Configuration
import Primitives
import RouterEngine
import VRRP

/// A story: a script of inputs for one engine, with what it asks for written under each.
///
/// Lines that begin with four spaces are effects; playing a story writes them anew, and everything else
/// stays as it is. `docs/simulation.md` lists the commands.
public struct Playbook {
    /// A line that means nothing, with what is wrong about it.
    public struct Mistake: Error, CustomStringConvertible {
        public var line: Int
        public var problem: String
        public var description: String { "line \(line): \(problem)" }
    }

    private var model = Model()
    private var engine = Engine(Model())
    private var isBuilt = false
    private var now = Instant.zero
    private var records: [RouterRecord] = []
    private var links = [
        Link(index: InterfaceIndex(2), name: "eth0", isUp: true, mac: MACAddress(bits: 0x02_0000_0000_01))
    ]
    private var addresses = [
        KernelAddress(interface: InterfaceIndex(2), prefix: IPPrefix(host: .v4(IPv4Address(10, 0, 0, 1))))
    ]
    private var effects: [Effect] = []
    private var output: [String] = []
    private var number = 0

    private init() {}

    /// The story with the effects that the engine has now.
    public static func play(_ text: String) throws(Mistake) -> String {
        var book = Playbook()
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            book.number += 1
            if line.hasPrefix("    ") { continue }
            book.output.append(String(line))
            if line.isEmpty || line.hasPrefix("#") { continue }
            try book.command(line.split(separator: " ").map(String.init))
        }
        return book.output.joined(separator: "\n")
    }

    /// `4`, `4.25`: seconds with up to nine decimals.
    private static func instant(_ text: String) -> Instant? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count < 3, let whole = Int64(parts[0]) else { return nil }
        let decimals = parts.count == 2 ? String(parts[1]) : "0"
        guard decimals.count < 10, let fraction = Int64(decimals) else { return nil }
        let scale = (0..<(9 - decimals.count)).reduce(Int64(1)) { unit, _ in unit * 10 }
        return Instant(nanoseconds: whole * 1_000_000_000 + fraction * scale)
    }

    private func mistake(_ problem: String) -> Mistake { Mistake(line: number, problem: problem) }

    private mutating func command(_ words: [String]) throws(Mistake) {
        if words[0] == "startup_delay", words.count > 1 {
            model.global.startupDelay = .seconds(try integer(words[1]))
            return
        }
        if words[0] == "router" || words[0] == "script" || words[0] == "group" || words[0] == "node" {
            return try define(words)
        }
        guard let time = Self.instant(words[0]), words.count > 1 else { throw mistake("a time and a command expected") }
        build()
        advance(to: time, including: words[1] == "wait")
        try perform(words[1], Array(words.dropFirst(2)))
    }

    private mutating func build() {
        guard !isBuilt else { return }
        isBuilt = true
        engine = Engine(model)
    }

    // MARK: - What there is

    private mutating func define(_ words: [String]) throws(Mistake) {
        guard words.count > 1 else { throw mistake("a name expected") }
        let name = words[1]
        switch words[0] {
        case "node":
            guard let address = IPAddress(name) else { throw mistake("an address expected") }
            addresses[0].prefix = IPPrefix(host: address)
        case "script":
            var script = TrackScript(name: name, command: .run(["/check"]))
            try settings(words) { (key, value) throws(Mistake) in
                switch key {
                case "interval": script.interval = .seconds(try integer(value))
                case "rise": script.rise = try integer(value)
                case "fall": script.fall = try integer(value)
                case "weight": script.weight = try integer(value)
                default: throw mistake("no setting \(key) of a script")
                }
            }
            model.scripts.append(script)
        case "group":
            model.syncGroups.append(SyncGroupDefinition(name: name, members: Array(words.dropFirst(2))))
        default:
            var router = InstanceDefinition(
                name: name, interface: "eth0", virtualRouterID: UInt8(10 + model.instances.count))
            router.version = .v3
            router.addressLifetime = .zero
            try change(&router, words)
            model.instances.append(router)
        }
    }

    private func change(_ router: inout InstanceDefinition, _ words: [String]) throws(Mistake) {
        var changed = router
        try settings(words) { (key, value) throws(Mistake) in
            switch key {
            case "priority": changed.basePriority = UInt8(clamping: try integer(value))
            case "version": changed.version = value == "2" ? .v2 : .v3
            case "interval": changed.advertInterval = .milliseconds(try integer(value))
            case "preempt": changed.preempt = value == "yes"
            case "preempt_delay": changed.preemptDelay = .seconds(try integer(value))
            case "lifetime": changed.addressLifetime = .seconds(try integer(value))
            case "address":
                guard let prefix = IPPrefix(value) else { throw mistake("no address: \(value)") }
                changed.virtualAddresses.append(VirtualAddress(prefix))
            case "without": changed.virtualAddresses.removeAll { "\($0.prefix)" == value }
            case "peer":
                guard let address = IPAddress(value) else { throw mistake("no address: \(value)") }
                changed.unicastPeers.append(UnicastPeer(address: address))
                changed.unicastSource = addresses[0].prefix.address
            case "script": changed.trackScripts.append(TrackedScript(name: value))
            case "interface": changed.interface = value
            case "refresh": changed.announcements.masterRefresh = .seconds(try integer(value))
            default: throw mistake("no setting \(key) of a router")
            }
        }
        router = changed
    }

    /// Pairs of words behind the name.
    private func settings(
        _ words: [String], _ body: (String, String) throws(Mistake) -> Void
    ) throws(Mistake) {
        var index = 2
        while index < words.count {
            guard index + 1 < words.count else { throw mistake("\(words[index]) has no value") }
            try body(words[index], words[index + 1])
            index += 2
        }
    }

    private func integer(_ text: String) throws(Mistake) -> Int {
        guard let value = Int(text) else { throw mistake("a number expected, not \(text)") }
        return value
    }

    // MARK: - What happens

    private mutating func advance(to time: Instant, including last: Bool) {
        while let due = engine.nextDeadline, last ? due <= time : due < time {
            effects = []
            engine.handle(.timer, at: due, into: &effects)
            for effect in effects { output.append("    \(due)  \(Story.describe(effect, engine))") }
        }
        now = time
    }

    private mutating func handle(_ input: Input) {
        effects = []
        engine.handle(input, at: now, into: &effects)
        tell()
    }

    private mutating func tell() {
        for effect in effects { output.append("    \(Story.describe(effect, engine))") }
    }

    private mutating func perform(_ verb: String, _ words: [String]) throws(Mistake) {
        switch verb {
        case "wait": break
        case "start":
            handle(.kernelDump(links, addresses))
            handle(.start(adopting: records, scripts: []))
        case "recorded": try record(words)
        case "hear": try hear(words)
        case "up", "down":
            guard let index = links.firstIndex(where: { $0.name == words.first }) else { throw mistake("no such link") }
            links[index].isUp = verb == "up"
            handle(.link(links[index]))
        case "appears", "vanishes":
            guard let prefix = words.first.flatMap({ IPPrefix($0) }) else { throw mistake("an address expected") }
            let address = KernelAddress(interface: InterfaceIndex(2), prefix: prefix, isMarked: true)
            if verb == "appears" {
                addresses.append(address)
                if engine.nextDeadline != nil { handle(.address(address)) }
            } else {
                handle(.addressGone(address))
            }
        case "answer":
            guard words.count == 2, let index = model.scripts.firstIndex(where: { $0.name == words[0] })
            else { throw mistake("a script and its status expected") }
            handle(.scriptFinished(ScriptID(UInt32(index)), .exited(Int32(clamping: try integer(words[1])))))
        case "timeout":
            guard let index = model.scripts.firstIndex(where: { $0.name == words.first }) else {
                throw mistake("no such script")
            }
            handle(.scriptFinished(ScriptID(UInt32(index)), .timedOut))
        case "reload":
            if let name = words.first {
                guard let index = model.instances.firstIndex(where: { $0.name == name }) else {
                    throw mistake("no such router")
                }
                try change(&model.instances[index], ["reload"] + words)
            }
            handle(.reload(model))
        case "stop": handle(.stop)
        default: throw mistake("no such command: \(verb)")
        }
    }

    /// `recorded VI_1 MASTER 9.5`: what a predecessor left, with the time of its last advertisement.
    private mutating func record(_ words: [String]) throws(Mistake) {
        guard words.count == 3, let id = engine.router(named: words[0]), var record = engine.record(of: id),
            let role = [Role.initialize, .backup, .master, .fault].first(where: { "\($0)" == words[1] }),
            let advert = Self.instant(words[2])
        else { throw mistake("a router, a role and a time expected") }
        (record.role, record.lastAdvert) = (role, advert)
        records.append(record)
    }

    /// `hear VI_1 priority 150 from 10.0.0.2 interval 1000`
    private mutating func hear(_ words: [String]) throws(Mistake) {
        guard let router = model.instances.first(where: { $0.name == words.first }),
            let id = VirtualRouterID(router.virtualRouterID)
        else { throw mistake("no such router") }
        var priority = 100
        var interval = router.advertInterval
        var source: IPAddress = .v4(IPv4Address(10, 0, 0, 2))
        var timeToLive: UInt8 = 255
        try settings(["hear"] + words) { (key, value) throws(Mistake) in
            switch key {
            case "priority": priority = try integer(value)
            case "interval": interval = .milliseconds(try integer(value))
            case "ttl": timeToLive = UInt8(clamping: try integer(value))
            case "from":
                guard let address = IPAddress(value) else { throw mistake("no address: \(value)") }
                source = address
            default: throw mistake("no \(key) of an advertisement")
            }
        }
        let destination = router.isUnicast ? addresses[0].prefix.address : router.multicastGroup
        let packet = AdvertisementPacket(
            format: PacketFormat(
                version: router.version == .v2 ? .v2 : .v3, family: .ipv4, isUnicast: router.isUnicast,
                interval: Centiseconds(rounding: interval, for: router.version == .v2 ? .v2 : .v3)),
            id: id, priority: Priority(UInt8(clamping: priority)), source: source, destinations: [destination],
            addresses: router.virtualAddresses.map(\.prefix.address))
        effects = []
        let origin = PacketOrigin(
            interface: InterfaceIndex(2), source: source, destination: destination, timeToLive: timeToLive)
        let bytes = Array(packet.copies[0].bytes.dropFirst(20))
        engine.receive(bytes.span.bytes, from: origin, at: now, into: &effects)
        tell()
    }
}
