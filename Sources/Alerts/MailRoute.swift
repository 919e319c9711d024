import Primitives

/// How mails leave this host.
public struct MailRoute: Hashable, Sendable {
    /// `smtp_server`: a name or an address.
    public var host: String
    public var port: UInt16
    /// `smtp_helo_name`, or the host's name.
    public var heloName: String
    /// `smtp_connect_timeout`: for the connection, and for each answer of the server.
    public var timeout: Duration

    public init(host: String, port: UInt16 = 25, heloName: String, timeout: Duration) {
        self.host = host
        self.port = port
        self.heloName = heloName
        self.timeout = timeout
    }
}
