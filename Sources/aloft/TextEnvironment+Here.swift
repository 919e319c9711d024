import ConfigLanguage
import LinuxWorld

extension TextEnvironment {
    /// Of this host, as the node `id`; nil is the one that the host's name says.
    static func here(as id: String?) -> TextEnvironment {
        Host.textEnvironment(id: id, directory: ThisProcess.workingDirectory ?? "")
    }
}
