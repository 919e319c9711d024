import Configuration
import DataPlanes
import LinuxWorld
import Primitives
import Supervision
import Workers

/// `aloft worker health …`: what the supervisor starts where the configuration has virtual servers.
public enum HealthWorkerMain {
    /// - Parameter arguments: behind `worker health`.
    /// - Returns: the exit code: 0 stopped, 1 failed, 2 there is no configuration to read.
    public static func run(_ arguments: [String]) -> Int32 {
        HelperMain.run("health", arguments) { options, _, loaded, channel, memory, signals throws(SystemError) in
            let scripts = ScriptIdentities(loaded.global)
            let (model, refused) = ScriptSecurity.secured(loaded, scripts)
            let plane = try choosePlane(model.global.forwarding.plane)
            let worker = try HealthWorker(
                options, model: model, scripts: scripts, plane: plane, channel: channel, memory: memory,
                seed: UInt64(bitPattern: BootClock.now().nanoseconds) ^ UInt64(UInt32(bitPattern: ThisProcess.pid)))
            for line in refused { worker.log(.error, line) }
            return try worker.run(signals: signals, adopting: options.mode == .adopt)
        }
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
