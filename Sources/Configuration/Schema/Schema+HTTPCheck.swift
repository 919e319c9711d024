import ConfigLanguage
import Primitives

extension Schema {
    static let httpGet = Block<HTTPDraft>("virtual_server/real_server/HTTP_GET", http(httpURL))
    static let sslGet = Block<HTTPDraft>(
        "virtual_server/real_server/SSL_GET",
        http(sslURL) + [
            .boolean("tls_compliant", \.tlsCompliant, "Say goodbye in TLS before the connection is closed."),
            .boolean(
                "tls_verify", \.verifiesChain,
                "The certificate must come from an authority of `SSL { ca … }`, or else of this host, and fit the name."
            ),
            .integer(
                "tls_min_days", \.minimumDays, 0...36_500, unit: "days", default: "none",
                "Days that the certificate must still be valid for."),
        ])

    static let httpURL = Block<URLDraft>("virtual_server/real_server/HTTP_GET/url", url)
    static let sslURL = Block<URLDraft>(
        "virtual_server/real_server/SSL_GET/url",
        url + [
            .boolean(
                "tls_compliant", \.tlsCompliant, default: "the checker's",
                "Say goodbye in TLS before the connection is closed.")
        ])

    /// What HTTP_GET and SSL_GET have in common: all but the last.
    private static func http(_ url: Block<URLDraft>) -> [Keyword<HTTPDraft>] {
        Keyword<HTTPDraft>.lifted(probing) { $1(&$0.probe) } + [
            Keyword(
                "nb_get_retry", .integer(0...4_294_967_295, unit: ""), "Old name of retry.",
                status: .deprecated("retry")
            ) { http, reader in
                if let value = reader.integer(0...4_294_967_295) { reader.assign(&http.probe.timing.retry, value) }
            },
            .word("virtualhost", \.virtualHost, "host", default: "the real server's", "The Host header."),
            .choice(
                "http_protocol", \.version,
                [("1.0", .v1_0), ("1.1", .v1_1), ("1.0C", .v1_0Close), ("1.0c", .v1_0Close)], default: "1.0",
                "The version of the protocol; C adds `Connection: close`."),
            .boolean("enable_sni", \.enableSNI, "Name the virtual host in the TLS handshake; SSL_GET only."),
            .word(
                "sni_name", \.sniName, "name", default: "virtualhost", "Name this in the TLS handshake; SSL_GET only."),
            .boolean("fast_recovery", \.fastRecovery, "No delay_loop between URLs while the server is down."),
            Keyword("method", .word("method"), default: "GET", "The method of the request, such as HEAD or POST.") {
                http, reader in
                if let method = reader.method() { reader.assign(&http.method, method) }
            },
            header,
            Keyword(
                "body", .quoted("text"), default: "none", "What the request brings, with its Content-Length."
            ) { http, reader in
                guard let word = reader.required("text") else { return }
                reader.assign(&http.body, word.text)
            },
            Keyword("url", .block(named: false), "One to ask for; all must answer as they should.") { http, reader in
                reader.expectNoMore()
                http.urls.append(reader.checker(url))
            },
        ]
    }

    /// Repeatable.
    private static let header: Keyword<HTTPDraft> = {
        var keyword = Keyword<HTTPDraft>(
            "header", .quoted("NAME VALUE|\"NAME: VALUE\""), default: "none",
            "One more header of the request. May be repeated."
        ) { http, reader in
            let place = reader.statementRange
            guard let header = reader.header() else { return reader.skipRest() }
            http.headers.append(Written(value: header, range: place))
        }
        keyword.isSecret = true
        return keyword
    }()

    /// `url`.
    private static let url: [Keyword<URLDraft>] = [
        .word("path", \.path, "path", "What to ask for."),
        Keyword("digest", .word("MD5"), default: "none", "The MD5 of the body, as 32 hexadecimal digits.") {
            url, reader in
            if let digest = reader.digest() { reader.assign(&url.digest, digest) }
        },
        Keyword(
            "status_code", .other("CODE|LOW-HIGH …"), default: "200-299", "The status codes that are a success."
        ) { url, reader in
            if let codes = reader.statusCodes() { reader.assign(&url.statusCodes, codes) }
        },
        .word("virtualhost", \.virtualHost, "host", default: "the checker's", "The Host header."),
        Keyword("regex", .quoted("pattern"), default: "none", "What the body must match.") { url, reader in
            if let pattern = reader.word("pattern") { reader.assign(&url.regex, pattern) }
        },
        .flag("regex_no_match", \.regexNegated, "A match is the failure."),
        Keyword("regex_options", .other("OPTION …"), default: "none", "Options of PCRE2, by their names.") {
            url, reader in
            if let options = reader.regexOptions() { reader.assign(&url.regexOptions, options) }
        },
        .integer("regex_min_offset", \.regexMinimum, 0...4_294_967_295, default: "0", "Bytes of the body to skip."),
        .integer(
            "regex_max_offset", \.regexMaximum, 0...4_294_967_295, default: "none",
            "The last byte at which a match may begin."),
        Keyword("regex_stack", .other("START MAX"), default: "none", "Accepted without effect: patterns need no stack.")
        {
            url, reader in
            guard let start = reader.integer(1...4_294_967_295), let maximum = reader.integer(1...4_294_967_295) else {
                return reader.skipRest()
            }
            reader.assign(
                &url.regexStack,
                HTTPProbe.RegexStack(start: UInt32(clamping: start), maximum: UInt32(clamping: maximum)))
        }.withoutEffect(),
        Keyword(
            "json", .quoted("PATH [VALUE]"), default: "none",
            "The body is JSON with this value at a path such as checks.0.state, or with any. May be repeated."
        ) { url, reader in
            let place = reader.statementRange
            guard let assertion = reader.jsonAssertion() else { return reader.skipRest() }
            url.json.append(Written(value: assertion, range: place))
        },
    ]
}
