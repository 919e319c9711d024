import CLinux
import Netlink
import Primitives

/// How programs are put at an interface. Both ways outlive the process: what is attached goes with the interface, or when somebody takes it off.
enum FenceHook: Hashable, Sendable {
    /// Linux 6.6: programs in an order, ours first.
    case tcx
    /// Before: classifiers of the queueing discipline `clsact`, ours with the first priority.
    case classifier

    /// What this kernel has.
    static func available() -> FenceHook {
        // Asked of `lo`, which is interface 1 of every network namespace.
        var identifier: UInt32 = 0
        return aloft_bpf_tcx_query(1, 0, &identifier, 1) == -Errno.invalid.rawValue ? .classifier : .tcx
    }

    /// One program that stands at an interface.
    struct Entry: Hashable {
        var program: UInt32
        var classifier: TrafficClassifier?
    }

    /// The programs at one way past an interface, in the order in which they run. Nil where there is no such interface.
    ///
    /// The kernel takes the RTNL lock to answer: it may wait for whoever configures interfaces.
    func entries(_ interface: InterfaceIndex, _ direction: FenceDirection) throws(SystemError) -> [Entry]? {
        switch self {
        case .tcx:
            // BPF_MPROG_MAX is 64.
            var identifiers = [UInt32](repeating: 0, count: 64)
            let count = aloft_bpf_tcx_query(interface.rawValue, direction == .egress ? 1 : 0, &identifiers, 64)
            if Self.isGone(count) { return nil }
            // ENOENT: there has never been a program.
            if count == -Errno.notFound.rawValue { return [] }
            let known = try check(count, .fence, "ask which programs stand at", "\(interface)")
            return identifiers.prefix(Int(known)).map { Entry(program: $0) }
        case .classifier:
            var entries: [Entry] = []
            let answer = try Self.exchange(.dumpClassifiers(interface, isEgress: direction == .egress)) {
                if let one = TrafficClassifier($0, in: $1), one.kind == "bpf", let program = one.program {
                    entries.append(Entry(program: program, classifier: one))
                }
            }
            switch Errno(answer.errno) {
            case .ok: return entries
            case .noDevice: return nil
            // There is no `clsact`.
            case .invalid, .notFound: return []
            case let errno: throw SystemError(.fence, errno, "ask which programs stand at", "\(interface)")
            }
        }
    }

    /// Puts a program before all others. False where there is no such interface; nothing happens where it stands already.
    func attach(_ program: Int32, named name: String, _ interface: InterfaceIndex, _ direction: FenceDirection)
        throws(SystemError) -> Bool
    {
        switch self {
        case .tcx:
            let result = aloft_bpf_tcx_attach(program, interface.rawValue, direction == .egress ? 1 : 0)
            if Self.isGone(result) { return false }
            if result == -Errno.exists.rawValue { return true }
            _ = try check(result, .fence, "put the lease fence at", "\(interface)")
            return true
        case .classifier:
            var answer = try Self.exchange(.addClassifierPlace(interface))
            if Errno(answer.errno) == .noDevice { return false }
            guard answer.errno == 0 || Errno(answer.errno) == .exists else {
                throw SystemError(.fence, Errno(answer.errno), "add clsact for the lease fence to", "\(interface)")
            }
            answer = try Self.exchange(
                .addProgram(interface, isEgress: direction == .egress, descriptor: program, name: name))
            if Errno(answer.errno) == .noDevice { return false }
            guard answer.errno == 0 else {
                throw SystemError(.fence, Errno(answer.errno), "put the lease fence at", "\(interface) \(answer.text)")
            }
            return true
        }
    }

    /// Not an error when it has gone already.
    func detach(_ entry: Entry, _ program: Int32, _ interface: InterfaceIndex, _ direction: FenceDirection)
        throws(SystemError)
    {
        let errno: Errno
        switch self {
        case .tcx:
            errno = Errno(
                0 &- min(0, aloft_bpf_tcx_detach(program, interface.rawValue, direction == .egress ? 1 : 0)))
        case .classifier:
            guard let classifier = entry.classifier else { return }
            errno = Errno(try Self.exchange(.deleteClassifier(classifier)).errno)
        }
        switch errno {
        case .ok, .notFound, .noDevice: return
        default: throw SystemError(.fence, errno, "take a program off", "\(interface)")
        }
    }

    private static func isGone(_ result: Int32) -> Bool { result == -Errno.noDevice.rawValue }

    private static func exchange(
        _ request: TrafficControlRequest, _ body: (NetlinkMessage, RawSpan) -> Void = { _, _ in }
    ) throws(SystemError) -> NetlinkAnswer {
        // In the namespace of the thread, as bpf(2) is.
        var socket = try NetlinkSocket(.route, receiveBuffer: 1 << 18)
        var bytes: [UInt8] = []
        let sequence = socket.nextSequence()
        request.append(to: &bytes, sequence: sequence)
        return try socket.exchange(bytes, sequence: sequence, body)
    }
}
