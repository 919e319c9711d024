import ConfigLanguage
import Primitives

/// What leases would meet on a machine: facts, in words and for programs. What is wrong among them is a diagnostic as well.
public struct HostLeases: Hashable, Sendable {
    public struct Answer: Hashable, Sendable {
        /// The block's name, and its `type`.
        public var name: String
        public var kind: String
        public var answer: HostArbiter
    }

    public var fence: HostFence
    /// Of those that a lease is wanted from, in the order of the file.
    public var answers: [Answer] = []
}

extension HostCheck {
    /// Nobody is asked where nothing needs a lease.
    mutating func checkLeases() {
        let wanted = model.leases
        guard let first = definitions.arbiterPlaces.first, !wanted.isEmpty else { return }
        var leases = HostLeases(fence: facts.fence())
        checkFence(leases.fence, at: first.name)
        for (arbiter, places) in zip(model.arbiters, definitions.arbiterPlaces) {
            guard let lease = wanted.first(where: { $0.arbiter == arbiter.name }) else { continue }
            let answer = facts.ask(arbiter, about: lease)
            leases.answers.append(HostLeases.Answer(name: arbiter.name, kind: arbiter.kind.name, answer: answer))
            check(answer, of: arbiter, places)
        }
        self.leases = leases
    }

    private mutating func checkFence(_ fence: HostFence, at place: SourceRange) {
        if case .timeouts(let why) = fence {
            return report(
                .hostFence, at: place, "the kernel can end what a lease covers by timeouts only: \(why)",
                reason:
                    "a daemon that hangs may serve beyond its lease by as long as the kernel took to take its last renewal in, such as "
                    + "behind a large `nft -f`",
                fix: "let the daemon have CAP_BPF and CAP_NET_ADMIN, on Linux 5.8 or later: docs/split-brain.md")
        }
        guard case .lifetimes(let why) = fence else { return }
        let longest = model.instances.map(\.addressLifetime).max() ?? .zero
        let span = longest == .zero ? "for ever" : "for up to \(longest.formattedSeconds(digits: 0)) s"
        report(
            .hostFence, at: place, "the kernel cannot end what a lease covers: \(why)",
            reason: "a daemon that hangs or is killed may serve \(span) beside the node that takes over",
            fix: "let the daemon have CAP_BPF and CAP_NET_ADMIN, on Linux 5.8 or later: docs/split-brain.md")
    }

    private mutating func check(_ answer: HostArbiter, of arbiter: ArbiterDefinition, _ places: ArbiterPlaces) {
        let name = "arbiter \(arbiter.name)"
        switch answer {
        case .answers(let roundTrip, _):
            // A renewal, one that is lost, and its reading back must fit.
            guard let roundTrip, roundTrip * 3 > arbiter.leaseDuration else { return }
            report(
                .hostRoundTrip, at: places.lease ?? places.name,
                "\(name) took \(roundTrip.formattedSeconds()) s to answer, and the lease is "
                    + "\(arbiter.leaseDuration.formattedSeconds()) s",
                reason: "a lease that is not three round trips long is lost with the first answer that is",
                fix: "write a longer `lease` on all nodes, or take a nearer arbiter")
        case .refuses(let why):
            report(
                .hostArbiter, at: places.address ?? places.name, "no lease can be had from \(name): \(why)",
                reason: "no node could be master", fix: "see docs/split-brain.md for this kind of arbiter")
        case .silent(let why):
            report(
                .hostArbiter, at: places.address ?? places.name, "\(name) does not answer: \(why)",
                reason: "while it does not, no lease is taken, and one that is held runs out",
                fix: "see that it runs, that nothing filters the way to it, and that the key or user is the same there")
        case .unusable(let why):
            report(
                .hostArbiter, at: places.key ?? places.name, "\(name) cannot be asked from here: \(why)",
                reason: "this node could never be master", fix: "mend what the line names")
        }
    }
}

// MARK: - Words

extension HostFence {
    /// As `aloft status` says of a fence that stands: `kernel`, `timeouts` or `lifetimes`; `unknown` where it was not tried.
    public var name: String {
        switch self {
        case .kernel: "kernel"
        case .timeouts: "timeouts"
        case .lifetimes: "lifetimes"
        case .unknown: "unknown"
        }
    }

    /// What it guarantees.
    public var text: String {
        switch self {
        case .kernel(let time):
            "kernel: BPF programs load here and passed their test (\(time.formattedSeconds(digits: 4)) s). A daemon that hangs, is stopped "
                + "or killed serves nothing after its lease ends"
        case .timeouts(let why):
            "timeouts: \(why). A table of nf_tables ends what a daemon that hangs serves, by timeouts that may start late"
        case .lifetimes(let why):
            "lifetimes: \(why). A daemon that hangs serves until the lifetimes of its addresses end, and two nodes may serve meanwhile"
        case .unknown(let why): "not known: \(why)"
        }
    }
}

extension HostArbiter {
    public var name: String {
        switch self {
        case .answers: "answers"
        case .refuses: "refuses"
        case .silent: "silent"
        case .unusable: "unusable"
        }
    }

    public var text: String {
        switch self {
        case .answers(let roundTrip?, let words): "answers within \(roundTrip.formattedSeconds(digits: 4)) s: \(words)"
        case .answers(nil, let words): "answers: \(words)"
        case .refuses(let why): "grants nothing: \(why)"
        case .silent(let why): "does not answer: \(why)"
        case .unusable(let why): "cannot be asked: \(why)"
        }
    }
}
