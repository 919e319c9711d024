import ConfigLanguage
import Primitives

/// `HTTP_GET` and `SSL_GET`.
extension Resolver {
    mutating func http(_ draft: HTTPDraft, _ name: String, _ scope: CheckScope) -> HTTPProbe? {
        let host = draft.virtualHost?.value ?? scope.virtualHost
        var urls: [HTTPProbe.URL] = []
        for url in draft.urls {
            if draft.method?.value == "HEAD" { checkBodiless(url) }
            if let url = resolve(url, host, draft.tlsCompliant?.value ?? false) { urls.append(url) }
        }
        guard !urls.isEmpty else {
            if draft.urls.isEmpty { incomplete(draft.probe.range, name, "url", draft.failed, "{ path / }") }
            return nil
        }
        var http = HTTPProbe(connection(draft.probe, scope), urls: urls)
        http.version = draft.version?.value ?? .v1_0
        http.enableSNI = draft.enableSNI?.value ?? false
        http.sniName = draft.sniName?.value
        http.fastRecovery = draft.fastRecovery?.value ?? false
        http.method = draft.method?.value ?? "GET"
        http.headers = draft.headers.map(\.value)
        http.body = draft.body?.value
        http.verification.chain = draft.verifiesChain?.value ?? false
        http.verification.minimumDays = draft.minimumDays.map { UInt32(clamping: $0.value) }
        if let body = draft.body, draft.method == nil || http.method == "HEAD", !draft.failed.contains("method") {
            report(
                .bodyMethod, at: body.range, "this body goes with a \(http.method)",
                reason: "most servers do not look at the body of such a request",
                fix: "add `method POST`, or write `method GET` if that is meant")
        }
        checkVerification(draft, http)
        return http
    }

    private mutating func resolve(_ draft: URLDraft, _ host: String?, _ tlsCompliant: Bool) -> HTTPProbe.URL? {
        guard let path = draft.path else {
            incomplete(draft.range, "url", "path", draft.failed, "/")
            return nil
        }
        if path.value.utf8.first != UInt8(ascii: "/") {
            report(
                .urlPath, at: path.range, "the path `\(path.value)` does not begin with a slash",
                reason: "servers refuse such a request", fix: "write `path /\(path.value)`")
        }
        var url = HTTPProbe.URL(path: path.value)
        url.virtualHost = draft.virtualHost?.value ?? host
        url.digest = draft.digest?.value
        url.statusCodes = draft.statusCodes?.value ?? url.statusCodes
        url.tlsCompliant = draft.tlsCompliant?.value ?? tlsCompliant
        url.regex = regex(draft)
        url.json = draft.json.map(\.value)
        if draft.statusCodes == nil, draft.digest == nil, draft.regex == nil, draft.json.isEmpty, draft.failed.isEmpty {
            report(
                .urlDefault, at: draft.range, "this url says nothing of the answer",
                reason: "every status from 200 to 299 is a success, whatever the page says",
                fix: "write `status_code 200`, or a `digest`, `regex` or `json`")
        }
        return url
    }

    /// The answer to HEAD has no body (RFC 9110 §9.3.2).
    private mutating func checkBodiless(_ draft: URLDraft) {
        let places = [draft.digest?.range, draft.regex?.range].compactMap { $0 } + draft.json.map(\.range)
        for place in places {
            report(
                .noBody, at: place, "the answer to a HEAD has no body to look at",
                reason: "the check would always fail",
                fix: "write `method GET`, or remove this")
        }
    }

    private mutating func checkVerification(_ draft: HTTPDraft, _ http: HTTPProbe) {
        guard http.verification.chain, let place = draft.verifiesChain?.range else { return }
        if !servers.knowsAuthority {
            // Once: it is the same for all.
            servers.knowsAuthority = true
            report(
                .tlsAuthority, at: place, "no authority is named: those that this host believes count",
                reason: "a certificate of your own authority would be refused",
                fix: "write `SSL { ca PATH }` if there is one")
        }
        if http.sniName == nil, http.urls.contains(where: { $0.virtualHost == nil }) {
            report(
                .tlsName, at: place, "there is no name that the certificate must be for",
                reason: "it must be for the address \(http.connection.address) then, which few are",
                fix: "add `virtualhost NAME`, or `sni_name NAME`")
        }
    }

    private mutating func regex(_ draft: URLDraft) -> HTTPProbe.Regex? {
        guard let pattern = draft.regex else {
            let option =
                draft.regexNegated?.range ?? draft.regexOptions?.range ?? draft.regexMinimum?.range
                ?? draft.regexMaximum?.range ?? draft.regexStack?.range
            if let option, !draft.failed.contains("regex") {
                report(
                    .regexOption, at: option, "there is no `regex` for this", reason: "it has no effect",
                    fix: "add `regex PATTERN`, or remove it")
            }
            return nil
        }
        var regex = HTTPProbe.Regex(pattern: pattern.value)
        regex.options = draft.regexOptions?.value ?? []
        regex.isNegated = draft.regexNegated?.value ?? false
        regex.minimumOffset = draft.regexMinimum?.value ?? 0
        regex.maximumOffset = draft.regexMaximum?.value
        regex.stack = draft.regexStack?.value
        if let maximum = draft.regexMaximum, maximum.value < regex.minimumOffset {
            report(
                .regexOption, at: maximum.range, "a match cannot begin before byte \(regex.minimumOffset)",
                reason: "`regex_max_offset` is below `regex_min_offset`: there would never be one",
                fix: "write a number from \(regex.minimumOffset) on")
        }
        if let stack = draft.regexStack, stack.value.start > stack.value.maximum {
            report(
                .regexOption, at: stack.range, "the stack begins larger than it may be",
                reason: "it would have no effect", fix: "write the smaller number first")
        }
        return regex
    }
}
