import Glibc
import Health
import NIOSSL
import Primitives

/// Why a handshake failed, in words for people.
public enum TLSFailure {
    /// `certificate`: the server's, where it showed one. `now`: seconds since 1970.
    public static func text(_ error: any Error, name: String?, certificate: NIOSSLCertificate?, now: Int) -> String {
        let reason = reason(of: error)
        if reason == "CERTIFICATE_VERIFY_FAILED" {
            guard let certificate else { return "TLS: the certificate is not to be trusted" }
            if certificate.notValidAfter < now {
                return "TLS: the certificate expired on \(date(certificate.notValidAfter))"
            }
            if certificate.notValidBefore > now {
                return "TLS: the certificate is valid only from \(date(certificate.notValidBefore)) on"
            }
            return "TLS: the certificate comes from nobody who is trusted"
        }
        if let error = error as? NIOSSLExtraError {
            switch error {
            case .failedToValidateHostname, .serverHostnameImpossibleToMatch:
                return "TLS: the certificate is not for \(name ?? "the address of the server")"
            case .cannotUseIPAddressInSNI, .invalidSNIHostname: return "TLS: \(name ?? "") is no name for a handshake"
            default: break
            }
        }
        switch reason {
        case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST": return "TLS: the server does not speak TLS"
        case let reason?: return "TLS: \(reason.lowercased().split(separator: "_").joined(separator: " "))"
        case nil: return "TLS: the handshake failed (\(String("\(error)".prefix(120))))"
        }
    }

    /// What `tls_min_days` finds wrong; nil when nothing is.
    static func shortLife(_ certificate: NIOSSLCertificate?, minimumDays: UInt32, now: Int) -> String? {
        guard let certificate else { return "TLS: the server showed no certificate" }
        let end = certificate.notValidAfter
        if end < now { return "TLS: the certificate expired on \(date(end))" }
        let days = (end - now) / 86400
        guard days < Int(minimumDays) else { return nil }
        return "TLS: the certificate expires on \(date(end)), in \(days) days, wanted \(minimumDays)"
    }

    /// BoringSSL's word for it: what stands behind `OPENSSL_internal:`.
    private static func reason(of error: any Error) -> String? {
        let boring: BoringSSLError
        switch error {
        case let error as BoringSSLError: boring = error
        case NIOSSLError.handshakeFailed(let error): boring = error
        default: return nil
        }
        guard case .sslError(let stack) = boring, let first = stack.first?.description else { return nil }
        // "Error: 268435581 error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at …"
        let parts = first.split(separator: ":")
        guard let mark = parts.firstIndex(of: "OPENSSL_internal"), mark + 1 < parts.endIndex else { return first }
        return String(parts[mark + 1].prefix { $0 == "_" || $0.isLetter || $0.isNumber })
    }

    private static func date(_ seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "\(seconds)" }
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    }
}
