import ArgumentParser
import ConfigLanguage
import Configuration
import LinuxWorld

/// Lays configuration files out. Their words stay as they are.
struct Fmt: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Lay out configuration files.",
        discussion: """
            Only blank space changes, and only in the files that are named, not in what they include. A file with a missing \
            brace or quote is left as it is.
            Exit code 0: done. 1: a file is refused, or with --check would change. 3: a file cannot be read or written.
            """)

    @Argument(help: "Files; - is standard input.")
    var files: [String] = ["-"]

    @Flag(name: [.customShort("w"), .long], help: "Replace the files instead of printing them.") var write = false
    @Flag(name: [.customShort("d"), .long], help: "Print what would change, as diff -u does.") var diff = false
    @Flag(help: "Name the files that would change, and end with 1 if there are any.") var check = false

    func validate() throws {
        if write, check { throw ValidationError("--write changes the files, and --check does not") }
        if write, files.contains("-") { throw ValidationError("standard input cannot be written to") }
    }

    func run() throws {
        // Every file has its turn; the worst of them decides how this ends.
        var code: Int32 = 0
        for file in files { code = max(code, try format(file)) }
        if code > 0 { throw Answer(message: "", code: code) }
    }

    private func format(_ file: String) throws -> Int32 {
        let name = file == "-" ? "<stdin>" : file
        let text: [UInt8]
        do { text = try file == "-" ? Console.readAll() : Files.read(file) } catch {
            Console.fail("aloft: \(error)")
            return 3
        }
        let result: [UInt8]
        do throws(FormatRefusal) { result = try Configuration.format(text, name: name) } catch {
            Console.fail(DiagnosticRenderer(error.sources).render(error.diagnostics))
            return 1
        }
        if diff {
            let shown = (old: Configuration.masked(text), new: Configuration.masked(result))
            Console.write(
                LineDifference.unified(text, result, oldName: name, newName: "\(name) (formatted)", shown: shown))
        }
        if write {
            guard result != text else { return 0 }
            do { try Files.replace(file, text, with: result) } catch {
                Console.fail("aloft: \(error)")
                return 3
            }
        } else if check {
            guard result != text else { return 0 }
            if !diff { Console.say(name) }
            return 1
        } else if !diff {
            Console.write(result)
        }
        return 0
    }
}
