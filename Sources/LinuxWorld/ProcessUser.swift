import Glibc

extension ThisProcess {
    /// The effective user.
    public static var user: UInt32 { geteuid() }
}
