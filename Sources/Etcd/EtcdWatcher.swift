import Arbitration
import EtcdGateway
import LinuxWorld
import Primitives

/// The watch on the leases' directories: an answer without end on a connection of its own. It only saves time: what it misses
/// the next question finds.
struct EtcdWatcher {
    private(set) var connection: EtcdConnection?
    private var reader: EtcdWatchReader
    private let prefix: String
    /// `PREFIX/CLUSTER/` of the leases that were asked for.
    private(set) var directories: [String] = []
    private var isCreated = false
    private var lastWord = Instant.zero
    private var notBefore = Instant.zero
    private var failures = 0

    /// More clusters than these in one daemon are not watched, only asked.
    private static let mostDirectories = 16
    /// How long creating it may take.
    private static let creation: Duration = .seconds(2)
    /// A watch that tells nothing for so long is begun anew: its connection may be gone without a word.
    private static let longestSilence: Duration = .seconds(300)

    init(prefix: String) {
        self.prefix = prefix
        reader = EtcdWatchReader(prefix: prefix)
    }

    var member: Int? { connection?.member }
    var isDue: Bool { connection == nil && !directories.isEmpty }

    func isDue(at now: Instant) -> Bool { isDue && now >= notBefore }

    func nextDeadline(canOpen: Bool) -> Deadline {
        guard connection != nil else { return canOpen && isDue ? notBefore : .distantFuture }
        return lastWord + (isCreated ? Self.longestSilence : Self.creation)
    }

    /// A lease is asked for: its directory is watched from now on.
    mutating func cover(_ lease: LeaseName) {
        let key = Array((prefix + lease.description).utf8)
        guard let slash = key.lastIndex(of: UInt8(ascii: "/")) else { return }
        let directory = String(decoding: key[...slash], as: UTF8.self)
        guard !directories.contains(directory), directories.count < Self.mostDirectories else { return }
        directories.append(directory)
        connection?.close()
        connection = nil
    }

    mutating func begin(_ connection: EtcdConnection, at now: Instant) {
        self.connection = connection
        reader = EtcdWatchReader(prefix: prefix)
        isCreated = false
        lastWord = now
    }

    /// Whether it has waited in vain.
    func hasExpired(at now: Instant) -> Bool { connection != nil && now >= nextDeadline(canOpen: false) }

    mutating func close(at now: Instant) {
        connection?.close()
        connection = nil
        notBefore = now + min(.milliseconds(100) * Double(1 << min(failures, 10)), .seconds(5))
        failures += 1
    }

    /// What it tells; nil: it is no watch, or another cluster's.
    mutating func receive(_ bytes: [UInt8], from cluster: UInt64?, at now: Instant) -> [LeaseReport]? {
        guard let reports = try? reader.receive(bytes),
            cluster == nil || reader.clusterID == nil || reader.clusterID == cluster
        else { return nil }
        isCreated = true
        failures = 0
        lastWord = now
        return reports
    }
}

extension EtcdClient {
    /// It goes where questions go, and only once some were answered.
    var canWatch: Bool {
        guard let primary, primary.isOpen, !login.isWanted, case .answering = standing else { return false }
        return true
    }

    func keepWatching(at now: Instant) {
        if watcher.hasExpired(at: now)
            || (watcher.member != nil && canWatch && watcher.member != primary?.connection.member)
        {
            watcher.close(at: now)
        }
        guard canWatch, watcher.isDue(at: now), let member = primary?.connection.member,
            let connection = makeConnection(to: member, streams: true, at: now)
        else { return }
        watcher.begin(connection, at: now)
    }

    func watched(_ event: EtcdConnection.Event, at now: Instant) {
        guard let connection = watcher.connection else { return }
        switch event {
        case .opened:
            let request = EtcdRequest.watch(watcher.directories).bytes(to: connection.endpoint, token: login.token)
            for told in connection.send(request, poller) { watched(told, at: now) }
        case .part(let bytes):
            guard let news = watcher.receive(bytes, from: identity.clusterID, at: now) else {
                return watcher.close(at: now)
            }
            if identity.isBelieved { reports += news }
        case .response, .failed: watcher.close(at: now)
        }
    }
}
