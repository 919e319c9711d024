import CLinux
import Netlink
import Primitives

/// Something is wrong with the fence at an interface.
public struct FenceFault: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// Somebody took our program off.
        case missing
        /// This many programs run before ours, and can keep packets from it.
        case preceded(by: Int)
    }

    public var interface: InterfaceIndex
    public var direction: FenceDirection
    public var kind: Kind

    public var description: String {
        switch kind {
        case .missing: "the lease fence is missing on \(direction) of \(interface)"
        case .preceded(let count): "\(count) other programs run before the lease fence on \(direction) of \(interface)"
        }
    }
}

extension LeaseFence {
    /// What is wrong, of every interface that is fenced; empty when all is well. Forgets interfaces that have gone, with their programs.
    /// Two system calls (4 µs) an interface; they wait for the RTNL lock.
    public mutating func check() throws(SystemError) -> [FenceFault] {
        var faults: [FenceFault] = []
        for (interface, isBare) in attached.sorted(by: { $0.key < $1.key }) {
            for direction in FenceDirection.allCases {
                guard let entries = try hook.entries(interface, direction) else {
                    attached[interface] = nil
                    break
                }
                let ours = loaded?.programs.program(direction, isBare: isBare).identifier
                if let fault = hook.fault(in: entries, ours: ours) {
                    faults.append(FenceFault(interface: interface, direction: direction, kind: fault))
                }
            }
        }
        return faults
    }

    /// Puts back what is missing, and before all others what is not. Returns what was wrong.
    ///
    /// To come to the front again a second copy is loaded (20 ms) and attached before the first is taken off, so that no packet passes between.
    /// Whoever always insists on being first, makes that a quarrel without an end: do not repair more than a few times a minute.
    @discardableResult
    public mutating func repair() throws(SystemError) -> [FenceFault] {
        let faults = try check()
        if faults.isEmpty { return [] }
        // (The descriptors of the first copy are closed by it; where they stand they stay until they are taken off.)
        if faults.contains(where: { $0.kind != .missing }) { try loaded?.reload(named: name) }
        for interface in attached.keys.sorted() { try attach(interface) }
        try removePredecessors()
        return faults
    }

    /// Puts both programs at an interface; nothing where they stand. Forgets it when it does not exist.
    mutating func attach(_ interface: InterfaceIndex) throws(SystemError) {
        let type = aloft_link_type(interface.rawValue)
        if type == -Errno.noDevice.rawValue {
            attached[interface] = nil
            return
        }
        // ARPHRD_ETHER, ARPHRD_LOOPBACK (which has an Ethernet header).
        let isBare = try LinuxWorld.check(type, .fence, "ask for the type of", "\(interface)") != 1 && type != 772
        for direction in FenceDirection.allCases {
            guard let program = loaded?.programs.program(direction, isBare: isBare) else { return }
            // A classifier can be there twice; a program of tcx can not.
            if hook == .classifier, let there = try hook.entries(interface, direction),
                there.contains(where: { $0.program == program.identifier })
            {
                continue
            }
            guard try hook.attach(program.descriptor, named: name.of(direction), interface, direction) else {
                attached[interface] = nil
                return
            }
        }
        attached[interface] = isBare
    }

    mutating func detach(_ interface: InterfaceIndex) throws(SystemError) {
        for direction in FenceDirection.allCases { try removePrograms(interface, direction, keeping: []) }
        attached[interface] = nil
    }

    /// Takes off the programs of this instance's name that are not the present ones, at all interfaces.
    func removePredecessors() throws(SystemError) {
        var links: [InterfaceIndex] = []
        var socket = try RouteSocket.command()
        let answer = try socket.exchange(.dumpLinks) { if case .link(let link) = $0 { links.append(link.index) } }
        guard answer.isSuccess else { throw SystemError(.fence, answer.errno, "list the interfaces") }
        let ours = loaded?.programs.identifiers() ?? []
        for interface in links {
            for direction in FenceDirection.allCases { try removePrograms(interface, direction, keeping: ours) }
        }
    }

    private func removePrograms(
        _ interface: InterfaceIndex, _ direction: FenceDirection, keeping kept: [UInt32]
    ) throws(SystemError) {
        for entry in try hook.entries(interface, direction) ?? [] where !kept.contains(entry.program) {
            // Of a program that the kernel does not let us open nothing is known but that it isn't one of these.
            guard let program = try LoadedFenceProgram(identifier: entry.program), name.isName(program.name) else {
                continue
            }
            try hook.detach(entry, program.descriptor.rawValue, interface, direction)
        }
    }
}

extension FenceHook {
    fileprivate func fault(in entries: [Entry], ours: UInt32?) -> FenceFault.Kind? {
        guard let place = entries.firstIndex(where: { $0.program == ours }) else { return .missing }
        // Classifiers are listed by priority, and within one the newest first.
        return place == 0 ? nil : .preceded(by: place)
    }
}
