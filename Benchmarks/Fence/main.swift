import LinuxWorld
import Primitives

#if canImport(Glibc)
    import Glibc
#endif

// The lease fence alone: README.md.
//
//     fence-lab costs                                   what it costs, in a network namespace of its own
//     fence-lab storm COUNT [SEED]                      short leases with stalls: exit 1 if one served too long
//     fence-lab hold INTERFACE ADDRESS MILLISECONDS     guards, opens for a time, says so, and stays until it is killed

func fail(_ text: String) -> Never {
    say("fence-lab: \(text)\n", to: 2)
    exit(2)
}

do throws(SystemError) {
    let arguments = CommandLine.arguments.dropFirst()
    switch (arguments.first, arguments.count) {
    case ("costs", 1):
        try NetworkNamespace.unshare()
        try measureCosts()
    case ("storm", 2...3):
        guard let count = Int(Array(arguments)[1]), let seed = UInt64(arguments.count > 2 ? Array(arguments)[2] : "1")
        else { fail("storm COUNT [SEED]") }
        try NetworkNamespace.unshare()
        exit(try storm(count, seed: seed) ? 0 : 1)
    case ("hold", 4):
        let words = Array(arguments)
        guard let address = IPAddress(words[2]), let milliseconds = Int64(words[3]) else { fail("hold …") }
        try hold(InterfaceIndex(if_nametoindex(words[1])), address, .milliseconds(milliseconds))
    default: fail("costs | storm COUNT [SEED] | hold INTERFACE ADDRESS MILLISECONDS")
    }
} catch {
    fail("\(error)")
}
