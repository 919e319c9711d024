import Foundation
import NetworkLab
import Primitives
import Testing

/// Two Aloft nodes and everything that can happen to them. Judged from the wire, the kernels and the client.
extension OnTheKernel {
    @Suite("Failover", .needsRoot) struct Failover {
        /// Room for a machine with other things to do, on top of what the protocol allows.
        static let grace = Duration.milliseconds(60)

        @Test(
            "SAFE-1: a crash costs three intervals and the skew at most",
            arguments: [RouterSetting.Case.v3, .v3IPv6])
        func crash(_ kind: RouterSetting.Case) throws {
            try withoutStarvation { meter in
                let pair = try Pair(kind, interval: .milliseconds(100))
                defer { pair.close() }
                let event = meter.event()
                try pair.stage.left.unplug()
                pair.left.current.killAll()
                try pair.waitForService(by: pair.stage.right)
                let limit = pair.settings[1].masterDown
                let figures = try [
                    Figure(
                        "from advert to advert", pair.handover(after: event), atMost: limit + .milliseconds(5)),
                    Figure("without service", pair.gap(after: event), atMost: limit + Failover.grace),
                ]
                // The machine comes back with its higher priority, over what its predecessor left.
                try pair.stage.left.plug()
                try pair.left.start()
                for address in pair.settings[0].services {
                    try pair.stage.waitForHolder(pair.stage.left, of: address, upTo: .seconds(5))
                }
                try pair.waitForService(by: pair.stage.left)
                return figures
            }
        }

        @Test(
            "SAFE-1: an orderly stop costs the skew, and leaves nothing", arguments: [RouterSetting.Case.v3, .v3IPv6])
        func stop(_ kind: RouterSetting.Case) throws {
            try withoutStarvation { meter in
                let pair = try Pair(kind, interval: .milliseconds(100))
                defer { pair.close() }
                let event = meter.event()
                try pair.left.stop()
                let exit = LabClock.now() - event
                #expect(pair.left.current.status == 0, pair.log)
                for address in pair.settings[0].services { #expect(try !pair.stage.left.holds(address)) }
                try pair.waitForService(by: pair.stage.right)
                #expect(pair.adverts(from: pair.stage.left, after: event).last?.priority == 0)
                let skew = pair.settings[1].skew
                return try [
                    Figure("SIGTERM to exit", exit, atMost: .milliseconds(100)),
                    Figure("from advert to advert", pair.handover(after: event), atMost: skew + .milliseconds(5)),
                    Figure("without service", pair.gap(after: event), atMost: skew + Failover.grace),
                ]
            }
        }

        @Test("two nodes that name each other hand over at once (vrrp.backup.sole-rival-released)")
        func unicastStop() throws {
            try withoutStarvation { meter in
                let pair = try Pair(.unicastV3, interval: .seconds(1))
                defer { pair.close() }
                let event = meter.event()
                try pair.left.stop()
                try pair.waitForService(by: pair.stage.right)
                // The skew alone would be 609 ms.
                return try [
                    Figure("without service", pair.gap(after: event), atMost: .milliseconds(25) + pair.resolution)
                ]
            }
        }

        @Test(
            "KERN-2: a worker that is killed or stopped is replaced, and nobody notices (vrrp.initialize.adopted)",
            arguments: [SIGKILL, SIGSTOP])
        func worker(_ signal: Int32) throws {
            try withoutStarvation { meter in
                let pair = try Pair()
                defer { pair.close() }
                let worker = try pair.worker()
                let watch = try pair.stage.left.watchAddresses()
                let event = meter.event()
                kill(worker, signal)
                try LabClock.wait(upTo: .seconds(5), for: "another worker") { () throws(LabError) in
                    let now = pair.left.workerPID
                    return now != nil && now != worker ? true : nil
                }
                try LabClock.observe(for: .milliseconds(800))
                #expect(!watch.events(of: Stage.serviceIPv4).contains { !$0.isPresent }, "the address blinked")
                #expect(pair.left.current.isRunning)
                if meter.worst < pair.settings[0].interval {
                    #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty, "the role moved\n\(pair.log)")
                }
                // A killed worker is replaced by the next advert; a hung one within two intervals and 50 ms.
                let next = pair.adverts(from: pair.stage.left, after: event).first?.time ?? event + .seconds(3600)
                let silence = pair.longestSilence(from: pair.stage.left, after: event)
                return try [
                    signal == SIGKILL
                        ? Figure("between two adverts", silence, atMost: .milliseconds(150))
                        : Figure("from the signal to an advert", next - event, atMost: .milliseconds(250)),
                    Figure("without service", pair.gap(after: event), atMost: Failover.grace),
                ]
            }
        }

        @Test("when the supervisor dies the worker releases in order") func supervisor() throws {
            try withoutStarvation { meter in
                let pair = try Pair()
                defer { pair.close() }
                let worker = try pair.worker()
                let event = meter.event()
                pair.left.current.signal(SIGKILL)
                try pair.waitForService(by: pair.stage.right)
                #expect(pair.adverts(from: pair.stage.left, after: event).last?.priority == 0)
                #expect(try !pair.stage.left.holds(Stage.serviceIPv4))
                try LabClock.wait(upTo: .seconds(2), for: "the worker to end") { () throws(LabError) in
                    isGone(worker) ? true : nil
                }
                let next = pair.adverts(from: pair.stage.right, after: event).first?.time ?? event + .seconds(3600)
                return try [
                    Figure("from the signal to the other's advert", next - event, atMost: .milliseconds(70)),
                    Figure("without service", pair.gap(after: event), atMost: .milliseconds(70) + pair.resolution),
                ]
            }
        }

        @Test(
            "KERN-2: when everything is killed or stopped, the kernel removes the address at the end of its lifetime",
            arguments: [SIGKILL, SIGSTOP])
        func everything(_ signal: Int32) throws {
            try withoutStarvation { meter in
                let pair = try Pair { setting, _ in
                    setting.instanceLines = ["address_lifetime \(Failover.lifetime)"]
                }
                defer { pair.close() }
                let watch = try pair.stage.left.watchAddresses()
                let control = try Control(on: pair.stage.client)
                let event = meter.event()
                if signal == SIGKILL { pair.left.current.killAll() } else { pair.left.current.signalAll(SIGSTOP) }
                try control.add()
                let gone = try whenGone(watch)
                try pair.stage.waitForHolder(pair.stage.right, upTo: .seconds(1))
                try pair.waitForService(by: pair.stage.right)
                if signal == SIGSTOP {
                    // Awake again, they find the world changed: the preferred node takes over in order.
                    pair.left.current.signalAll(SIGCONT)
                    try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
                }
                return try [
                    Figure("until the address was gone", gone - event, atMost: control.end() + .milliseconds(500))
                ]
            }
        }

        @Test("KERN-2: when both nodes are killed, even while both hold the address, the kernels remove it from both")
        func both() throws {
            try withoutStarvation { meter in
                let pair = try Pair { setting, _ in
                    setting.instanceLines = ["address_lifetime \(Failover.lifetime)"]
                }
                defer { pair.close() }
                // Neither hears the other.
                try pair.stage.left.unplug()
                try LabClock.wait(upTo: .seconds(5), for: "both to hold the address") { () throws(LabError) in
                    try pair.stage.lab.holders(of: Stage.serviceIPv4).count == 2 ? true : nil
                }
                let watches = try [pair.stage.left, pair.stage.right].map { try $0.watchAddresses() }
                let control = try Control(on: pair.stage.client)
                let event = meter.event()
                pair.left.current.killAll()
                pair.right.current.killAll()
                try control.add()
                let gone = try watches.map { try whenGone($0) - event }
                #expect(try pair.stage.holders().isEmpty)
                let limit = try control.end() + .milliseconds(500)
                return gone.map { Figure("until the address was gone", $0, atMost: limit) }
            }
        }

        /// `address_lifetime` where a test waits for its end.
        static let lifetime = 3

        private func whenGone(_ watch: AddressWatch) throws -> Instant {
            try LabClock.wait(upTo: .seconds(Failover.lifetime + 5), for: "the address to go") {
                () throws(LabError) in
                watch.events(of: Stage.serviceIPv4).first { !$0.isPresent }?.time
            }
        }

        /// An address with the same lifetime that no daemon knows: how punctual this kernel is just now. It looks
        /// for what has ended once a second, and waits for a lock that every namespace shares.
        private struct Control {
            let node: Node
            let watch: AddressWatch
            static let address = IPAddress("10.77.0.200")!

            init(on node: Node) throws {
                self.node = node
                watch = try node.watchAddresses()
            }

            func add() throws {
                let lifetime = "valid_lft \(Failover.lifetime) preferred_lft \(Failover.lifetime)"
                try node.ip("addr add \(Control.address)/24 dev eth0 \(lifetime)")
            }

            /// How long it stood; the lifetime at least.
            func end() throws -> Duration {
                try LabClock.wait(upTo: .seconds(Failover.lifetime + 5), for: "the control address to go") {
                    () throws(LabError) in
                    let events = watch.events(of: Control.address)
                    guard let first = events.first(where: \.isPresent), let last = events.last, !last.isPresent else {
                        return nil
                    }
                    return max(last.time - first.time, .seconds(Failover.lifetime))
                }
            }
        }

        @Test(
            "KERN-1: an address that someone deletes is back within 200 ms, and the role stays (engine.address.repaired)"
        )
        func deleted() throws {
            let pair = try Pair()
            defer { pair.close() }
            let watch = try pair.stage.left.watchAddresses()
            let event = LabClock.now()
            try pair.stage.left.ip("addr del 10.77.0.100/24 dev eth0")
            try LabClock.wait(upTo: .seconds(2), for: "the address to come back") { () throws(LabError) in
                watch.events(of: Stage.serviceIPv4).map(\.isPresent).suffix(2) == [false, true] ? true : nil
            }
            let events = watch.events(of: Stage.serviceIPv4)
            let (back, gone) = (events[events.count - 1].time, events[events.count - 2].time)
            #expect(back - gone < .milliseconds(200))
            try LabClock.observe(for: .milliseconds(500))
            #expect(pair.adverts(from: pair.stage.right, after: event).isEmpty, "the role moved")
        }

        @Test("KERN-1: an address that someone fights over is left to the peer (engine.address.fought)")
        func fought() throws {
            let pair = try Pair()
            defer { pair.close() }
            let watch = try pair.stage.left.watchAddresses()
            for round in 1...11 {
                try? pair.stage.left.ip("addr del 10.77.0.100/24 dev eth0")
                let back = try LabClock.poll(upTo: .seconds(1)) { () throws(LabError) in
                    watch.events(of: Stage.serviceIPv4).last?.isPresent == true ? true : nil
                }
                if back == nil { #expect(round > 10, "gave up after \(round) deletions\n\(pair.log)") }
            }
            try pair.stage.waitForHolder(pair.stage.right, upTo: .seconds(3))
            try pair.waitForService(by: pair.stage.right)
        }

        @Test("a carrier that is lost hands over, and the preferred node comes back with it (vrrp.fault.entered)")
        func carrier() throws {
            try withoutStarvation { meter in
                let pair = try Pair()
                defer { pair.close() }
                let event = meter.event()
                try pair.stage.left.setCarrier(false)
                try pair.waitForService(by: pair.stage.right)
                let limit = pair.settings[1].masterDown
                let figures = try [
                    Figure("from advert to advert", pair.handover(after: event), atMost: limit + .milliseconds(5)),
                    Figure("without service", pair.gap(after: event), atMost: limit + Failover.grace),
                ]
                try pair.stage.left.setCarrier(true)
                try pair.stage.waitForHolder(pair.stage.left, upTo: .seconds(5))
                try pair.waitForService(by: pair.stage.left)
                return figures
            }
        }

        private func isGone(_ process: pid_t) -> Bool {
            // A zombie that nobody has collected yet is gone, too.
            guard let stat = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return true }
            return stat.split(separator: ")").last?.hasPrefix(" Z") == true
        }
    }
}

/// Two Aloft nodes that have settled, left above right, with a client that is served by left.
struct Pair {
    let stage: Stage
    let settings: [RouterSetting]
    let left: DaemonProcess
    let right: DaemonProcess
    let capture: Capture
    let probe: Probe

    /// - Parameter oneByOne: right is started when left holds the address. With `nopreempt` whoever is first stays.
    init(
        _ kind: RouterSetting.Case = .v3, interval: Duration = .milliseconds(100), oneByOne: Bool = false,
        configure: (inout RouterSetting, Stage) throws -> Void = { _, _ in }
    ) throws {
        stage = try Stage()
        var settings = [
            RouterSetting(kind, number: 1, priority: 150, interval: interval),
            RouterSetting(kind, number: 2, priority: 100, interval: interval),
        ]
        for index in settings.indices { try configure(&settings[index], stage) }
        self.settings = settings
        left = try DaemonProcess(.aloft, on: stage.left, in: stage.lab, settings[0])
        right = try DaemonProcess(.aloft, on: stage.right, in: stage.lab, settings[1])
        capture = try stage.lab.capture()
        try left.start()
        if oneByOne { try stage.waitForHolder(stage.left, of: kind.service, upTo: .seconds(15)) }
        try right.start()
        try stage.waitForHolder(stage.left, of: kind.service, upTo: .seconds(15))
        if oneByOne { try right.waitForStatus("VI_1  BACKUP") }
        probe = try stage.client.probe(kind.service, every: .milliseconds(2))
        try waitForService(by: stage.left)
        // Until both have seen each other's steady state: one more interval.
        try LabClock.observe(for: interval * 2)
    }

    func close() { stage.lab.close() }

    var log: Comment { Comment(rawValue: "=== left\n\(left.log)\n=== right\n\(right.log)") }

    func waitForService(by node: Node) throws {
        let served = try LabClock.poll(upTo: .seconds(10)) { () throws(LabError) in
            let last = probe.timeline.answers.suffix(20)
            return last.count == 20 && last.allSatisfy { $0.node == node.name } ? true : nil
        }
        if served == nil { throw LabError(.late, "\(node.name) does not serve the client\n\(log)") }
    }

    /// The longest time in which the client got no answer, around and after `event`.
    func gap(after event: Instant) throws -> Duration {
        try #require(probe.timeline.longestGap(after: event - .milliseconds(50))).duration
    }

    /// What a gap may seem longer than it is: its first and its last question.
    var resolution: Duration { probe.step * 2 }

    /// The adverts of `node` for VI_1.
    func adverts(from node: Node, after event: Instant = .zero) -> [CapturedAdvert] {
        let number = node.name == "left" ? 1 : 2
        let source = IPAddress(settings[0].kind.isIPv6 ? "fe80::\(number)" : "10.77.0.\(number)")!  // a literal address
        return capture.adverts.filter { $0.source == source && $0.virtualRouterID == 51 && $0.time > event }
    }

    /// From the last advert of left to the first of right: what the failover cost on the wire. `.seconds(3600)`
    /// when there is no such pair of adverts.
    func handover(after event: Instant) -> Duration {
        guard let taken = adverts(from: stage.right, after: event).first?.time,
            let last = adverts(from: stage.left).last(where: { $0.time < taken })?.time
        else { return .seconds(3600) }
        return taken - last
    }

    /// The longest time between two adverts of `node`, from the last before `event` on.
    func longestSilence(from node: Node, after event: Instant) -> Duration {
        let times = adverts(from: node, after: event - settings[0].interval * 2).map(\.time)
        return zip(times, times.dropFirst()).map { $1 - $0 }.max() ?? .zero
    }

    /// The worker of left.
    func worker() throws -> pid_t { try #require(left.workerPID, "no worker\n\(log)") }
}

extension DaemonProcess {
    /// The VRRP worker, by its pid file.
    var workerPID: pid_t? {
        (try? String(contentsOfFile: directory + "/vrrp.pid", encoding: .utf8)).flatMap {
            pid_t($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }

    /// Waits until `aloft status` says this of it.
    func waitForStatus(_ text: String) throws {
        var last = ""
        let seen = try LabClock.poll(upTo: .seconds(5), every: .milliseconds(50)) { () throws(LabError) in
            do { last = try aloft("status", "--state-dir", directory).output } catch {
                throw LabError(.failed, "\(error)")
            }
            return last.contains(text) ? true : nil
        }
        if seen == nil { throw LabError(.late, "status does not say \(text):\n\(last)\n\(log)") }
    }
}
