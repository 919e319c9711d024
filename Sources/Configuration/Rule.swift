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
        SyntaxRule.includeMissing,
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
    static let noInstances = Rule(always: .warning, "config.global.no-instances")
    static let sameFIFO = Rule("config.global.same-fifo")
}

// MARK: - What is allowed and probably not meant

extension Rule {
    /// Nothing but comments: more often a write that failed than a wish to hold nothing.
    static let emptyFile = Rule("config.file.empty")
    static let shellSyntax = Rule(always: .warning, "config.command.shell-syntax")
    static let commandUser = Rule(always: .warning, "config.command.user")
    static let interfaceSuffix = Rule(always: .warning, "config.value.interface-suffix")
    static let contradiction = Rule(always: .warning, "config.instance.contradiction")
    static let unusedSetting = Rule(always: .warning, "config.instance.unused-setting")
    static let ownerState = Rule(always: .warning, "config.instance.owner-state")
    static let ownerWeights = Rule(always: .warning, "config.instance.owner-weights")
    static let weightReach = Rule(always: .note, "config.instance.weight-reach")
    static let loopbackInterface = Rule("config.instance.loopback-interface")
    static let peerIsAddress = Rule("config.instance.peer-is-address", lenient: .warning)
    static let peerUnusable = Rule("config.instance.peer-unusable", lenient: .warning)
    static let sourceIsAddress = Rule("config.instance.source-is-address", lenient: .warning)
    static let unusableAddress = Rule("config.address.unusable", lenient: .warning)
    static let networkAddress = Rule(always: .warning, "config.address.network")
    static let deprecatedHost = Rule(always: .note, "config.address.deprecated-host")
    static let mixedPriorities = Rule(always: .warning, "config.group.mixed-priorities")
    static let mixedTiming = Rule(always: .warning, "config.group.mixed-timing")
    static let mixedPreemption = Rule(always: .warning, "config.group.mixed-preemption")
    static let mixedStates = Rule(always: .warning, "config.group.mixed-states")
    static let unevenWeights = Rule(always: .warning, "config.group.uneven-weights")
    static let duplicateGroupTracker = Rule(always: .warning, "config.group.duplicate-tracker")
    static let noScriptUser = Rule(always: .note, "config.global.no-script-user")
}

// MARK: - Between nodes

extension Rule {
    static let clusterTransport = Rule("config.cluster.transport")
    static let clusterGroup = Rule("config.cluster.multicast-group")
    static let clusterVersion = Rule("config.cluster.version")
    static let clusterInterval = Rule("config.cluster.interval")
    static let clusterIntervalLearnt = Rule(always: .note, "config.cluster.interval-learnt")
    static let clusterAuthentication = Rule("config.cluster.authentication")
    static let clusterChecksum = Rule("config.cluster.checksum")
    static let clusterAddresses = Rule("config.cluster.addresses")
    static let clusterPrefix = Rule(always: .warning, "config.cluster.prefix-length")
    static let clusterExcluded = Rule(always: .warning, "config.cluster.excluded-addresses")
    static let clusterTwoOwners = Rule("config.cluster.two-owners")
    static let clusterMasters = Rule(always: .warning, "config.cluster.several-masters")
    static let clusterLowMaster = Rule(always: .warning, "config.cluster.low-master")
    static let clusterPreemption = Rule(always: .warning, "config.cluster.preemption")
    static let clusterTie = Rule(always: .warning, "config.cluster.equal-priority")
    static let clusterWeight = Rule(always: .warning, "config.cluster.weight-never-crosses")
    static let clusterSource = Rule(always: .note, "config.cluster.source-unknown")
    static let clusterPeerMissing = Rule("config.cluster.peer-missing")
    static let clusterUnknownPeer = Rule(always: .note, "config.cluster.unknown-peer")
    static let clusterTTL = Rule("config.cluster.peer-ttl")
    static let clusterRouterID = Rule("config.cluster.router-id")
    static let clusterAbsent = Rule(always: .warning, "config.cluster.absent")
    static let clusterGroupMembers = Rule(always: .warning, "config.cluster.group-members")
}

// MARK: - On one host

extension Rule {
    static let hostInterface = Rule(always: .warning, "config.host.interface-missing")
    static let hostInterfaceDown = Rule(always: .warning, "config.host.interface-down")
    static let hostMulticast = Rule(always: .warning, "config.host.no-multicast")
    static let hostIPv6 = Rule(always: .warning, "config.host.no-ipv6")
    static let hostOwnAddress = Rule(always: .warning, "config.host.own-address")
    static let hostNetwork = Rule(always: .warning, "config.host.foreign-network")
    static let hostSource = Rule(always: .warning, "config.host.source-missing")
    static let hostPeer = Rule("config.host.peer-is-local", lenient: .warning)
    static let hostProgram = Rule(always: .warning, "config.host.program-missing")
    static let hostProgramUnsafe = Rule(always: .warning, "config.host.program-unsafe")
    static let hostUser = Rule(always: .warning, "config.host.user-unknown")
}
