/// Which etcd this is, so that another one, or the same from an old snapshot, is not believed: it would know nothing of grants
/// that were given meanwhile.
///
/// Only linearizable answers are looked at. One that was asked after another had come shows at least the other's revision; it
/// cannot be compared with one that came while it was under way.
public struct EtcdIdentity: Hashable, Sendable {
    /// Why an answer is not believed.
    public enum Refusal: Hashable, Sendable, CustomStringConvertible {
        case anotherCluster(UInt64, wanted: UInt64, isPinned: Bool)
        case wentBack(from: UInt64, to: UInt64)

        public var description: String {
            switch self {
            case .anotherCluster(let found, let wanted, true):
                "this etcd has cluster id \(hexadecimal(found)), and `cluster_id` says \(hexadecimal(wanted)): it was restored or is another one; nothing it says is believed. Correct the endpoint, or the setting"
            case .anotherCluster(let found, let wanted, false):
                "this etcd has cluster id \(hexadecimal(found)), before it was \(hexadecimal(wanted)): it was restored or is another one; nothing it says is believed. If that is meant to be, restart Aloft on all nodes"
            case .wentBack(let from, let to):
                "this etcd is at revision \(to), and was at \(from) before: it was restored from a snapshot; nothing it says is believed. If that is meant to be, restart Aloft on all nodes"
            }
        }
    }

    private let pinned: UInt64?
    public private(set) var clusterID: UInt64?
    /// The highest revision seen; what an answer to a question that leaves now must have at least.
    public private(set) var revision: UInt64 = 0
    /// Once it went back, what it shows is believed no more: its revisions will pass the old ones, without what was granted there.
    private var wentBack: Refusal?
    /// Whether it is believed; of each answer ``admit(_:floor:)`` says so.
    public var isBelieved: Bool { wentBack == nil }

    public init(pinned: UInt64?) {
        self.pinned = pinned
        clusterID = pinned
    }

    /// Looks at an answer to a question that left when ``revision`` was `floor`. nil: it is believed.
    public mutating func admit(_ header: EtcdHeader, floor: UInt64) -> Refusal? {
        let known = clusterID ?? header.clusterID
        guard header.clusterID == known else {
            return .anotherCluster(header.clusterID, wanted: known, isPinned: pinned != nil)
        }
        if let wentBack { return wentBack }
        guard header.revision >= floor else {
            let refusal = Refusal.wentBack(from: floor, to: header.revision)
            wentBack = refusal
            return refusal
        }
        clusterID = known
        revision = max(revision, header.revision)
        return nil
    }
}

private func hexadecimal(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
