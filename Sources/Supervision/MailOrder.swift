import Primitives

/// One alert mail, with the way that it is to leave: from the worker that has something to tell, through the supervisor, to the mail process.
///
/// What it says is what the configuration of that moment says; nobody else has to know of mail settings.
public struct MailOrder: Equatable, Sendable {
    /// Whose state it tells, such as `INSTANCE VI_1`, and which: the same state is not told twice in a row. An empty subject is told always.
    public var subject: String
    public var state: String
    /// `smtp_server`.
    public var host: String
    public var port: UInt32
    /// `smtp_connect_timeout`.
    public var timeout: Duration
    /// `smtp_helo_name`, `router_id` and `notification_email_from`; empty stands for the host's name, and for `root` of it.
    public var heloName: String
    public var routerID: String
    public var sender: String
    public var recipients: [String]
    /// The mail's subject behind the router's name, and its text.
    public var title: String
    public var text: String
    /// Seconds since 1970.
    public var date: Int64

    /// As many recipients as a mail may have.
    static let maximumRecipients = 100
    /// Longer words are none that a mail server takes, and would be too much for a frame.
    static let maximumWord = 1024

    public init(
        subject: String = "", state: String = "", host: String, port: UInt32 = 25, timeout: Duration = .seconds(30),
        heloName: String = "", routerID: String = "", sender: String = "", recipients: [String], title: String,
        text: String, date: Int64
    ) {
        func short(_ text: String) -> Bool { text.utf8.count <= Self.maximumWord }
        self.subject = subject
        self.state = state
        self.host = short(host) ? host : ""
        self.port = port
        self.timeout = timeout
        self.heloName = short(heloName) ? heloName : ""
        self.routerID = short(routerID) ? routerID : ""
        self.sender = short(sender) ? sender : ""
        self.recipients = Array(recipients.lazy.filter(short).prefix(Self.maximumRecipients))
        self.title = title
        self.text = text
        self.date = date
    }

    init(from reader: inout WireReader) {
        subject = reader.string()
        state = reader.string()
        host = reader.string()
        port = reader.uint32()
        timeout = reader.duration()
        heloName = reader.string()
        routerID = reader.string()
        sender = reader.string()
        recipients = reader.list { $0.string() }
        title = reader.string()
        text = reader.string()
        date = reader.int64()
    }

    func write(to writer: inout WireWriter) {
        writer.put(subject)
        writer.put(state)
        writer.put(host)
        writer.put(port)
        writer.put(timeout)
        writer.put(heloName)
        writer.put(routerID)
        writer.put(sender)
        writer.put(recipients) { $0.put($1) }
        writer.put(title)
        writer.put(text)
        writer.put(date)
    }
}
