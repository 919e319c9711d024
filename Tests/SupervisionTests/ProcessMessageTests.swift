import Primitives
import Supervision
import Testing

private let command = ScriptCommand(
    arguments: ["/usr/bin/check", "--all", ""], user: 999, group: nil, supplementaryGroups: [4, 5])

private let workerMessages: [WorkerMessage] = [
    .ready(WorkerSummary(instances: 3, groups: 1, adopted: true, text: "three instances")),
    .log(.warning, "eth0 is down"),
    .transition(
        TransitionRecord(
            name: "VI_1", from: "BACKUP", to: "MASTER", rule: "vrrp.backup.master-down", reason: "no advert for 3.6 s",
            priority: 100, at: Instant(nanoseconds: 12_345), wallClock: 99)),
    .configure(
        SupervisorSettings(
            advertInterval: .milliseconds(100),
            fifos: [
                .init(target: .vrrp, path: "/run/vrrp.fifo", user: 1, group: 2, reader: command),
                .init(target: .all, path: "/run/all.fifo"),
            ],
            statePath: "/tmp/a", stopLimit: .seconds(7), parallelHooks: 4, shutdownScript: command,
            instanceName: "blue", umask: 0o27,
            processName: "left")),
    .startCheck(CheckRequest(id: 7, command: command, timeout: .milliseconds(1500))),
    .cancelCheck(id: 7),
    .hook(
        HookRequest(
            key: "INSTANCE VI_1", state: "MASTER", commands: [command, command], limit: .seconds(1),
            environment: ["A=b"])),
    .fifo(.lvs, "INSTANCE \"VI_1\" MASTER 100\n"),
    .answer(request: 4_000_000_000, Array("{}".utf8), isLast: true),
    .dump(.statistics, Array("x".utf8), isLast: false),
    .reloadFinished(accepted: false, "line 3"),
    .stopped, .remember([1, 2, 3]), .beat, .mail(order), .mailsSettled(delivered: 3, lost: 1),
    .guards(GuardedAddresses([])),
    .guards(
        GuardedAddresses(
            [
                .init(interface: InterfaceIndex(2), address: [192, 0, 2, 1], slot: 4094),
                .init(interface: InterfaceIndex(7), address: [UInt8](repeating: 0xFE, count: 16), slot: 0),
            ], number: 4_000_000_000)),
    .fenceStands(.timeouts, "", guards: 3), .fenceStands(.lost, "the table is gone", guards: .max),
    .released([[192, 0, 2, 1], [UInt8](repeating: 0xFE, count: 16)]), .released([]), .taken([[192, 0, 2, 1]]),
]

private let order = MailOrder(
    subject: "INSTANCE VI_1", state: "MASTER", host: "mail.example.com", port: 2525, timeout: .seconds(3),
    heloName: "lb1", routerID: "LVS", sender: "a@b", recipients: ["c@d", "e@f"], title: "t", text: "=> x <=\n",
    date: 1_795_807_184)

private let supervisorMessages: [SupervisorMessage] = [
    .checkFinished(id: 1, .exited(-1)), .checkFinished(id: 1, .signalled(9)), .checkFinished(id: 2, .timedOut),
    .checkFinished(id: 3, .stillRunning), .checkFinished(id: 4, .failedToStart(errno: 2, "no such file")),
    .reload, .stop, .query(request: 9, Array("{}".utf8)), .dumpRequested(.json), .recall([4, 5]), .mail(order),
    .role(instance: "VI_1", state: "MASTER"), .fence(.kernel, ""),
    .fence(.timeouts, "why"), .fence(.lifetimes, "bpf(2): EPERM"), .fence(.lost, "somebody"),
    .guarded(0), .guarded(.max), .guards(GuardedAddresses([], number: 2)),
]

@Suite struct ProcessMessageTests {
    @Test(arguments: workerMessages) func aWorkersMessageArrivesAsItWasSent(_ message: WorkerMessage) {
        #expect(WorkerMessage(payload: message.payload[...]) == message)
    }

    @Test(arguments: supervisorMessages) func aSupervisorsMessageArrivesAsItWasSent(_ message: SupervisorMessage) {
        #expect(SupervisorMessage(payload: message.payload[...]) == message)
    }

    @Test func aTruncatedMessageIsNone() {
        for message in workerMessages {
            let payload = message.payload
            for count in 0..<payload.count { #expect(WorkerMessage(payload: payload[..<count]) == nil) }
            #expect(WorkerMessage(payload: (payload + [0])[...]) == nil)
        }
        for message in supervisorMessages {
            let payload = message.payload
            for count in 0..<payload.count { #expect(SupervisorMessage(payload: payload[..<count]) == nil) }
        }
    }

    @Test func anotherVersionIsRefused() {
        var payload = WorkerMessage.stopped.payload
        payload[0] = 2
        #expect(WorkerMessage(payload: payload[...]) == nil)
    }

    /// What decodes is encoded to the same bytes again; what does not, is refused. Nothing traps.
    @Test func corruptedMessagesNeverTrap() {
        var random = SplitMix64(seed: 1)
        for _ in 0..<20_000 {
            var payload = workerMessages[Int.random(in: 0..<workerMessages.count, using: &random)].payload
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                payload[Int.random(in: 0..<payload.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = WorkerMessage(payload: payload[...])
            _ = SupervisorMessage(payload: payload[...])
        }
    }

    @Test func aClaimedListLongerThanTheMessageAllocatesNothing() {
        // startCheck with 4 billion arguments.
        let payload: [UInt8] = [1, 5, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]
        #expect(WorkerMessage(payload: payload[...]) == nil)
    }

    @Test("What the fence guards may not be dropped when the supervisor does not read")
    func essential() {
        #expect(WorkerMessage.guards(GuardedAddresses([])).isEssential)
    }

    @Test("A report of the fence that nobody knows is no message")
    func unknownFence() {
        var payload = SupervisorMessage.fence(.lost, "").payload
        payload[2] = 4
        #expect(SupervisorMessage(payload: payload[...]) == nil)
    }

    @Test func aLongAnswerIsSentInPartsThatFit() {
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
        var whole: [UInt8] = []
        var last = false
        for message in WorkerMessage.answers(request: 1, bytes) {
            #expect(message.payload.count <= MessageBuffer.processLimit)
            guard case .answer(_, let part, let isLast) = message else { continue }
            #expect(!last)
            last = isLast
            whole += part
        }
        #expect(last && whole == bytes)
        #expect(WorkerMessage.dumps(.state, []) == [.dump(.state, [], isLast: true)])
    }
}

@Suite struct MessageBufferTests {
    @Test func framesComeOutWholeHoweverTheStreamIsCut() {
        var random = SplitMix64(seed: 2)
        let stream = workerMessages.flatMap(\.frame)
        for _ in 0..<200 {
            var buffer = MessageBuffer()
            var rest = stream[...]
            var received: [WorkerMessage?] = []
            while !rest.isEmpty {
                let count = Int.random(in: 1...min(rest.count, 97), using: &random)
                buffer.append(rest.prefix(count))
                rest = rest.dropFirst(count)
                while let payload = buffer.next() { received.append(WorkerMessage(payload: payload)) }
            }
            #expect(received == workerMessages)
            #expect(buffer.count == 0)
        }
    }

    @Test func aFrameAboveTheLimitBreaksTheStreamForGood() {
        var buffer = MessageBuffer(limit: 10)
        buffer.append([0, 0, 0, 11])
        #expect(buffer.next() == nil)
        #expect(buffer.isBroken)
        buffer.append([0, 0, 0, 1, 65])
        #expect(buffer.next() == nil && buffer.count == 0)
    }

    @Test func anEmptyFrameIsAFrame() {
        var buffer = MessageBuffer()
        buffer.append([0, 0, 0, 0])
        #expect(buffer.next()?.count == 0)
        #expect(buffer.next() == nil)
    }
}

@Suite struct OutgoingFramesTests {
    @Test func logLinesCannotPushOutTransitions() {
        var queue = OutgoingFrames(limit: 1000, reserve: 400)
        let line = [UInt8](repeating: 1, count: 100)
        var accepted = 0
        for _ in 0..<20 where queue.append(line, isEssential: false) { accepted += 1 }
        #expect(accepted == 6)
        for _ in 0..<20 where queue.append(line) { accepted += 1 }
        #expect(accepted == 10)
        #expect(queue.dropped == 30)
        #expect(queue.count == 1000)
    }

    @Test func whatWasWrittenIsGoneAndTheRestStaysInOrder() {
        var queue = OutgoingFrames()
        queue.append([1, 2, 3])
        queue.append([4, 5])
        queue.consume(2)
        #expect(Array(queue.pending) == [3, 4, 5])
        queue.consume(99)
        #expect(queue.isEmpty && queue.pending.isEmpty)
        queue.append([6])
        #expect(Array(queue.pending) == [6])
    }
}
