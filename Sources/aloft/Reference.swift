import ArgumentParser
import Configuration
import LinuxWorld

/// Writes the documents that are made from declarations: docs/reference, and both manual pages.
struct Reference: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write docs/reference and the manual pages.",
        discussion: "Tests fail while what is committed differs from what this writes.", shouldDisplay: false)

    @Option(help: ArgumentHelp("The root of the repository.", valueName: "directory"))
    var write: String

    func run() throws {
        let directory = write + "/docs/reference"
        do {
            if try Files.status(directory) == nil { try Files.makeDirectory(directory) }
        } catch {
            throw Answer.unreachable("aloft: \(error)")
        }
        for page in ReferencePages.all { try put(page.text, "docs/reference/" + page.name) }
        try put(ManualPage.text, "Packaging/aloft.conf.5")
        try put(CommandManual.text, "Packaging/aloft.8")
    }

    private func put(_ text: String, _ path: String) throws {
        let whole = write + "/" + path
        do {
            try Files.writeAtomically(whole, Array(text.utf8))
        } catch {
            throw Answer.unreachable("aloft: \(error)")
        }
    }
}
