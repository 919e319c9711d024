import Arbitration
import CCorosync
import Primitives

/// What a Corosync client needs to know.
public struct CorosyncSettings: Hashable, Sendable {
    /// Members of one group keep one register: `aloft-CLUSTER`.
    public let group: String
    /// Where the node's ``RegisterMemory`` lies; `PATH.lock` beside it is held for as long as the client lives. On a disk, not
    /// in memory, and this node's own.
    public let memoryPath: String

    /// Nil when `cluster` is not 1…121 printable ASCII characters without space.
    public init?(cluster: String, memoryPath: String) {
        guard (1...121).contains(cluster.utf8.count), cluster.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        self.init(group: "aloft-" + cluster, memoryPath: memoryPath)
    }

    /// Nil when `group` is not 1…127 printable ASCII characters without space.
    public init?(group: String, memoryPath: String) {
        guard (1...127).contains(group.utf8.count), group.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        self.group = group
        self.memoryPath = memoryPath
    }
}

/// What Corosync says of itself, as far as a lease depends on it.
struct CorosyncFacts: Hashable {
    var node: UInt32 = 0
    var isTwoNode = false
    var provider = ""
    var device = ""
    var electorate = Electorate([])

    init() {}

    init(_ facts: aloft_corosync_facts) {
        node = facts.node
        isTwoNode = facts.is_two_node != 0
        provider = Self.text(facts.provider)
        device = Self.text(facts.device)
        electorate = withUnsafeBytes(of: facts.voters) { bytes in
            let numbers = bytes.bindMemory(to: UInt32.self)
            return Electorate(
                (0..<min(Int(facts.voter_count), numbers.count / 2)).map {
                    Electorate.Voter(node: numbers[2 * $0], votes: numbers[2 * $0 + 1])
                })
        }
    }

    private static func text<Characters>(_ characters: Characters) -> String {
        withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Why no lease can rest on this cluster, and what to do; nil when one can.
    var refusal: String? {
        let instead = "Add a third node that runs aloft, or use `arbiter witness`."
        if provider != "corosync_votequorum" {
            return "Corosync has no quorum: set `provider: corosync_votequorum` in the quorum section of corosync.conf."
        }
        if electorate.voters.isEmpty {
            return "corosync.conf has no nodelist with node ids: name every node with its nodeid there."
        }
        if isTwoNode, device.isEmpty {
            return "corosync.conf has `two_node: 1`: when the link breaks both nodes are quorate, and both would hold. "
                + instead
        }
        // Both must agree then, so that nobody could hold when one is missing.
        let can = electorate.voters.contains { one in
            electorate.isMajority(of: Set(electorate.voters.map(\.node)).subtracting([one.node]))
        }
        if !can {
            let vote = device.isEmpty ? "" : "The quorum device's vote does not count for leases: it remembers none. "
            return "No majority of the nodes' votes survives the loss of any node, so no lease would. " + vote + instead
        }
        if !electorate.voters.contains(where: { $0.node == node && $0.votes > 0 }) {
            return "This node (\(node)) has no vote in corosync.conf's nodelist: give it one."
        }
        return nil
    }
}

/// An error of Corosync's libraries (cs_error_t), in words.
struct CorosyncError: Error, Hashable, CustomStringConvertible {
    var code: Int32

    /// Come back later: flow control, or a ring is forming.
    static let tryAgain = CorosyncError(code: 6)

    var description: String {
        switch code {
        case 2: "corosync is not running, or ended (CS_ERR_LIBRARY)"
        case 6: "corosync is busy (CS_ERR_TRY_AGAIN)"
        case 11, 100: "corosync does not let this user in: name it in /etc/corosync/uidgid.d (CS_ERR_ACCESS)"
        case 12: "corosync does not have this service (CS_ERR_NOT_EXIST)"
        default: "corosync says error \(code)"
        }
    }
}
