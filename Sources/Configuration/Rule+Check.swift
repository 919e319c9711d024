import ConfigLanguage
import Primitives

// Rules that go beyond what one statement or one block can have wrong.

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
    static let clusterNoArbiter = Rule("config.cluster.no-arbiter")
    static let clusterOtherArbiter = Rule("config.cluster.other-arbiter")
    static let clusterArbiterKey = Rule("config.cluster.arbiter-key")
    static let clusterArbiterNode = Rule("config.cluster.arbiter-node")
    static let clusterLeaseName = Rule("config.cluster.lease-name")
    static let clusterLeaseTerms = Rule(always: .warning, "config.cluster.lease-terms")
    static let clusterHello = Rule(always: .warning, "config.cluster.hello")
    static let clusterGroupMembers = Rule(always: .warning, "config.cluster.group-members")
}

// MARK: - On one host

extension Rule {
    static let hostInterface = Rule(always: .warning, "config.host.interface-missing")
    static let hostInterfaceDown = Rule(always: .warning, "config.host.interface-down")
    static let hostMulticast = Rule(always: .warning, "config.host.no-multicast")
    static let hostIPv6 = Rule(always: .warning, "config.host.no-ipv6")
    static let hostIPVS = Rule(always: .warning, "config.host.no-ipvs")
    static let hostPlane = Rule(always: .note, "config.host.nftables-instead")
    static let hostPlaneLimit = Rule(always: .warning, "config.host.plane-limit")
    static let hostServerAddress = Rule(always: .note, "config.host.server-address")
    static let hostOwnAddress = Rule(always: .warning, "config.host.own-address")
    static let hostNetwork = Rule(always: .warning, "config.host.foreign-network")
    static let hostSource = Rule(always: .warning, "config.host.source-missing")
    static let hostPeer = Rule("config.host.peer-is-local", lenient: .warning)
    static let hostProgram = Rule(always: .warning, "config.host.program-missing")
    static let hostProgramUnsafe = Rule(always: .warning, "config.host.program-unsafe")
    static let hostUser = Rule(always: .warning, "config.host.user-unknown")
    static let hostFence = Rule(always: .warning, "config.host.fence-weak")
    static let hostArbiter = Rule(always: .warning, "config.host.arbiter-silent")
    static let hostRoundTrip = Rule(always: .warning, "config.host.lease-below-round-trips")
}
