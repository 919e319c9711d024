import ConfigLanguage
import Configuration
import Primitives
import Supervision

/// A main file that was read, and mended where that was asked for.
struct CheckedFile {
    let name: String
    let loaded: LoadedConfiguration
    let repair: Repair?
}

/// What `aloft check` found in all of its files, and how it is printed.
struct CheckResult {
    let files: [CheckedFile]
    private(set) var report: Report
    /// The files against each other; nil where that was not asked for, not possible, or there was nothing to compare.
    private(set) var comparison: ClusterCheck?
    /// Why there is no comparison, for people.
    private var noComparison = ""
    private var hostDiagnostics: [Diagnostic] = []
    /// What leases meet on this host; nil where it was not asked, or nothing needs a lease.
    private var hostLeases: HostLeases?

    init(_ files: [CheckedFile]) {
        self.files = files
        report = Report(files.map(\.loaded.sources))
        collect()
    }

    private mutating func collect() {
        report = Report(files.map(\.loaded.sources))
        for (number, file) in files.enumerated() {
            for diagnostic in file.loaded.diagnostics {
                // What a note asks for has been done.
                if comparison != nil, diagnostic.rule == ClusterCheck.answers { continue }
                report.add(Report.Finding(number, diagnostic))
            }
        }
        for diagnostic in hostDiagnostics { report.add(Report.Finding(0, diagnostic)) }
        if let comparison { report.add(comparison) }
        report.sort()
    }

    /// What the nodes are called: their paths without the directories that all have in common.
    static func labels(_ paths: [String]) -> [String] {
        let parts = paths.map { $0.split(separator: "/", omittingEmptySubsequences: false) }
        guard let first = parts.first else { return [] }
        let most = (parts.map(\.count).min() ?? 1) - 1
        let common = (0..<most).first { index in parts.contains { $0[index] != first[index] } } ?? most
        return parts.map { $0[common...].joined(separator: "/") }
    }

    /// Checks the files against each other.
    mutating func compare() {
        guard files.count > 1 else { return }
        let nodes = zip(files, Self.labels(files.map(\.name))).compactMap { ClusterNode(name: $1, $0.loaded) }
        guard nodes.count == files.count else {
            noComparison = "not checked against each other, because a file is refused"
            return
        }
        let check = ClusterCheck(nodes)
        guard check.isCluster else {
            noComparison = "not checked against each other, because they share no virtual router"
            return
        }
        comparison = check
        collect()
    }

    /// Asks the host that this runs on.
    mutating func ask(_ host: some HostFacts, _ leniency: Leniency) {
        guard let file = files.first else { return }
        let check = HostCheck(file.loaded, host, leniency: leniency)
        hostDiagnostics = check.diagnostics
        hostLeases = check.leases
        collect()
    }

    /// Something is an error.
    var isRefused: Bool { report.count(.error) > 0 }

    // MARK: - For people

    func text(isRehearsal: Bool) -> String {
        var parts: [String] = []
        for file in files {
            guard let repair = file.repair, repair.count > 0 else { continue }
            let edits = repair.count == 1 ? "1 edit" : "\(repair.count) edits"
            parts.append(
                repair.files.map { $0.diff(repair) }.joined()
                    + "\(file.name): \(edits)\(isRehearsal ? "; nothing is written" : "")\n")
        }
        let findings = report.text()
        if !findings.isEmpty { parts.append(findings) }
        parts.append(files.map { $0.name + ": " + verdict($0) + "\n" }.joined())
        if let hostLeases {
            let lines =
                ["fence: \(hostLeases.fence.text)"]
                + hostLeases.answers.map { "arbiter \($0.name) (\($0.kind)) \($0.answer.text)" }
            parts.append(lines.map { $0 + "\n" }.joined())
        }
        if let comparison {
            let together = comparison.findings.count { $0.diagnostic.severity == .error }
            let text =
                "checked against each other: "
                + (together == 0 ? "they fit" : "they do not fit, \(together) error\(together == 1 ? "" : "s")")
            parts.append(text + "\n\n" + ElectionTable(comparison.elections).text())
        } else if !noComparison.isEmpty {
            parts.append(noComparison + "\n")
        }
        return String(parts.joined(separator: "\n").dropLast())
    }

    private func verdict(_ file: CheckedFile) -> String {
        guard let model = file.loaded.model else { return "refused" }
        func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
        var text = "fit to run, " + count(model.instances.count, "virtual router")
        if !model.virtualServers.isEmpty { text += ", " + count(model.virtualServers.count, "virtual server") }
        return text
    }

    // MARK: - For programs

    func json() -> String {
        var json = JSONWriter()
        json.object { json in
            json.memberArray("files") { json in
                for file in files {
                    json.object { json in
                        json.member("file", file.name)
                        json.member("valid", file.loaded.isValid)
                        if let model = file.loaded.model { json.member("instances", model.instances.count) }
                        guard let repair = file.repair else { return }
                        json.member("edits", repair.count)
                        json.memberArray("changed") { json in
                            for file in repair.files { json.value(file.path) }
                        }
                    }
                }
            }
            json.memberArray("diagnostics") { report.write(to: &$0, page: RulePage.address) }
            if let hostLeases { json.memberObject("live") { hostLeases.write(to: &$0) } }
            if let comparison {
                json.memberArray("elections") { ElectionTable(comparison.elections).write(to: &$0) }
            }
        }
        return json.text
    }

    func sarif() -> String { report.sarif(version: aloftVersion, page: RulePage.address) }
}

extension HostLeases {
    fileprivate func write(to json: inout JSONWriter) {
        json.memberObject("fence") { json in
            json.member("kind", fence.name)
            json.member("text", fence.text)
        }
        json.memberArray("arbiters") { json in
            for one in answers {
                json.object { json in
                    json.member("name", one.name)
                    json.member("type", one.kind)
                    json.member("state", one.answer.name)
                    if case .answers(let roundTrip?, _) = one.answer {
                        json.member("round_trip_ns", roundTrip.nanoseconds)
                    }
                    json.member("text", one.answer.text)
                }
            }
        }
    }
}
