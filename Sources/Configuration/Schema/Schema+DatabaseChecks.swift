import ConfigLanguage
import Primitives

// Checkers that keepalived has not: those that its users write scripts for.
extension Schema {
    static let redisCheck = Block<DatabaseDraft>(
        "virtual_server/real_server/REDIS_CHECK",
        asking + [
            overTLS, username(default: "none"), password, role, link,
            lag("Seconds since a replica last heard its primary, at most."),
        ])

    static let mysqlCheck = Block<DatabaseDraft>(
        "virtual_server/real_server/MYSQL_CHECK",
        asking + [
            overTLS, username(default: "none: nobody logs in"), password, role,
            lag("Seconds that a replica may be behind its source."),
        ])

    static let postgresCheck = Block<DatabaseDraft>(
        "virtual_server/real_server/PGSQL_CHECK",
        asking + [
            overTLS, username(default: "postgres"), password,
            .word("database", \.database, "name", default: "postgres", "The database to log in to."),
            role, lag("Seconds that a replica may be behind its primary."),
        ])

    static let grpcCheck = Block<GRPCDraft>(
        "virtual_server/real_server/GRPC_CHECK",
        Keyword<GRPCDraft>.lifted(probing) { $1(&$0.probe) } + [
            .boolean("tls", \.tls, "Ask over TLS."),
            .word("service", \.service, "name", default: "the server as a whole", "The service to ask about."),
            .word("virtualhost", \.authority, "host", default: "the real server's", "The authority of the request."),
        ])

    private static let asking: [Keyword<DatabaseDraft>] = Keyword<DatabaseDraft>.lifted(probing) { $1(&$0.probe) }

    private static let overTLS: Keyword<DatabaseDraft> = .boolean("tls", \.tls, "Speak TLS before anybody logs in.")

    private static func username(default text: String) -> Keyword<DatabaseDraft> {
        .word("username", \.username, "name", default: text, "Who logs in.")
    }

    private static let password: Keyword<DatabaseDraft> = {
        var keyword = Keyword<DatabaseDraft>("password", .word("password"), default: "none", "The user's password.") {
            check, reader in
            guard let (bytes, range) = reader.nextBytes() else {
                _ = reader.required("password")
                return
            }
            reader.assignSecret(&check.password, Secret(bytes), range)
        }
        keyword.isSecret = true
        return keyword
    }()

    /// keepalived's words for its own roles, and Redis' and MySQL's former ones, are taken as well.
    private static let role: Keyword<DatabaseDraft> = Keyword(
        "role", .choice(["primary", "replica"]), default: "either",
        "What the server must be; `master` and `slave` mean the same."
    ) { check, reader in
        let roles: [(String, DatabaseRole)] = [
            ("primary", .primary), ("replica", .replica), ("master", .primary), ("slave", .replica),
        ]
        if let role = reader.choice("primary|replica", of: roles) { reader.assign(&check.role, role) }
    }

    private static let link: Keyword<DatabaseDraft> = .boolean(
        "require_link", \.requiresLink, "A replica's link to its primary must be up.")

    private static func lag(_ documentation: String) -> Keyword<DatabaseDraft> {
        .seconds("max_lag", \.maximumLag, 0...longestDelay, default: "none", documentation)
    }
}
