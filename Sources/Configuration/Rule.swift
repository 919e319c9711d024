import ConfigLanguage
import Primitives

/// What the strictness of a check depends on.
public enum Leniency: UInt8, Hashable, Sendable {
    /// What is wrong is an error.
    case strict
    /// What keepalived only logs is a warning, and the model takes the value that keepalived would take.
    case keepalived
}

/// A rule about the meaning of a configuration. docs/configuration.md lists them.
struct Rule: Sendable {
    let id: RuleID
    let strict: Diagnostic.Severity
    let lenient: Diagnostic.Severity

    /// An error, which keepalived only logs when `lenient` is a warning.
    init(_ name: StaticString, lenient: Diagnostic.Severity = .error) {
        id = RuleID(name)
        strict = .error
        self.lenient = lenient
    }

    /// Never an error.
    init(always severity: Diagnostic.Severity, _ name: StaticString) {
        id = RuleID(name)
        strict = severity
        lenient = severity
    }

    func severity(under leniency: Leniency) -> Diagnostic.Severity { leniency == .strict ? strict : lenient }

    /// Language rules that keepalived only logs.
    static let lenientSyntax: [RuleID] = [
        SyntaxRule.extraBrace, SyntaxRule.missingBrace, SyntaxRule.unexpectedBrace, SyntaxRule.unterminatedQuote,
        SyntaxRule.includeMissing, SyntaxRule.blank, SyntaxRule.typographicQuote, SyntaxRule.conditionName,
        SyntaxRule.conditionTwice, SyntaxRule.definitionSpace, SyntaxRule.variableUndefined,
        SyntaxRule.variableBraces, SyntaxRule.variableLines, SyntaxRule.variableArgument, SyntaxRule.loopSyntax,
        SyntaxRule.loopStep, SyntaxRule.loopTuple,
    ]
}

// MARK: - Keywords, blocks and values

extension Rule {
    static let unknownKeyword = Rule("config.keyword.unknown", lenient: .warning)
    static let repeatedKeyword = Rule(always: .warning, "config.keyword.repeated")
    static let deprecatedKeyword = Rule(always: .warning, "config.keyword.deprecated")
    static let notSupportedYet = Rule(always: .warning, "config.keyword.not-supported-yet")
    /// Not supported yet, and the difference would show in who holds what.
    static let refusedKeyword = Rule("config.keyword.refused")
    static let missingBlock = Rule("config.block.missing", lenient: .warning)
    static let unexpectedBlock = Rule("config.block.unexpected", lenient: .warning)
    static let unnamedBlock = Rule("config.block.unnamed")
    static let missingValue = Rule("config.value.missing", lenient: .warning)
    static let extraValue = Rule("config.value.extra", lenient: .warning)
    static let number = Rule("config.value.number", lenient: .warning)
    static let range = Rule("config.value.range", lenient: .warning)
    static let boolean = Rule("config.value.boolean", lenient: .warning)
    static let address = Rule("config.value.address", lenient: .warning)
    static let choice = Rule("config.value.choice", lenient: .warning)
    static let nameLength = Rule("config.value.name-length", lenient: .warning)
    static let path = Rule("config.value.path", lenient: .warning)
    static let hardwareAddress = Rule("config.value.hardware-address", lenient: .warning)
    static let entryOption = Rule("config.entry.option", lenient: .warning)
    static let commandQuote = Rule("config.command.quoting", lenient: .warning)
}

// MARK: - Instances

extension Rule {
    static let duplicateInstance = Rule("config.instance.duplicate-name", lenient: .warning)
    static let missingInterface = Rule("config.instance.missing-interface")
    static let missingVRID = Rule("config.instance.missing-vrid")
    static let vridRange = Rule("config.instance.vrid-range")
    static let duplicateVRID = Rule("config.instance.duplicate-vrid")
    static let priorityRange = Rule("config.instance.priority-range", lenient: .warning)
    static let intervalRange = Rule("config.instance.interval-range", lenient: .warning)
    static let intervalRounded = Rule(always: .warning, "config.instance.interval-rounded")
    static let unknownState = Rule("config.instance.unknown-state", lenient: .warning)
    static let implicitOwner = Rule(always: .warning, "config.instance.implicit-owner")
    static let nopreemptMaster = Rule("config.instance.nopreempt-master", lenient: .warning)
    static let nopreemptOwner = Rule("config.instance.nopreempt-owner", lenient: .warning)
    static let nopreemptWeights = Rule(always: .warning, "config.instance.nopreempt-weights")
    static let preemptDelayIgnored = Rule(always: .warning, "config.instance.preempt-delay-ignored")
    static let versionOfFamily = Rule("config.instance.version-family", lenient: .warning)
    static let mixedFamilies = Rule("config.instance.mixed-families", lenient: .warning)
    static let noAddresses = Rule("config.instance.no-addresses", lenient: .warning)
    static let noAddressesV3 = Rule("config.instance.no-addresses-v3")
    static let tooManyAddresses = Rule(always: .warning, "config.instance.too-many-addresses")
    static let duplicateAddress = Rule("config.instance.duplicate-address", lenient: .warning)
    static let sharedAddress = Rule("config.instance.shared-address", lenient: .warning)
    static let sourceFamily = Rule("config.instance.source-family")
    static let groupFamily = Rule("config.instance.group-family", lenient: .warning)
    static let noPeers = Rule("config.instance.no-peers")
    static let ownSourceAsPeer = Rule("config.instance.own-source-as-peer", lenient: .warning)
    static let duplicatePeer = Rule("config.instance.duplicate-peer", lenient: .warning)
    /// AUTH-1 of docs/invariants.md.
    static let openUnicast = Rule(always: .note, "config.instance.open-unicast")
    static let unusedSource = Rule(always: .warning, "config.instance.unused-source")
    static let sourceToTrack = Rule("config.instance.no-source-to-track", lenient: .warning)
    static let passwordLength = Rule("config.instance.password-length", lenient: .warning)
    static let passwordMissing = Rule("config.instance.password-missing", lenient: .warning)
    static let passwordVersion = Rule("config.instance.password-version", lenient: .warning)
    static let authenticationType = Rule("config.instance.authentication-type", lenient: .warning)
    static let ownInterfaceTracked = Rule("config.instance.own-interface-tracked", lenient: .warning)
    static let duplicateTracker = Rule("config.instance.duplicate-tracker", lenient: .warning)
    static let undefinedScript = Rule("config.instance.undefined-script", lenient: .warning)
    static let strictRule = Rule("config.instance.strict", lenient: .warning)
    static let strictUnicast = Rule("config.instance.strict-unicast")
    static let strictAccept = Rule(always: .warning, "config.instance.strict-accept")
    static let labelLength = Rule("config.address.label-length", lenient: .warning)
    static let addressOption = Rule("config.address.option", lenient: .warning)
    static let addressFamilyOption = Rule("config.address.option-family", lenient: .warning)
}

// MARK: - Scripts, groups, globals

extension Rule {
    static let duplicateScript = Rule("config.script.duplicate-name", lenient: .warning)
    static let scriptCommandMissing = Rule("config.script.missing-command", lenient: .warning)
    static let unusedScript = Rule(always: .warning, "config.script.unused")
    static let scriptTimeout = Rule(always: .warning, "config.script.timeout-beyond-interval")
    static let duplicateGroup = Rule("config.group.duplicate-name", lenient: .warning)
    static let emptyGroup = Rule("config.group.empty", lenient: .warning)
    static let singleMember = Rule(always: .warning, "config.group.single-member")
    static let undefinedMember = Rule("config.group.undefined-member", lenient: .warning)
    static let duplicateMember = Rule("config.group.duplicate-member", lenient: .warning)
    static let mixedOwners = Rule("config.group.mixed-owners", lenient: .warning)
    static let groupWeights = Rule(always: .warning, "config.group.weights-ignored")
    static let undefinedInstance = Rule("config.global.undefined-instance", lenient: .warning)
    static let noInstances = Rule(always: .warning, "config.global.no-instances")
    static let sameFIFO = Rule("config.global.same-fifo")
}

// MARK: - What is tracked, what is static, signatures

extension Rule {
    static let undefinedTracker = Rule("config.tracker.undefined", lenient: .warning)
    static let duplicateTrackerName = Rule("config.tracker.duplicate-name", lenient: .warning)
    static let incompleteTracker = Rule("config.tracker.incomplete", lenient: .warning)
    static let unusedTracker = Rule(always: .warning, "config.tracker.unused")
    static let trackerQuorum = Rule("config.tracker.quorum", lenient: .warning)
    static let sessionFamily = Rule("config.tracker.bfd-family", lenient: .warning)
    static let slowSession = Rule(always: .warning, "config.tracker.bfd-slow")
    static let undefinedTrackGroup = Rule("config.static.undefined-group", lenient: .warning)
    static let emptyAnnouncementGroup = Rule("config.interface.empty-group", lenient: .warning)
    static let repeatedInterface = Rule("config.interface.repeated", lenient: .warning)
    static let noKeys = Rule("config.hmac.no-keys")
    static let activeKey = Rule("config.hmac.active-key")
    static let duplicateKey = Rule("config.hmac.duplicate-key", lenient: .warning)
    static let besideHMAC = Rule("config.hmac.beside-password", lenient: .warning)
}

// MARK: - Arbiters

// keepalived knows none of these keywords, and so has no leniency for them.
extension Rule {
    static let arbiterType = Rule("config.arbiter.type")
    static let arbiterIncomplete = Rule("config.arbiter.incomplete")
    static let arbiterOtherType = Rule("config.arbiter.other-type")
    static let arbiterName = Rule("config.arbiter.name")
    static let arbiterKey = Rule("config.arbiter.key")
    static let arbiterEndpoint = Rule("config.arbiter.endpoint")
    static let arbiterClusterID = Rule("config.arbiter.cluster-id")
    static let duplicateArbiter = Rule("config.arbiter.duplicate-name")
    static let undefinedArbiter = Rule("config.arbiter.undefined")
    static let unusedArbiter = Rule(always: .note, "config.arbiter.unused")
    static let arbiterMember = Rule("config.arbiter.member")
    static let arbiterOwner = Rule("config.arbiter.owner")
    static let arbiterGuarded = Rule("config.arbiter.guarded-address")
    static let leaseTwice = Rule("config.arbiter.lease-twice")
    static let leaseUnused = Rule(always: .warning, "config.arbiter.lease-name-unused")
    static let leaseShort = Rule(always: .note, "config.arbiter.short-lease")
    static let leaseBelowElection = Rule(always: .warning, "config.arbiter.below-election")
    static let arbiterKeep = Rule(always: .warning, "config.arbiter.keep")
    static let arbiterClear = Rule(always: .warning, "config.arbiter.clear-password")
    static let arbiterTLS = Rule(always: .warning, "config.arbiter.tls-unused")
    static let arbiterSilent = Rule(always: .warning, "config.arbiter.no-hello")
    static let arbiterForwarding = Rule(always: .note, "config.arbiter.forwarding")
}

// MARK: - Servers

extension Rule {
    static let duplicateServer = Rule("config.server.duplicate", lenient: .warning)
    static let serverOverlap = Rule("config.server.overlap", lenient: .warning)
    static let noRealServers = Rule("config.server.no-real-servers", lenient: .warning)
    static let duplicateRealServer = Rule("config.server.duplicate-real-server", lenient: .warning)
    static let serverFamilies = Rule("config.server.mixed-families", lenient: .warning)
    static let serverFamily = Rule("config.server.ip-family", lenient: .warning)
    static let unknownScheduler = Rule("config.server.unknown-scheduler", lenient: .warning)
    static let schedulerFlag = Rule("config.server.scheduler-flag", lenient: .warning)
    static let tunnelOption = Rule("config.server.tunnel-option", lenient: .warning)
    static let portMismatch = Rule("config.server.port-mismatch", lenient: .warning)
    static let portZero = Rule("config.server.port-zero", lenient: .warning)
    static let markZero = Rule("config.server.mark-zero", lenient: .warning)
    static let markProtocol = Rule(always: .warning, "config.server.mark-protocol")
    static let markSuspend = Rule("config.server.mark-suspend", lenient: .warning)
    static let noProtocol = Rule("config.server.no-protocol", lenient: .warning)
    static let serverWeight = Rule("config.server.weight-range", lenient: .warning)
    static let quorum = Rule("config.server.quorum", lenient: .warning)
    static let hysteresis = Rule("config.server.hysteresis", lenient: .warning)
    static let thresholds = Rule("config.server.thresholds", lenient: .warning)
    static let onePacket = Rule("config.server.one-packet", lenient: .warning)
    static let onePacketPersistence = Rule(always: .warning, "config.server.one-packet-persistence")
    static let granularity = Rule("config.server.granularity", lenient: .warning)
    static let sorryOrder = Rule("config.server.sorry-order", lenient: .warning)
    static let sorryIsReal = Rule("config.server.sorry-is-real", lenient: .warning)
    static let noWeight = Rule(always: .warning, "config.server.no-weight")
    static let slowStartScheduler = Rule(always: .warning, "config.server.slow-start-scheduler")
    static let slowStartWeight = Rule(always: .note, "config.server.slow-start-weight")

    static let unknownServerGroup = Rule("config.server.unknown-group", lenient: .warning)
    static let emptyServerGroup = Rule("config.server.empty-group", lenient: .warning)
    static let duplicateServerGroup = Rule("config.server.duplicate-group", lenient: .warning)
    static let unusedServerGroup = Rule(always: .warning, "config.server.unused-group")
    static let groupFamilies = Rule("config.server.group-families", lenient: .warning)
    static let groupRange = Rule("config.server.group-range", lenient: .warning)
    static let groupSize = Rule(always: .warning, "config.server.group-size")
}

// MARK: - Checkers

extension Rule {
    static let incompleteCheck = Rule("config.server.incomplete-check", lenient: .warning)
    static let unknownTrackFile = Rule("config.server.unknown-track-file", lenient: .warning)
    static let unknownBFD = Rule("config.server.unknown-bfd", lenient: .warning)
    static let noCheck = Rule(always: .note, "config.server.no-check")
    static let checkProtocol = Rule(always: .note, "config.server.check-protocol")
    static let checkPort = Rule("config.server.check-port", lenient: .warning)
    static let checkSource = Rule("config.server.check-source", lenient: .warning)
    static let slowCheck = Rule(always: .warning, "config.server.slow-check")
    static let urlDefault = Rule(always: .note, "config.server.url-default")
    static let urlPath = Rule(always: .warning, "config.server.url-path")
    static let regexOption = Rule("config.server.regex-option", lenient: .warning)
    static let hexadecimal = Rule("config.server.hexadecimal", lenient: .warning)
    static let replyLength = Rule("config.server.reply-length", lenient: .warning)
}

// MARK: - Checks that are Aloft's own

// keepalived knows none of these keywords, and so has no leniency for them.
extension Rule {
    static let checkMethod = Rule("config.check.method")
    static let checkHeader = Rule("config.check.header")
    static let bodyMethod = Rule(always: .warning, "config.check.body-method")
    static let noBody = Rule("config.check.no-body")
    static let jsonPath = Rule("config.check.json-path")
    static let tlsAuthority = Rule(always: .note, "config.check.tls-authority")
    static let tlsName = Rule(always: .warning, "config.check.tls-name")
    static let primaryLag = Rule("config.check.lag-of-primary")
    static let redisLag = Rule(always: .note, "config.check.redis-lag")
    static let noUser = Rule("config.check.no-user")
    static let clearPassword = Rule(always: .warning, "config.check.clear-password")
    static let checkOwnAddress = Rule(always: .warning, "config.check.own-address")
}

// MARK: - Data planes

extension Rule {
    static let planeTunnel = Rule("config.plane.tunnel")
    static let planeScheduler = Rule("config.plane.scheduler")
    static let planeThresholds = Rule("config.plane.thresholds")
    static let planeEngine = Rule("config.plane.persistence-engine")
    static let planeOnePacket = Rule("config.plane.one-packet")
    static let planeMixedForwarding = Rule("config.plane.nat-and-dr")
    static let planeDirectMark = Rule("config.plane.dr-by-mark")
    static let planeTurns = Rule(always: .note, "config.plane.turns")
    static let planeDirectHash = Rule(always: .note, "config.plane.dr-by-hash")
    static let planeSyncDaemon = Rule(always: .warning, "config.plane.sync-daemon")
    static let planeTimeouts = Rule(always: .warning, "config.plane.timeouts")
}
