import ConfigLanguage
import Configuration
import Primitives

/// What is done with a configuration that was read, one function a use.
enum ConfigurationUses {
    // MARK: The model

    static func dump(_ model: Model, _ digest: inout Digest) throws(Violation) {
        let dump = ConfigurationDump(model)
        digest.add(dump.text)
        digest.add(StartOutline(model).text)
        try requireJSON("the dump", &digest) { dump.write(to: &$0) }
    }

    static func plan(from old: Model?, to new: Model, _ digest: inout Digest) throws(Violation) {
        let nothing = Plan(from: new, to: new)
        try require(nothing.isEmpty && !nothing.disturbs, "a reload of the same would change: \(nothing.text())")
        for plan in [Plan(from: old ?? Model(), to: new), Plan(from: new, to: old ?? Model())] {
            digest.add(plan.text())
            try requireJSON("the plan", &digest) { plan.write(to: &$0) }
        }
    }

    // MARK: The text

    /// `aloft fmt`: what is laid out stays as it is, and means the same.
    static func layOut(_ files: FuzzedFiles, _ digest: inout Digest) throws(Violation) {
        guard let main = try? files.files.read(FuzzedFiles.mainName) else { return }
        let text: [UInt8]
        do throws(FormatRefusal) {
            text = try Configuration.format(main.bytes, name: main.path)
        } catch {
            return try DiagnosticPromises(sources: error.sources).check(error.diagnostics, digest: &digest)
        }
        digest.add(text)
        try require(
            (try? Configuration.format(text, name: main.path)) == text, "laid out twice, it looks different")
        let laidOut = MemoryFiles(
            files.files.files.filter { $0.path != main.path } + [ProvidedFile(path: main.path, bytes: text)])
        // Includes may ask for the main file by another name than its own: then there would be two.
        guard files.files.files.count(where: { $0.path == main.path }) == 1 else { return }
        for leniency in [Leniency.strict, .keepalived] {
            let before = Configuration.load(
                main: main.path, files: files.files, environment: FuzzedFiles.environment, leniency: leniency)
            let after = Configuration.load(
                main: main.path, files: laidOut, environment: FuzzedFiles.environment, leniency: leniency)
            try require(before.model == after.model, "laid out, it means something else")
        }
    }

    /// `aloft check --fix`: never more faults than before.
    static func repair(_ files: FuzzedFiles, _ digest: inout Digest) throws(Violation) {
        let repair = Repair(
            main: FuzzedFiles.mainName, files: files.files, environment: FuzzedFiles.environment, leniency: .strict)
        try DiagnosticPromises(sources: repair.after.sources).check(repair.after.diagnostics, digest: &digest)
        for severity in [Diagnostic.Severity.error, .warning] {
            let before = repair.before.diagnostics.count { $0.severity == severity }
            let after = repair.after.diagnostics.count { $0.severity == severity }
            try require(severity == .warning || after <= before, "\(before) errors became \(after)")
        }
        for file in repair.files {
            try require(file.before != file.after, "\(file.path) was mended and is the same")
            digest.add(file.diff(repair))
        }
    }

    // MARK: The checks beyond one file

    /// `aloft check` of two files, in its three formats.
    static func cluster(
        _ left: LoadedConfiguration, _ right: LoadedConfiguration, _ digest: inout Digest
    ) throws(Violation) {
        guard let first = ClusterNode(name: "left", left), let second = ClusterNode(name: "right", right) else {
            return
        }
        let check = ClusterCheck([first, second])
        var report = Report([left.sources, right.sources])
        report.add(check)
        report.sort()
        digest.add(report.text())
        digest.add(ElectionTable(check.elections).text())
        try requireJSON("the elections", &digest) { $0.array { ElectionTable(check.elections).write(to: &$0) } }
        try requireJSON("the findings", &digest) { $0.array { report.write(to: &$0, page: RulePage.address) } }
        let sarif = report.sarif(version: "0", page: RulePage.address)
        try require(JSONValue(sarif.utf8) != nil, "SARIF is not JSON: \(sarif.prefix(2000))")
    }

    /// `aloft check --live`, on a machine that has a little of everything.
    static func host(_ loaded: LoadedConfiguration, _ digest: inout Digest) throws(Violation) {
        let check = HostCheck(loaded, SmallHost(), leniency: .keepalived)
        try DiagnosticPromises(sources: loaded.sources).check(check.diagnostics, digest: &digest)
    }

    private static func requireJSON(
        _ what: String, _ digest: inout Digest, _ write: (inout JSONWriter) -> Void
    ) throws(Violation) {
        var writer = JSONWriter()
        write(&writer)
        digest.add(writer.bytes)
        try require(
            digest.value % 8 != 0 || JSONValue(writer.bytes) != nil, "\(what) is not JSON: \(writer.text.prefix(2000))")
    }
}

/// A machine with one interface, one address and one program.
private struct SmallHost: HostFacts {
    func interface(_ name: String) -> HostInterface? {
        guard name == "eth0" else { return nil }
        return HostInterface(isUp: false, addresses: holder.map { [HostAddress(IPPrefix(host: $0))] } ?? [])
    }

    private var holder: IPAddress? { IPAddress("10.0.0.1") }
    func holder(of address: IPAddress) -> String? { address == holder ? "eth0" : nil }
    func program(_ name: String) -> HostProgram {
        name == "/bin/true" ? .found(path: name, writers: "nobody") : .missing
    }
    func knows(_ user: ScriptUser) -> Bool { user.user == "root" }
    func isRoot(_ user: ScriptUser) -> Bool { user.user == "root" }
    func isReadable(_ path: String) -> Bool { path == "/etc/passwd" }
    var hasIPv6: Bool { false }
    var hasIPVS: Bool { false }
    func fence() -> HostFence { .lifetimes("bpf(2) is not allowed") }
    func ask(_ arbiter: ArbiterDefinition, about lease: LeaseDefinition) -> HostArbiter {
        arbiter.name.utf8.count % 2 == 0 ? .silent("no answer") : .answers(within: .seconds(1), "free")
    }
}
