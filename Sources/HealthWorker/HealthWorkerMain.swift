import Configuration
import DataPlanes
import LinuxWorld
import Primitives
import Supervision
import Workers

/// `aloft worker health …`: what the supervisor starts where the configuration has virtual servers.
public enum HealthWorkerMain {
    static let failure: Int32 = 1
    static let usage: Int32 = 2

    /// - Parameter arguments: behind `worker health`.
    /// - Returns: the exit code: 0 stopped, 1 failed, 2 there is no configuration to read.
    public static func run(_ arguments: [String]) -> Int32 {
        guard let options = WorkerOptions(arguments: arguments) else { return usage }
        do { return try start(options) } catch {
            // What the supervisor's log has, beside the code.
            let text = Array("aloft worker health: \(error)\n".utf8)
            _ = try? FileDescriptor(owning: 2).write(text.span.bytes)
            return failure
        }
    }

    private static func start(_ options: WorkerOptions) throws(SystemError) -> Int32 {
        // First of all: PR_SET_PDEATHSIG may already have spoken.
        let signals = try SignalSource([Signal.terminate, Signal.interrupt])
        try SignalSource.ignore(Signal.pipe)
        try SignalSource.ignore(Signal.hangUp)
        try? ThisProcess.setName(options.isKeepalived ? "keepalived" : "aloftd-health")
        let memory = try SharedMemory(adopting: FileDescriptor(owning: WorkerOptions.stateDescriptor))
        let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))
        let loader = ConfigurationLoader(options)
        // What the VRRP worker accepted; it is only read from disk where it was too large to be kept.
        let snapshot = ConfigurationSnapshot.read(in: memory)
        guard let loaded = (snapshot.flatMap { loader.from(snapshot: $0) } ?? loader.fromDisk()).model else {
            return usage
        }
        let scripts = ScriptIdentities(loaded.global)
        let (model, refused) = ScriptSecurity.secured(loaded, scripts)
        let plane = try choosePlane(model.global.forwarding.plane)
        let worker = try HealthWorker(
            options, model: model, scripts: scripts, plane: plane, channel: channel, memory: memory,
            seed: UInt64(bitPattern: BootClock.now().nanoseconds) ^ UInt64(UInt32(bitPattern: ThisProcess.pid)))
        for line in refused { worker.log(.error, line) }
        return try worker.run(signals: signals, adopting: options.mode == .adopt)
    }

    /// What is configured; `auto` is ip_vs where the kernel has it, and else nftables with the reason.
    private static func choosePlane(_ wanted: ForwardingSettings.Plane) throws(SystemError) -> ActivePlane {
        switch wanted {
        case .ipvs:
            do throws(SystemError) { return PlaneBox(try IPVSPlane(), name: "ipvs") } catch {
                throw SystemError(
                    error.code, error.errno,
                    "forward by ip_vs, as `data_plane ipvs` says (\(lack(error)); with `data_plane auto` nftables forwards)"
                )
            }
        case .automatic:
            let reason: String
            do throws(SystemError) { return PlaneBox(try IPVSPlane(), name: "ipvs") } catch { reason = lack(error) }
            return PlaneBox(try NFTablesPlane(), name: "nftables", reason: reason)
        case .nftables: return PlaneBox(try NFTablesPlane(), name: "nftables")
        }
    }

    /// Why ip_vs cannot be had.
    private static func lack(_ error: SystemError) -> String {
        switch error.errno {
        case .notFound: "this kernel has no ip_vs, and `modprobe ip_vs` brings none"
        case .notPermitted: "CAP_NET_ADMIN is missing, without which ip_vs does not answer"
        default: "\(error)"
        }
    }
}
