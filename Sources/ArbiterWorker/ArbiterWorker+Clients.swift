import Arbitration
import Configuration
import Corosync
import Etcd
import EtcdGateway
import LinuxWorld
import Primitives
import Witness

extension WitnessClient: ArbiterClient {}
extension EtcdClient: ArbiterClient {}
extension CorosyncClient: ArbiterClient {}

/// Which client speaks to which kind of arbiter.
extension ArbiterWorker {
    static func makeClient(_ definition: ArbiterDefinition, stateDirectory: String) throws(SystemError)
        -> any ArbiterClient
    {
        // The lease machines take an answer for lost after a sixth of the lease.
        let patience = definition.leaseDuration / 6
        switch definition.kind {
        case .witness(let settings): return try WitnessClient(witness(settings, definition, patience))
        case .etcd(let settings): return try EtcdClient(etcd(settings, patience))
        case .corosync(let settings): return try CorosyncClient(corosync(settings, stateDirectory))
        }
    }

    private static func witness(
        _ settings: WitnessSettings, _ definition: ArbiterDefinition, _ patience: Duration
    ) throws(SystemError) -> WitnessClient.Settings {
        guard let cluster = ClusterName(definition.cluster) else {
            throw SystemError(.process, .invalid, "name the cluster", definition.cluster)
        }
        var result = WitnessClient.Settings(
            address: settings.address, port: settings.port, cluster: cluster, key: try key(settings.key),
            patience: patience)
        result.source = settings.source
        return result
    }

    /// What it remembers must outlive a reboot, so that `/run` is no place for it.
    private static func corosync(
        _ settings: CorosyncArbiter, _ stateDirectory: String
    ) throws(SystemError) -> Corosync.CorosyncSettings {
        let isVolatile = stateDirectory == "/run" || stateDirectory.hasPrefix("/run/")
        let directory = isVolatile ? "/var/lib/aloft" : stateDirectory
        if isVolatile { try Files.makeDirectory(directory, mode: 0o750) }
        guard
            let result = Corosync.CorosyncSettings(
                group: settings.group, memoryPath: "\(directory)/corosync-\(settings.group)")
        else { throw SystemError(.process, .invalid, "name the process group", settings.group) }
        return result
    }

    private static func key(_ key: WitnessSettings.Key) throws(SystemError) -> Secret {
        switch key {
        case .bytes(let secret): return secret
        case .file(let path):
            let text = try Files.read(path, limit: 4096)
            let word = text.split(whereSeparator: { (byte: UInt8) -> Bool in byte <= 0x20 }).first ?? []
            guard let secret = WitnessKeys.secret(word) else {
                throw SystemError(
                    .process, .invalid, "take the key from (it needs 16 characters, or `hex:` and 32 digits)", path)
            }
            return secret
        }
    }

    private static func etcd(
        _ settings: EtcdArbiter, _ patience: Duration
    ) -> EtcdGateway.EtcdSettings {
        let endpoints = settings.endpoints.map {
            EtcdEndpoint($0.address, port: $0.port, isSecure: $0.usesTLS)
        }
        var result = EtcdGateway.EtcdSettings(endpoints: endpoints, prefix: settings.prefix, patience: patience)
        result.tls = EtcdGateway.EtcdSettings.TLS(
            authority: settings.authorities, certificate: settings.certificate, key: settings.key,
            name: settings.serverName)
        result.user = settings.user
        result.password = settings.password
        result.clusterID = settings.clusterID
        return result
    }
}
