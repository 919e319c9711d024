import Arbitration
import LinuxWorld
import Primitives

/// What a witness says of itself and of one cluster, asked once, for a person.
public struct WitnessInquiry: Sendable {
    public var cluster: ClusterName
    public var life: WitnessLife
    public var quiet: Duration
    public var longest: Duration
    public var status: WitnessStatus

    /// Why there is none.
    public enum Failure: Error, CustomStringConvertible {
        case system(SystemError)
        case silent

        public var description: String {
            switch self {
            case .system(let error): "\(error)"
            case .silent:
                "no answer. Does a witness run there, is UDP let through, and is the cluster's key there the same? (It answers nobody with "
                    + "another key.)"
            }
        }
    }

    private static let tries = 4
    private static let patience = Duration.milliseconds(500)

    /// Waits two seconds at most for each part.
    public static func ask(
        _ address: IPAddress, port: UInt16, interface: String? = nil, cluster: ClusterName, key: Secret
    ) throws(Failure) -> WitnessInquiry {
        let whole: WitnessInquiry?
        do throws(SystemError) {
            var destination = ClientSocket.Destination(address, port: port)
            destination.interface = interface
            whole = try all(ClientSocket(.datagram, to: destination), cluster, HMAC(key: key.revealed))
        } catch { throw .system(error) }
        guard let whole else { throw .silent }
        return whole
    }

    private static func all(
        _ socket: borrowing ClientSocket, _ cluster: ClusterName, _ key: HMAC
    ) throws(SystemError) -> WitnessInquiry? {
        var nonce = WitnessNonce(asker: try KernelRandom.uint64(), count: 0)
        guard var whole = try part(socket, cluster, key, after: nil, &nonce) else { return nil }
        // Each part has one lease at least.
        for _ in 0..<5000 {
            guard let after = whole.status.leases.last?.name, whole.status.leases.count < whole.status.total else {
                break
            }
            guard let next = try part(socket, cluster, key, after: after, &nonce) else { return nil }
            if next.status.leases.isEmpty { break }
            whole.status.leases += next.status.leases
        }
        return whole
    }

    private static func part(
        _ socket: borrowing ClientSocket, _ cluster: ClusterName, _ key: HMAC, after: LeaseName?,
        _ nonce: inout WitnessNonce
    ) throws(SystemError) -> WitnessInquiry? {
        var poller = try Poller()
        try poller.add(socket.descriptor, token: 1)
        for _ in 0..<tries {
            nonce.count += 1
            let question = WitnessDatagram(
                cluster: cluster, nonce: nonce, life: .unknown, body: .statusQuestion(after: after))
            _ = try socket.send(question.encoded(with: key).span.bytes)
            let deadline = BootClock.now() + patience
            while BootClock.now() < deadline {
                _ = try poller.wait(until: deadline)
                if let error = socket.takeErrors() { throw SystemError(.receive, error, "reach", "the witness") }
                while let bytes = try socket.receive(capacity: WitnessDatagram.largest + 1) {
                    guard let answer = try? WitnessDatagram(decoding: bytes, key: key), answer.nonce == nonce,
                        case .status(let status) = answer.body
                    else { continue }
                    return WitnessInquiry(
                        cluster: cluster, life: answer.life, quiet: answer.quiet, longest: answer.longest,
                        status: status)
                }
            }
        }
        return nil
    }
}

// MARK: - Words

extension WitnessInquiry {
    public var text: String {
        let counters = status.counters
        var lines = [
            "witness of cluster \(cluster), up for \(status.age.formattedSeconds(digits: 0)) s, leases of up to "
                + "\(longest.formattedSeconds()) s"
        ]
        if quiet > .zero {
            lines.append(
                "settling: for \(quiet.formattedSeconds(digits: 1)) s it renews leases and lets nobody take one")
        }
        if let error = status.storageError {
            lines.append(
                "its state file cannot be written (\(Errno(Int32(bitPattern: error)))): it renews leases and lets nobody take one"
            )
        }
        lines.append(
            "\(counters.renewals) renewals, \(counters.takings) takings, \(counters.releases) releases, "
                + "\(counters.refusals) refusals, \(counters.reads) reads; not answered: \(counters.strangers) of unknown clusters, "
                + "\(counters.forgeries) with a wrong code, \(counters.malformed) of no meaning")
        for lease in status.leases {
            let record = lease.standing
            let holder = record.holder.map { "held by \($0)" } ?? "free"
            let age = lease.age.map { "written \($0.formattedSeconds(digits: 1)) s ago" } ?? "from before this start"
            var line = "\(lease.name)  \(holder)  epoch \(record.epoch)  version \(record.version)  \(age)"
            if !record.isFree { line += "  L \(record.terms.duration.formattedSeconds()) s" }
            lines.append(line)
        }
        if status.leases.isEmpty { lines.append("no lease yet") }
        return lines.joined(separator: "\n")
    }

    public var json: String {
        var json = JSONWriter()
        json.object { json in
            json.member("cluster", cluster.description)
            json.member("life", life.description)
            json.member("age_ns", status.age.nanoseconds)
            json.member("settling_ms", quiet.nanoseconds / 1_000_000)
            json.member("max_lease_ns", longest.nanoseconds)
            if let error = status.storageError {
                json.member("storage_error", "\(Errno(Int32(bitPattern: error)))")
            }
            json.memberObject("counters") { json in
                let counters = status.counters
                for (name, value) in [
                    ("reads", counters.reads), ("renewals", counters.renewals), ("takings", counters.takings),
                    ("releases", counters.releases), ("refusals", counters.refusals),
                    ("unknown_cluster", counters.strangers), ("wrong_code", counters.forgeries),
                    ("malformed", counters.malformed),
                ] { json.member(name, Int64(clamping: value)) }
            }
            json.memberArray("leases") { json in
                for lease in status.leases {
                    let record = lease.standing
                    json.object { json in
                        json.member("name", lease.name.description)
                        if let holder = record.holder { json.member("holder", holder.description) }
                        json.member("epoch", Int64(clamping: record.epoch.rawValue))
                        json.member("version", Int64(clamping: record.version))
                        json.member("duration_ns", record.terms.duration.nanoseconds)
                        json.member("drift_permille", Int(record.terms.drift))
                        if let age = lease.age { json.member("age_ns", age.nanoseconds) }
                    }
                }
            }
        }
        return json.text
    }
}
