import Glibc

exit(runWorker(Array(CommandLine.arguments.dropFirst(2))))

func printError(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
}
