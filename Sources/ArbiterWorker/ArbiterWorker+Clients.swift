import Arbitration
import Configuration
import LinuxWorld
import Primitives

/// Which client speaks to which kind of arbiter.
extension ArbiterWorker {
    static func makeClient(_ definition: ArbiterDefinition) throws(SystemError) -> any ArbiterClient {
        throw SystemError(.process, .notFound, "speak to arbiters of type", definition.kind.name)
    }
}
