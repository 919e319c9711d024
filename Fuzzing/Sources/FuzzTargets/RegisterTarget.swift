import Arbitration
import Primitives

/// What members of a Corosync group send each other. An input is a row of messages: a byte of which the lowest two bits are the kind
/// (0: gather) and the next two the sender, a byte for the length, and what follows the head. The head is one that the register expects,
/// or nothing of an input would get past it; with the highest bit set there is none.
enum RegisterTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard let lease = LeaseName("cluster/group") else { return 0 }
        var run = Run()
        try run.deliver()
        var offset = 0
        var questions = 0
        while offset + 2 <= input.count {
            let (choice, length) = (input[offset], Int(input[offset + 1]) * 4)
            let body = Array(input[(offset + 2)..<min(input.count, offset + 2 + length)])
            offset += 2 + length
            let sender = RegisterMember(node: UInt32(choice >> 2 & 3) + 1, process: 7)
            var bytes = body
            if choice & 0x80 == 0 {
                var head = choice & 3 < 2 ? run.viewHead : run.workHead
                if head.count > 5 { head[5] = choice & 3 == 0 ? 4 : choice & 3 }
                bytes = head + body
            }
            var effects: [RegisterEffect] = []
            run.register.receive(bytes, from: sender, at: run.now, into: &effects)
            try run.perform(effects, isForeign: true)
            try run.deliver()
            if choice & 0x40 != 0 {
                questions += 1
                try run.ask(LeaseQuestion(lease: lease, request: UInt64(questions), kind: .read))
            }
        }
        try run.end()
        try require(run.answers == questions, "\(run.answers) answers to \(questions) questions")
        return run.digest.value
    }

    /// One register of a group of three, in a cluster in which it alone has a vote.
    private struct Run {
        var register = CorosyncRegister(memory: RegisterMemory(), at: .zero)
        let now = Instant(nanoseconds: 1)
        let me = RegisterMember(node: 1, process: 7)
        let ring = RingID(sequence: 4, node: 1)
        var queue: [[UInt8]] = []
        var memory = RegisterMemory()
        var digest = Digest()
        var answers = 0
        /// The heads of messages of the view, and of its work.
        var viewHead: [UInt8] = []
        var workHead: [UInt8] = []

        init() {
            register.connect(as: me, Electorate([Electorate.Voter(node: 1, votes: 1)]), at: now)
            var effects: [RegisterEffect] = []
            let members = (1...3).map { RegisterMember(node: $0, process: 7) }
            register.update(members: members, at: now, into: &effects)
            register.update(ring: ring, at: now, into: &effects)
            register.update(quorate: true, ring, at: now, into: &effects)
        }

        /// Its own messages come back to it.
        mutating func deliver() throws(Violation) {
            for _ in 0..<100 {
                var effects: [RegisterEffect] = []
                register.flush(at: now, into: &effects)
                try perform(effects, isForeign: false)
                guard !queue.isEmpty else { return }
                let bytes = queue.removeFirst()
                effects = []
                register.receive(bytes, from: me, at: now, into: &effects)
                try perform(effects, isForeign: false)
            }
            throw Violation("it talks to itself for ever")
        }

        mutating func ask(_ question: LeaseQuestion) throws(Violation) {
            var effects: [RegisterEffect] = []
            register.ask([question], at: now, into: &effects)
            try perform(effects, isForeign: false)
            try deliver()
        }

        mutating func end() throws(Violation) {
            var effects: [RegisterEffect] = []
            register.disconnect(at: now, into: &effects)
            try perform(effects, isForeign: false)
        }

        mutating func perform(_ effects: [RegisterEffect], isForeign: Bool) throws(Violation) {
            for effect in effects {
                switch effect {
                case .multicast(let bytes):
                    try require(bytes.count <= 65_536, "a message of \(bytes.count) bytes")
                    if bytes.count > 28 {
                        if bytes[5] == 1 { viewHead = Array(bytes[..<28]) } else { workHead = Array(bytes[..<28]) }
                    }
                    digest.add(bytes)
                    queue.append(bytes)
                case .report(let report):
                    if case .answer = report.kind { answers += 1 }
                    digest.add("\(report)")
                case .remember(let next):
                    try require(next.bound >= memory.bound && next.wait >= memory.wait, "it remembers less")
                    memory = next
                    register.remembered(next)
                case .readElectorate: digest.add("votes")
                case .unreadable: try require(isForeign, "it does not read what it wrote")
                }
            }
        }
    }
}
