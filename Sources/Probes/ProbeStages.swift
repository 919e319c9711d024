import Configuration
import Health
import Primitives

extension ProbeStage {
    /// The connections of a probe, in their order.
    static func stages(of probe: HealthCheck.Probe, tls material: TLSMaterial?) -> [ProbeStage] {
        switch probe {
        case .tcp(let connection): [ProbeStage(connection: connection, talk: .nothing)]
        default: []
        }
    }
}
