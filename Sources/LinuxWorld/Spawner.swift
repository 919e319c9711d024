import CLinux

/// A process to start. What it does not name, the process does not get: descriptors, environment, privileges.
public struct SpawnRequest: Hashable, Sendable {
    /// The file to execute; PATH is not searched.
    public var path: String
    /// With the name in front, as execve(2) has it.
    public var arguments: [String]
    /// `NAME=value` each.
    public var environment: [String] = []
    public var directory = "/"
    /// Nil keeps ours.
    public var identity: ProcessIdentity?
    public var group: Group = .newGroup
    /// Numbers in the child, and ours that they become. Without 0, standard input is /dev/null; without 1 or 2, those
    /// are inherited. At most 64.
    public var descriptors: [(child: Int32, own: Int32)] {
        get { descriptorPairs.map { ($0.child, $0.own) } }
        set { descriptorPairs = newValue.map { DescriptorPair(child: $0.child, own: $0.own) } }
    }
    var descriptorPairs: [DescriptorPair] = []
    /// Sent to the child when the *thread* that spawned it ends (PR_SET_PDEATHSIG); nil for none.
    public var deathSignal: Int32?
    /// Nil keeps what the identity allows; otherwise exactly these, also against regaining more.
    public var capabilities: Capabilities?
    public var noNewPrivileges = false
    public var umask: Int32 = 0o022
    public var niceness: Int32 = 0
    /// How many descriptors it may open; nil as this process.
    public var descriptorLimit: DescriptorLimit?

    public enum Group: Int32, Hashable, Sendable {
        case inherited, newGroup, newSession
    }

    struct DescriptorPair: Hashable, Sendable {
        var child: Int32
        var own: Int32
    }

    public init(_ path: String, _ arguments: [String] = [], environment: [String] = []) {
        self.path = path
        self.arguments = [path] + arguments
        self.environment = environment
    }
}

/// How many descriptors a process may open (RLIMIT_NOFILE of getrlimit(2)).
public struct DescriptorLimit: Hashable, Sendable {
    public var soft: UInt64
    public var hard: UInt64

    public init(soft: UInt64, hard: UInt64) {
        self.soft = soft
        self.hard = hard
    }

    /// This process's.
    public static func current() throws(SystemError) -> DescriptorLimit {
        var limit = DescriptorLimit(soft: 0, hard: 0)
        _ = try check(aloft_descriptor_limit(&limit.soft, &limit.hard), .process, "read the limit of descriptors")
        return limit
    }

    /// Raises this process's soft limit to its hard one, and both to `wanted` where that is permitted. Returns
    /// what they were.
    public static func raise(to wanted: UInt64) throws(SystemError) -> DescriptorLimit {
        var before = DescriptorLimit(soft: 0, hard: 0)
        let result = aloft_raise_descriptors(wanted, &before.soft, &before.hard)
        _ = try check(result, .process, "raise the limit of descriptors")
        return before
    }
}

/// Who a process runs as.
public struct ProcessIdentity: Hashable, Sendable {
    public var uid: UInt32
    public var gid: UInt32
    /// Supplementary groups.
    public var groups: [UInt32]

    public init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }
}

/// Capabilities by their number in linux/capability.h.
public struct Capabilities: OptionSet, Hashable, Sendable {
    public var rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// CAP_DAC_READ_SEARCH.
    public static let readAnyFile = Capabilities(rawValue: 1 << 2)
    public static let kill = Capabilities(rawValue: 1 << 5)
    public static let setGID = Capabilities(rawValue: 1 << 6)
    public static let setUID = Capabilities(rawValue: 1 << 7)
    public static let setPCap = Capabilities(rawValue: 1 << 8)
    public static let netBindService = Capabilities(rawValue: 1 << 10)
    public static let netAdmin = Capabilities(rawValue: 1 << 12)
    public static let netRaw = Capabilities(rawValue: 1 << 13)
    public static let ipcLock = Capabilities(rawValue: 1 << 14)
    public static let sysAdmin = Capabilities(rawValue: 1 << 21)
    public static let sysNice = Capabilities(rawValue: 1 << 23)
    public static let bpf = Capabilities(rawValue: 1 << 39)

    /// What this thread may do now.
    public static var effective: Capabilities { Capabilities(rawValue: aloft_effective_capabilities()) }

    /// Gives up everything else, for good and for what is executed later as well. Needs CAP_SETPCAP.
    public static func keepOnly(_ kept: Capabilities) throws(SystemError) {
        _ = try check(aloft_limit_capabilities(kept.rawValue), .process, "give up capabilities")
    }
}

/// Starts processes: clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD) and execve, 0.1 ms typically and 5 ms at worst, during which the
/// calling thread stands still. Not for the thread that sends adverts.
///
/// The child starts with default signal dispositions, an empty mask, SCHED_OTHER, and no descriptors of ours but
/// the mapped ones. A failure on the way, of execve as well, is thrown here with its errno.
public enum Spawner {
    public static func spawn(_ request: SpawnRequest) throws(SystemError) -> ChildProcess {
        let arguments = CStrings(request.arguments)
        let environment = CStrings(request.environment)
        let children = request.descriptorPairs.map(\.child)
        let owns = request.descriptorPairs.map(\.own)
        let groups = request.identity?.groups ?? []
        guard !children.contains(where: { $0 < 0 }) else {
            throw SystemError(.process, .invalid, "map a negative descriptor for", request.path)
        }
        var native = aloft_spawn()
        let result = request.path.withCString { path in
            request.directory.withCString { directory in
                arguments.withPointers { argv in
                    environment.withPointers { envp in
                        children.withUnsafeBufferPointer { children in
                            owns.withUnsafeBufferPointer { owns in
                                groups.withUnsafeBufferPointer { groups -> Int32 in
                                    native.path = path
                                    native.directory = directory
                                    native.argv = argv
                                    native.envp = envp
                                    native.child_fds = children.baseAddress
                                    native.own_fds = owns.baseAddress
                                    native.fd_count = Int32(children.count)
                                    native.groups = groups.baseAddress
                                    native.group_count = Int32(groups.count)
                                    native.fillScalars(from: request)
                                    return aloft_spawn_process(&native)
                                }
                            }
                        }
                    }
                }
            }
        }
        _ = try check(result, .process, stageText(native.stage), request.path)
        return ChildProcess(
            pid: native.pid, pidfd: FileDescriptor(owning: native.pidfd), leadsGroup: request.group != .inherited)
    }

    static func stageText(_ stage: Int32) -> String {
        switch stage {
        case 0: "create a process for"
        case 1: "create a process group for"
        case 2: "arrange the descriptors of"
        case 3: "enter the directory of"
        case 4: "change the user of"
        case 5: "limit the capabilities of"
        case 6: "bind to its parent's life"
        default: "execute"
        }
    }
}

extension aloft_spawn {
    mutating func fillScalars(from request: SpawnRequest) {
        group_mode = request.group.rawValue
        if let identity = request.identity {
            set_identity = 1
            uid = identity.uid
            gid = identity.gid
        }
        death_signal = request.deathSignal ?? 0
        if let kept = request.capabilities {
            limit_capabilities = 1
            capabilities = kept.rawValue
        }
        no_new_privileges = request.noNewPrivileges ? 1 : 0
        umask = request.umask
        niceness = request.niceness
        descriptor_soft = request.descriptorLimit?.soft ?? 0
        descriptor_hard = request.descriptorLimit?.hard ?? 0
    }
}

/// Strings as `char **`, in one block.
private struct CStrings {
    var bytes: [CChar] = []
    var starts: [Int] = []

    init(_ strings: [String]) {
        for string in strings {
            starts.append(bytes.count)
            // A NUL inside would cut it short for the child; it ends here just the same.
            for byte in string.utf8 { bytes.append(CChar(bitPattern: byte)) }
            bytes.append(0)
        }
    }

    func withPointers<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { block in
            var pointers: [UnsafePointer<CChar>?] = starts.map { start in block.baseAddress.map { $0 + start } }
            pointers.append(nil)
            return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
        }
    }
}
