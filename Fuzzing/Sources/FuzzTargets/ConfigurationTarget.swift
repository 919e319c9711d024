import ConfigLanguage
import Configuration

/// `Configuration.load`, and everything that is done with what it gives.
enum ConfigurationTarget {
    static func check(_ input: [UInt8], _ examination: Examination) throws(Violation) -> UInt64 {
        let files = FuzzedFiles(input)
        var digest = Digest()
        let hash = Digest.hash(input)
        guard examination.includes(hash) else {
            // Half of them with each reading.
            _ = try read(files, hash & 1 == 0 ? .strict : .keepalived)
            return 0
        }
        let strict = try load(files, .strict, &digest)
        let lenient = try load(files, .keepalived, &digest)
        if strict.isValid {
            try require(
                strict.model == lenient.model, "what the strict reading accepts means something else to the other")
        }
        // Each has its turn with some inputs, for the time it takes. That two processes agree is what the digest is for.
        switch digest.value % 8 {
        case 0:
            var again = Digest()
            for leniency in [Leniency.strict, .keepalived] { _ = try load(files, leniency, &again) }
            try require(again.value == digest.value, "read twice, understood differently")
        case 1: try ConfigurationUses.repair(files, &digest)
        case 2: try ConfigurationUses.host(lenient, &digest)
        case 3, 4: try ConfigurationUses.cluster(lenient, other(files), &digest)
        default: try ConfigurationUses.layOut(files, &digest)
        }
        if let model = lenient.model {
            try ConfigurationUses.dump(model, &digest)
            try ConfigurationUses.plan(from: other(files).model, to: model, &digest)
        }
        return digest.value
    }

    private static func load(
        _ files: FuzzedFiles, _ leniency: Leniency, _ digest: inout Digest
    ) throws(Violation) -> LoadedConfiguration {
        let loaded = try read(files, leniency)
        try DiagnosticPromises(sources: loaded.sources).check(loaded.diagnostics, digest: &digest)
        return loaded
    }

    /// A model, or an error.
    private static func read(_ files: FuzzedFiles, _ leniency: Leniency) throws(Violation) -> LoadedConfiguration {
        let loaded = Configuration.load(
            main: FuzzedFiles.mainName, files: files.files, environment: FuzzedFiles.environment, leniency: leniency)
        let hasError = loaded.diagnostics.contains { $0.severity == .error }
        try require(hasError != loaded.isValid, hasError ? "a model beside an error" : "neither a model nor an error")
        return loaded
    }

    /// The second node, or the configuration before: the last of the input's files.
    private static func other(_ files: FuzzedFiles) -> LoadedConfiguration {
        Configuration.load(
            main: files.names[files.names.count - 1], files: files.files, environment: FuzzedFiles.environment,
            leniency: .keepalived)
    }
}
