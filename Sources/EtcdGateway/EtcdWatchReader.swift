import Arbitration
import Primitives

/// Reads a watch: one JSON text a line, in whatever pieces they come. Keeps one line, which is bounded.
public struct EtcdWatchReader: Sendable {
    private let prefix: [UInt8]
    private var line: [UInt8] = []
    /// The cluster that speaks; nil before its first word.
    public private(set) var clusterID: UInt64?

    public init(prefix: String) { self.prefix = Array(prefix.utf8) }

    /// Parts of the answer's body; what changed, in its order. etcd's word that the watch has ended is an error, too.
    public mutating func receive(_ bytes: [UInt8]) throws(EtcdFault) -> [LeaseReport] {
        var reports: [LeaseReport] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            try keep(rest[..<end])
            rest = rest[(end + 1)...]
            try read(&reports)
        }
        try keep(rest)
        return reports
    }

    private mutating func keep(_ bytes: ArraySlice<UInt8>) throws(EtcdFault) {
        guard line.count + bytes.count <= EtcdResponseReader.bodyLimit else {
            line = []
            throw .tooLong
        }
        line.append(contentsOf: bytes)
    }

    private mutating func read(_ reports: inout [LeaseReport]) throws(EtcdFault) {
        defer { line.removeAll(keepingCapacity: true) }
        guard !line.isEmpty else { return }
        let json = try EtcdAnswer.document(line)
        guard let result = json["result"], case .object = result else { throw .field("result") }
        clusterID = try EtcdHeader(result["header"]).clusterID
        if result["canceled"]?.bool == true { throw .field("canceled") }
        guard let list = result["events"] else { return }
        guard let events = list.array else { throw .field("events") }
        for event in events {
            if let report = try Self.report(event, prefix) { reports.append(report) }
        }
    }

    /// nil: it is about no lease, or about one whose record cannot be read; the next answer tells.
    private static func report(_ event: JSONValue, _ prefix: [UInt8]) throws(EtcdFault) -> LeaseReport? {
        guard let pair = event["kv"] else { throw .field("kv") }
        let key = try EtcdAnswer.bytes(pair, "key")
        guard key.starts(with: prefix),
            let lease = LeaseName(String(decoding: key.dropFirst(prefix.count), as: UTF8.self))
        else { return nil }
        switch event["type"] {
        case nil, .string("PUT")?:
            guard case .record(let record) = EtcdAnswer.record(try EtcdAnswer.bytes(pair, "value")) else { return nil }
            return LeaseReport(lease: lease, kind: .news(record))
        case .string("DELETE")?: return LeaseReport(lease: lease, kind: .news(nil))
        default: throw .field("type")
        }
    }
}
