import ConfigLanguage
import Primitives

/// `REDIS_CHECK`, `MYSQL_CHECK`, `PGSQL_CHECK` and `GRPC_CHECK`.
extension Resolver {
    mutating func redis(_ draft: DatabaseDraft, _ scope: CheckScope) -> RedisProbe {
        var redis = RedisProbe(connection(draft.probe, scope))
        redis.tls = draft.tls?.value ?? false
        redis.username = draft.username?.value
        redis.password = draft.password?.value
        redis.role = draft.role?.value
        redis.requiresLink = isOfReplica(draft.requiresLink, draft) && draft.requiresLink?.value ?? false
        redis.maximumLag = isOfReplica(draft.maximumLag, draft) ? draft.maximumLag?.value : nil
        if let username = draft.username, draft.password == nil, !draft.failed.contains("password") {
            report(
                .noUser, at: username.range, "the user `\(username.value)` has no password",
                reason: "Redis lets nobody in without one", fix: "add `password`, or remove the user")
        }
        if let lag = draft.maximumLag, lag.value < .seconds(10), redis.maximumLag != nil {
            report(
                .redisLag, at: lag.range, "a replica may hear nothing for 10 s while all is well",
                reason:
                    "a primary that has nothing to say calls every `repl-ping-replica-period`, which is 10 s unless set",
                fix: "write more than 10, or lower that setting")
        }
        checkPassword(draft, redis.connection, tls: redis.tls, "it goes over the network as it is")
        return redis
    }

    mutating func mysql(_ draft: DatabaseDraft, _ scope: CheckScope) -> MySQLProbe {
        var mysql = MySQLProbe(connection(draft.probe, scope))
        mysql.tls = draft.tls?.value ?? false
        mysql.username = draft.username?.value
        mysql.password = draft.password?.value
        mysql.role = draft.role?.value
        mysql.maximumLag = isOfReplica(draft.maximumLag, draft) ? draft.maximumLag?.value : nil
        guard draft.username == nil, !draft.failed.contains("username") else { return mysql }
        let asking = [
            ("role", draft.role?.range), ("max_lag", draft.maximumLag?.range), ("password", draft.password?.range),
        ]
        if case let (keyword, place?)? = asking.first(where: { $0.1 != nil }) {
            report(
                .noUser, at: place, "`\(keyword)` needs a `username`",
                reason: "without one nobody logs in, and the server's greeting does not say",
                fix: "add `username NAME`, or remove it")
        }
        return mysql
    }

    mutating func postgres(_ draft: DatabaseDraft, _ scope: CheckScope) -> PostgresProbe {
        var postgres = PostgresProbe(connection(draft.probe, scope))
        postgres.tls = draft.tls?.value ?? false
        if let name = draft.username?.value { postgres.username = name }
        postgres.password = draft.password?.value
        if let name = draft.database?.value { postgres.database = name }
        postgres.role = draft.role?.value
        postgres.maximumLag = isOfReplica(draft.maximumLag, draft) ? draft.maximumLag?.value : nil
        checkPassword(
            draft, postgres.connection, tls: postgres.tls,
            "a server that asks for it in clear text does not get it, and what one with MD5 gets can be used again")
        return postgres
    }

    mutating func grpc(_ draft: GRPCDraft, _ scope: CheckScope) -> GRPCProbe {
        var grpc = GRPCProbe(connection(draft.probe, scope))
        grpc.tls = draft.tls?.value ?? false
        grpc.service = draft.service?.value ?? ""
        grpc.authority = draft.authority?.value ?? scope.virtualHost
        return grpc
    }

    /// What is asked of replicas alone cannot be asked of a primary.
    private mutating func isOfReplica<Value>(_ written: Written<Value>?, _ draft: DatabaseDraft) -> Bool {
        guard let written, draft.role?.value == .primary else { return true }
        report(
            .primaryLag, at: written.range, "a primary follows nobody, and is never late",
            reason: "with `role primary` this has no meaning", fix: "remove it, or write `role replica`",
            related: draft.role.map { [Diagnostic.Related($0.range, "the role")] } ?? [])
        return false
    }

    /// A password that others on the way may read.
    private mutating func checkPassword(
        _ draft: DatabaseDraft, _ connection: HealthCheck.Connection, tls: Bool, _ reason: String
    ) {
        guard let password = draft.password, !tls, !connection.address.isLoopback, !draft.failed.contains("tls") else {
            return
        }
        report(
            .clearPassword, at: password.range, "the password goes to \(connection.address) without TLS",
            reason: reason,
            fix: "add `tls`")
    }
}

extension IPAddress {
    /// 127.0.0.0/8 and ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3).
    var isLoopback: Bool {
        switch self {
        case .v4(let address): address.bits >> 24 == 127
        case .v6(let address): address.high == 0 && address.low == 1
        }
    }
}
