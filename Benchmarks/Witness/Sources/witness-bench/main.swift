import Arbitration
import LinuxWorld
import Primitives
import Witness

let arguments = Array(CommandLine.arguments.dropFirst())

switch arguments.first {
case "keys" where arguments.count == 3:
    for index in 0..<(Int(arguments[1]) ?? 0) { print("load-\(index) \(arguments[2])") }
case "serve" where arguments.count == 4:
    guard let address = IPAddress(arguments[1]) else { fail("no address") }
    do {
        let server = try WitnessServer(
            WitnessServer.Settings(
                address: address, port: 8694, stateFile: arguments[2], keyFile: arguments[3], longest: .seconds(1))
        ) { print($0) }
        try server.run()
    } catch { fail("\(error)") }
case "load" where arguments.count == 7:
    guard let address = IPAddress(arguments[1]), let key = WitnessKeys.secret(Array(arguments[2].utf8)),
        let clusters = Int(arguments[3]), let rate = Int(arguments[4]), let takings = Int(arguments[5]),
        let seconds = Int(arguments[6])
    else { fail("load ADDRESS SECRET CLUSTERS RATE TAKINGS SECONDS") }
    do {
        let load = try Load(address, key, clusters: clusters, takings: takings)
        try load.prepare()
        try load.run(rate: rate, for: .seconds(Int64(seconds)))
        print(load.result)
    } catch { fail("\(error)") }
default: fail("keys COUNT SECRET | serve ADDRESS STATE KEYS | load ADDRESS SECRET CLUSTERS RATE TAKINGS SECONDS")
}

func fail(_ message: String) -> Never { fatalError(message) }
