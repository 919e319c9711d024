import ConfigLanguage
import Primitives

// The blocks of servers as they are written. A virtual server's draft is some kB with its real servers and their
// checks, so there is one at a time: each is resolved before the next is read.

/// When to check, as a virtual server, a real server and a checker may each say it.
struct TimingDraft: Sendable {
    var retry: Written<Int>?
    var rise: Written<Int>?
    var delayBeforeRetry: Written<Duration>?
    var warmup: Written<Duration>?
    var delayLoop: Written<Duration>?
    var connectTimeout: Written<Duration>?
    var alpha: Written<Bool>?
}

/// `IP [PORT]` of a real or sorry server; without a port it is 0.
struct DestinationDraft: Sendable {
    var address: IPAddress
    var port: UInt16
    /// Of the address.
    var range: SourceRange
    /// Of the port where there is one, else of the address.
    var portRange: SourceRange
}

struct VirtualServerDraft: Sendable {
    var service: VirtualServer.Service
    /// What follows `virtual_server`, and the last word of it.
    var range: SourceRange
    var lastRange: SourceRange
    var family: Written<AddressFamily>?
    var timing = TimingDraft()
    var inhibitOnFailure: Written<Bool>?
    var drainTimeout: Written<Duration>?
    var slowStart: Written<Duration>?
    var scheduler: Written<VirtualServer.Scheduler>?
    var schedulerFlags: VirtualServer.SchedulerFlags = []
    var onePacket: Written<Bool>?
    var forwarding: Written<ForwardingMethod>?
    var persistenceEngine: Written<String>?
    var persistenceTimeout: Written<Duration>?
    var granularity: Written<VirtualServer.Granularity>?
    var transport: Written<VirtualServer.TransportProtocol>?
    var suspendsChecks: Written<Bool>?
    var smtpAlert: Written<Bool>?
    var virtualHost: Written<String>?
    var snmpName: Written<String>?
    var omega: Written<Bool>?
    var quorumUp: Written<HookCommand>?
    var quorumDown: Written<HookCommand>?
    var quorum: Written<Int>?
    var hysteresis: Written<Int>?
    var weight: Written<Int>?
    var sorryServer: Written<DestinationDraft>?
    var sorryInhibit: Written<Bool>?
    var sorryForwarding: Written<ForwardingMethod>?
    var realServers: [Boxed<RealServerDraft>] = []
    var failed: Set<String> = []
}

struct RealServerDraft: Sendable {
    var destination: DestinationDraft
    var timing = TimingDraft()
    var weight: Written<Int>?
    var forwarding: Written<ForwardingMethod>?
    var upperThreshold: Written<Int>?
    var lowerThreshold: Written<Int>?
    var inhibitOnFailure: Written<Bool>?
    var drainTimeout: Written<Duration>?
    var slowStart: Written<Duration>?
    var smtpAlert: Written<Bool>?
    var notifyUp: Written<HookCommand>?
    var notifyDown: Written<HookCommand>?
    var virtualHost: Written<String>?
    var snmpName: Written<String>?
    var checks: [CheckDraft] = []
    var failed: Set<String> = []
}

struct ServerGroupDraft: Sendable {
    var name: Written<String>
    var entries: [Written<VirtualServerGroup.Entry>] = []
    /// An entry was dropped for a fault.
    var hadFaults = false
}

/// `SSL`.
struct TLSDraft: Sendable {
    var password: Written<Secret>?
    var authority: Written<String>?
    var certificate: Written<String>?
    var key: Written<String>?
}

// MARK: - Checkers

/// The block of one checker.
protocol CheckerDraft: Sendable {
    /// An empty block, with the place of its keyword.
    init(range: SourceRange)
    var failed: Set<String> { get set }
}

/// Boxed, since it is passed on.
indirect enum CheckDraft: Sendable {
    case tcp(ProbeDraft)
    case ping(ProbeDraft)
    case udp(UDPDraft)
    case http(HTTPDraft)
    case https(HTTPDraft)
    case smtp(SMTPDraft)
    case dns(DNSDraft)
    case command(CommandDraft)
    case file(FileDraft)
    case bfd(BFDDraft)
    case redis(DatabaseDraft)
    case mysql(DatabaseDraft)
    case postgres(DatabaseDraft)
    case grpc(GRPCDraft)
}

/// Where a check goes to, and where it comes from.
struct ConnectionDraft: Sendable {
    var address: Written<IPAddress>?
    var port: Written<Int>?
    var source: Written<IPAddress>?
    var sourcePort: Written<Int>?
    var interface: Written<String>?
    var mark: Written<Int>?
}

/// What most checkers have; TCP_CHECK and PING_CHECK have no more.
struct ProbeDraft: CheckerDraft {
    var range: SourceRange
    var connection = ConnectionDraft()
    var timing = TimingDraft()
    var logAllFailures: Written<Bool>?
    var failed: Set<String> = []

    init(range: SourceRange) { self.range = range }
}

struct UDPDraft: CheckerDraft {
    var probe: ProbeDraft
    var payload: Written<[UInt8]>?
    var requiresReply: Written<Bool>?
    var reply: Written<UDPProbe.Pattern>?
    var minimumReply: Written<Int>?
    var maximumReply: Written<Int>?
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}

struct HTTPDraft: CheckerDraft {
    var probe: ProbeDraft
    var virtualHost: Written<String>?
    var version: Written<HTTPProbe.Version>?
    var enableSNI: Written<Bool>?
    var sniName: Written<String>?
    var fastRecovery: Written<Bool>?
    var tlsCompliant: Written<Bool>?
    var method: Written<String>?
    var headers: [Written<HTTPProbe.Header>] = []
    var body: Written<String>?
    var verifiesChain: Written<Bool>?
    var minimumDays: Written<Int>?
    var urls: [URLDraft] = []
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}

struct URLDraft: CheckerDraft {
    var range: SourceRange
    var path: Written<String>?
    var digest: Written<[UInt8]>?
    var statusCodes: Written<[ClosedRange<UInt16>]>?
    var virtualHost: Written<String>?
    var tlsCompliant: Written<Bool>?
    var regex: Written<String>?
    var regexOptions: Written<[String]>?
    var regexNegated: Written<Bool>?
    var regexMinimum: Written<Int>?
    var regexMaximum: Written<Int>?
    var regexStack: Written<HTTPProbe.RegexStack>?
    var json: [Written<HTTPProbe.JSONAssertion>] = []
    var failed: Set<String> = []

    init(range: SourceRange) { self.range = range }
}

struct SMTPDraft: CheckerDraft {
    var probe: ProbeDraft
    var heloName: Written<String>?
    var hosts: [ProbeDraft] = []
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}

struct DNSDraft: CheckerDraft {
    var probe: ProbeDraft
    var type: Written<DNSProbe.RecordType>?
    var name: Written<String>?
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}

struct CommandDraft: CheckerDraft {
    var probe: ProbeDraft
    var argv: Written<[String]>?
    var timeout: Written<Duration>?
    var isDynamic: Written<Bool>?
    var user: Written<ScriptUser>?
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}

struct FileDraft: CheckerDraft {
    var range: SourceRange
    var name: Written<String>?
    var weight: Written<Weight>?
    var failed: Set<String> = []

    init(range: SourceRange) { self.range = range }
}

struct BFDDraft: CheckerDraft {
    var range: SourceRange
    var name: Written<String>?
    var alpha: Written<Bool>?
    var failed: Set<String> = []

    init(range: SourceRange) { self.range = range }
}

/// REDIS_CHECK, MYSQL_CHECK and PGSQL_CHECK: each has some of it.
struct DatabaseDraft: CheckerDraft {
    var probe: ProbeDraft
    var tls: Written<Bool>?
    var username: Written<String>?
    var password: Written<Secret>?
    var database: Written<String>?
    var role: Written<DatabaseRole>?
    var requiresLink: Written<Bool>?
    var maximumLag: Written<Duration>?
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}

struct GRPCDraft: CheckerDraft {
    var probe: ProbeDraft
    var tls: Written<Bool>?
    var service: Written<String>?
    var authority: Written<String>?
    var failed: Set<String> = []

    init(range: SourceRange) { probe = ProbeDraft(range: range) }
}
