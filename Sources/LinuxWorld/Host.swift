import CLinux
import ConfigLanguage
import Primitives

/// What this machine is called, and its interfaces are numbered.
public enum Host {
    /// gethostname(2); empty when there is none.
    public static func name() -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
            let count = Int(max(0, aloft_hostname(buffer.baseAddress, 256)))
            return String(decoding: UnsafeBufferPointer(rebasing: buffer[0..<count]), as: UTF8.self)
        }
    }

    /// What a configuration may ask about this host. `id` is that of the option `-i`; without it the host's name up to its
    /// first dot is meant.
    public static func textEnvironment(id: String?, directory: String = "") -> TextEnvironment {
        TextEnvironment(id: id ?? configurationID(), directory: directory, variable: ThisProcess.environment)
    }

    /// The host's name up to its first dot.
    public static func configurationID() -> String { String(name().prefix { $0 != "." }) }

    /// The index of an interface in this thread's network namespace; nil when there is none.
    public static func interface(named name: String) -> InterfaceIndex? {
        let index = aloft_interface_index(name)
        return index == 0 ? nil : InterfaceIndex(index)
    }
}
