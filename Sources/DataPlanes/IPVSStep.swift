import Balancing
import Configuration
import LinuxWorld
import Netlink
import Primitives

/// One request to ip_vs, what it changes, and the change that it is part of.
struct IPVSStep {
    var request: IPVSRequest
    /// What is so when the kernel takes it: one service without destinations, or one destination.
    var effect: TableChange
    var change: TableChange

    /// A service comes first, then its destinations; it takes them along when it goes.
    static func steps(of change: TableChange) -> [IPVSStep] {
        func step(_ request: IPVSRequest, _ effect: TableChange) -> IPVSStep {
            IPVSStep(request: request, effect: effect, change: change)
        }
        switch change {
        case .addService(let service):
            var bare = ForwardingService(service.key)
            bare.apply(service.settings)
            var steps = [step(.newService(IPVSService(service.key, service.settings)), .addService(bare))]
            for destination in service.destinations {
                let effect = TableChange.addDestination(service.key, destination)
                steps.append(step(.newDestination(service.key.ipvs, IPVSDestination(destination)), effect))
            }
            return steps
        case .editService(let key, let settings): return [step(.setService(IPVSService(key, settings)), change)]
        case .removeService(let key): return [step(.deleteService(key.ipvs), change)]
        case .addDestination(let key, let destination):
            return [step(.newDestination(key.ipvs, IPVSDestination(destination)), change)]
        case .editDestination(let key, let destination):
            return [step(.setDestination(key.ipvs, IPVSDestination(destination)), change)]
        case .removeDestination(let key, let destination):
            return [step(.deleteDestination(key.ipvs, destination.address, port: destination.port), change)]
        }
    }

    var isRemoval: Bool {
        switch effect {
        case .removeService, .removeDestination: true
        default: false
        }
    }

    /// Whether the answer means that the table is not what it was thought to be, and not that the step is wrong.
    func findsOtherTable(_ errno: Errno) -> Bool {
        switch effect {
        case .addService: errno == .exists
        case .editService: errno == .noProcess
        case .addDestination: errno == .exists || errno == .noProcess
        case .editDestination, .removeDestination, .removeService: errno.isAbsence
        }
    }

    // MARK: - Refusals

    func refusal(_ answer: NetlinkAnswer) -> RefusedChange {
        let errno = Errno(answer.errno)
        var reason: String
        switch effect {
        case .addService(let service): reason = Self.reason(errno, service.key, service.settings)
        case .editService(let key, let settings): reason = Self.reason(errno, key, settings)
        case .addDestination(let key, let destination), .editDestination(let key, let destination):
            reason = "the server \(destination.key): " + Self.reason(errno, key, destination)
        case .removeService: reason = "ip_vs does not remove it: \(errno)"
        case .removeDestination(_, let key): reason = "the server \(key): ip_vs does not remove it: \(errno)"
        }
        if !answer.text.isEmpty { reason += " (\(answer.text))" }
        return RefusedChange(change, errno: errno, reason: reason)
    }

    private static func reason(
        _ errno: Errno, _ key: ServiceKey, _ settings: ForwardingService.Settings
    ) -> String {
        let name = settings.scheduler.rawValue
        switch errno {
        case .notFound:
            var text = "the kernel has no scheduler \(name), and cannot load it: is there a module ip_vs_\(name)?"
            if let engine = settings.persistenceEngine {
                text += " Or it is the persistence engine \(engine), of the module ip_vs_pe_\(engine)"
            }
            return text
        case Errno(97): return "the kernel's ip_vs has no IPv6 (CONFIG_IP_VS_IPV6)"  // EAFNOSUPPORT
        case Errno(93): return "the kernel's ip_vs does not balance this protocol"  // EPROTONOSUPPORT
        case .exists: return "another one of the same address is there, and cannot be taken over"
        case .invalid where settings.persistence != nil:
            return "ip_vs does not take its settings (EINVAL): look at the granularity of its persistence"
        case .invalid: return "ip_vs does not take its settings (EINVAL)"
        default: return common(errno)
        }
    }

    private static func reason(_ errno: Errno, _ key: ServiceKey, _ destination: Destination) -> String {
        switch errno {
        case .invalid where destination.key.address.family != key.family:
            return
                "it is of another family than its service; ip_vs mixes them by tunnels only, and not while a sync daemon runs"
        case .invalid:
            return
                "ip_vs takes no such address (EINVAL): it must be one of a host, not of a broadcast or a group; and the interface lo must be up"
        case Errno(34):  // ERANGE
            return "its weight is above 2147483647, or its lower threshold above its upper one"
        case .noProcess: return "its service is not there"
        default: return common(errno)
        }
    }

    private static func common(_ errno: Errno) -> String {
        switch errno {
        case .notPermitted: "ip_vs may not be changed: CAP_NET_ADMIN is missing"
        case .noMemory: "the kernel has no memory for it"
        default: "ip_vs refuses it: \(errno)"
        }
    }
}

extension Errno {
    /// ip_vs says ESRCH of services that are not there, and ENOENT of destinations.
    var isAbsence: Bool { self == .noProcess || self == .notFound }
}

extension TableChange {
    /// What cannot even be said to ip_vs.
    var refusalByIPVS: String? {
        switch self {
        case .addService(let service):
            Self.refusal(service.key, service.settings)
                ?? service.destinations.lazy.compactMap { Self.refusal($0) }.first
        case .editService(let key, let settings): Self.refusal(key, settings)
        case .addDestination(_, let destination), .editDestination(_, let destination): Self.refusal(destination)
        case .removeService, .removeDestination: nil
        }
    }

    private static func refusal(_ key: ServiceKey, _ settings: ForwardingService.Settings) -> String? {
        if let granularity = settings.persistence?.granularity {
            let isMask = if case .mask = granularity { true } else { false }
            if isMask != (key.family == .ipv4) {
                return "persistence_granularity is of another family than the service"
            }
        }
        if let engine = settings.persistenceEngine, engine.utf8.count > 15 {
            return "the name of a persistence engine has 15 bytes at most: \(engine)"
        }
        return nil
    }

    private static func refusal(_ destination: Destination) -> String? {
        guard destination.weight > UInt32(Int32.max) else { return nil }
        return "the server \(destination.key): a weight is at most 2147483647"
    }
}
