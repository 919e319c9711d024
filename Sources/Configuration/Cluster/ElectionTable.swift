import Primitives

/// Elections as a table for people, and as JSON.
public struct ElectionTable: Sendable {
    public let elections: [Election]

    public init(_ elections: [Election]) { self.elections = elections }

    // MARK: For people

    /// A paragraph for each virtual router; empty when there are none.
    public func text() -> String { elections.map(text).joined(separator: "\n") }

    private func text(_ election: Election) -> String {
        let addresses = election.addresses.prefix(3).map(\.description).joined(separator: ", ")
        let more = election.addresses.count > 3 ? " and \(election.addresses.count - 3) more" : ""
        var text = "virtual router \(election.id) (IPv\(election.family.rawValue)), `\(election.name)`"
        text += addresses.isEmpty ? "\n" : ": \(addresses)\(more)\n"
        for (index, candidate) in election.order.enumerated() {
            var line = (index == 0 ? "  master  " : "  then    ") + "\(candidate.node), \(candidate.priority)"
            if candidate.priority != candidate.base { line += " (\(candidate.base) and its weights)" }
            if candidate.priority == 0 { line = "  fault   \(candidate.node), while its checks pass" }
            if !candidate.preempts, candidate.priority < 255 { line += ", nopreempt" }
            text += line + "\n"
        }
        if election.isTied {
            text +=
                "  the first two are equal: the higher source address wins, and the files do not say which that is\n"
        }
        if election.isSticky { text += "  nobody preempts: whoever is master stays master while it is well\n" }
        guard !election.failures.isEmpty else { return text }
        let rows = election.failures.map(row)
        let head = ["what fails", "node", "priority", "master"]
        let widths = (0..<3).map { column in (rows + [head]).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            var line = "  "
            for (column, width) in widths.enumerated() {
                line += cells[column] + String(repeating: " ", count: width - cells[column].count + 2)
            }
            return line + cells[3] + "\n"
        }
        return text + "\n" + ([head] + rows).map(line).joined()
    }

    private func row(_ failure: Election.Failure) -> [String] {
        let what = "\(failure.tracker.kind) \(failure.tracker.name)"
        let priority = failure.after == 0 ? "fault" : "\(failure.before) → \(failure.after)"
        var master = failure.master ?? "nobody"
        switch failure.verdict {
        case .moved, .gained: master += ", it moves"
        case .unmoved(.some(let weight)):
            master += ", NEVER MOVES: a weight of \(weight) would do"
        case .unmoved(.none): master += ", NEVER MOVES: no weight would do"
        case .nobody: master = "nobody"
        case .same: break
        }
        return [what, failure.node, priority, master]
    }

    // MARK: For programs

    /// Each as a value of an array.
    public func write(to json: inout JSONWriter) {
        for election in elections {
            json.object { json in
                json.member("virtual_router_id", Int(election.id))
                json.member("family", Int(election.family.rawValue))
                json.member("name", election.name)
                json.memberArray("addresses") { json in
                    for prefix in election.addresses { json.value(prefix.description) }
                }
                json.member("sticky", election.isSticky)
                json.member("tied", election.isTied)
                json.memberArray("order") { json in
                    for candidate in election.order { write(candidate, to: &json) }
                }
                json.memberArray("failures") { json in
                    for failure in election.failures { write(failure, to: &json) }
                }
            }
        }
    }

    private func write(_ candidate: Election.Candidate, to json: inout JSONWriter) {
        json.object { json in
            json.member("node", candidate.node)
            json.member("base_priority", Int(candidate.base))
            json.member("priority", Int(candidate.priority))
            json.member("preempts", candidate.preempts)
            if let source = candidate.source { json.member("source", source.description) }
        }
    }

    private func write(_ failure: Election.Failure, to json: inout JSONWriter) {
        json.object { json in
            json.member("node", failure.node)
            json.member("kind", failure.tracker.kind.rawValue)
            json.member("name", failure.tracker.name)
            json.member("weight", failure.tracker.weight)
            json.member("before", Int(failure.before))
            json.member("after", Int(failure.after))
            json.key("master")
            if let master = failure.master { json.value(master) } else { json.null() }
            switch failure.verdict {
            case .moved: json.member("verdict", "moved")
            case .gained: json.member("verdict", "gained")
            case .same: json.member("verdict", "same")
            case .nobody: json.member("verdict", "nobody")
            case .unmoved(let weight):
                json.member("verdict", "unmoved")
                if let weight { json.member("smallest_weight", weight) }
            }
        }
    }
}
