import Arbitration
import CCorosync
import LinuxWorld
import Primitives

/// Whether leases can rest on the corosync of this node, asked once for a person: its libraries are loaded and its settings read. No group is
/// joined.
public enum CorosyncInquiry {
    public enum Outcome: Sendable {
        case fit(String)
        /// Why no lease can rest on it.
        case unfit(String)
        case silent(String)
    }

    /// Waits no longer than `limit`. Throws when its client libraries are not there.
    public static func ask(within limit: Duration) throws(SystemError) -> Outcome {
        try CorosyncLibraries.load()
        let end = BootClock.now() + limit
        let wake = FileDescriptor(owning: try CorosyncClient.makeWake())
        let connection = try CorosyncConnection(joining: nil, waking: wake.rawValue)
        var poller = try Poller(capacity: 1)
        try poller.add(wake, token: 0)
        while true {
            switch connection.state {
            case .connected:
                let facts = connection.facts
                if let refusal = facts.refusal { return .unfit(refusal) }
                return .fit("node \(facts.node) of \(facts.electorate.voters.count) with a vote")
            case .failed(let error, let stage): return .silent("\(stage): \(error)")
            case .connecting:
                guard BootClock.now() < end else { return .silent("no connection in time: is corosync stopped?") }
                _ = try poller.wait(until: end)
            }
        }
    }
}

/// Loaded when they are asked for, once.
enum CorosyncLibraries {
    /// ENOENT with the reason when Corosync is not installed.
    static func load() throws(SystemError) {
        var reason = [UInt8](repeating: 0, count: 256)
        let loaded = reason.withUnsafeMutableBytes { bytes in
            aloft_corosync_load(bytes.baseAddress?.assumingMemoryBound(to: CChar.self), UInt64(bytes.count))
        }
        guard loaded == 0 else {
            let why = String(decoding: reason.prefix { $0 != 0 }, as: UTF8.self)
            throw SystemError(
                .process, .notFound, "load Corosync's client libraries (Debian: libcpg4, libquorum5, libcmap4):", why)
        }
    }
}
