/// Alert mails, as `global_defs` asks for them.
public struct MailSettings: Hashable, Sendable {
    /// `smtp_server HOST [PORT]`.
    public struct Server: Hashable, Sendable {
        /// A name or an address.
        public var host: String
        /// 1…65535.
        public var port: Int

        public init(host: String, port: Int = 25) {
            self.host = host
            self.port = port
        }
    }

    /// `notification_email`.
    public var recipients: [String] = []
    /// `notification_email_from`; nil means `root@` and the host's name.
    public var sender: String?
    /// `smtp_server`; nil means that no mail is sent.
    public var server: Server?
    /// `smtp_helo_name`; nil means the host's name.
    public var heloName: String?
    /// `smtp_connect_timeout`.
    public var connectTimeout: Duration = .seconds(30)
    /// `smtp_alert`: the default of all; nil means that real servers alert and nothing else does.
    public var alert: Bool?
    /// `smtp_alert_vrrp`; nil means `alert`.
    public var alertVRRP: Bool?
    /// `smtp_alert_checker`; nil means `alert`.
    public var alertCheckers: Bool?
    /// `no_email_faults`: none when an instance goes to fault.
    public var omitsFaults: Bool = false
    /// `no_checker_emails`: for real servers only, not for each of their checkers.
    public var omitsCheckers: Bool = false

    public init() {}
}
