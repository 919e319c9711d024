import Alerts
import Configuration
import Supervision

extension MailOrder {
    /// The mail about something, by the settings that hold now; nil where they send none.
    /// - Parameters:
    ///   - subject: whose `state` it is, where the same is not to be told twice.
    ///   - date: nanoseconds since 1970.
    public init?(
        _ alert: Alert, _ global: GlobalDefinitions, subject: String = "", state: String = "", date: Int64
    ) {
        guard let server = global.mail.server, !global.mail.recipients.isEmpty else { return nil }
        self.init(
            subject: subject, state: state, host: server.host, port: UInt32(clamping: server.port),
            timeout: global.mail.connectTimeout, heloName: global.mail.heloName ?? "",
            routerID: global.routerID ?? "", sender: global.mail.sender ?? "", recipients: global.mail.recipients,
            title: alert.title, text: alert.text, date: date / 1_000_000_000)
    }
}
