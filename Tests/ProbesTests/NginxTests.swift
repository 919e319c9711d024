import Configuration
import Foundation
import Health
import Primitives
import Probes
import Testing

/// nginx with what a web server may have: pages, codes, and certificates good and bad.
final class Nginx {
    let plain: UInt16
    let good: UInt16
    let expired: UInt16
    let soon: UInt16
    let scratch: Scratch
    private let server: TestServer

    var authority: TLSMaterial { TLSMaterial(authority: scratch.path + "/ca.pem") }

    init() throws {
        scratch = try Scratch("nginx")
        try Nginx.makeCertificates(scratch)
        plain = try TestServer.freePort()
        good = try TestServer.freePort()
        expired = try TestServer.freePort()
        soon = try TestServer.freePort()
        func secure(_ port: UInt16, _ name: String) -> String {
            """
            server {
                listen 127.0.0.1:\(port) ssl; ssl_certificate \(name).pem; ssl_certificate_key key.pem;
                location / { return 200 "$ssl_server_name"; }
            }

            """
        }
        let configuration = try scratch.write(
            "nginx.conf",
            """
            daemon off; master_process off; pid \(scratch.path)/pid; error_log /dev/null;
            events {}
            http {
                access_log off; client_body_temp_path \(scratch.path)/b; proxy_temp_path \(scratch.path)/p;
                fastcgi_temp_path \(scratch.path)/f; uwsgi_temp_path \(scratch.path)/u; scgi_temp_path \(scratch.path)/s;
                server {
                    listen 127.0.0.1:\(plain);
                    location / { return 200 "host $http_host agent $http_user_agent"; }
                    location /json { return 200 '{"status":"up","checks":[{"state":"ok"}]}'; }
                    location /503 { return 503; }
                    location /posted { if ($request_method != POST) { return 405; } return 200 "$http_x_token $content_length"; }
                    location /big { root \(scratch.path); }
                }
            \(secure(good, "good"))\(secure(expired, "expired"))\(secure(soon, "soon"))
            }
            """)
        try scratch.run("mkdir big && dd if=/dev/zero bs=65536 count=48 of=big/file")
        server = try TestServer("/usr/sbin/nginx", port: soon, ["-c", configuration, "-p", scratch.path])
    }

    /// An authority, and what it signed for good.test and 127.0.0.1: for years, until yesterday, and for ten days more.
    private static func makeCertificates(_ scratch: Scratch) throws {
        _ = try scratch.write(
            "ca.conf",
            """
            [ca]
            default_ca = it
            [it]
            dir = .
            database = index
            serial = serial
            new_certs_dir = .
            default_md = sha256
            policy = any
            copy_extensions = copy
            unique_subject = no
            [any]
            commonName = supplied
            """)
        try scratch.run(
            """
            set -e
            touch index; echo 01 > serial
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 30
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out good.csr -subj /CN=good.test \
                -addext subjectAltName=DNS:good.test,IP:127.0.0.1
            sign() { openssl ca -batch -config ca.conf -cert ca.pem -keyfile ca.key -in good.csr -out $1.pem -notext \
                -startdate 20200101000000Z -enddate $2; }
            sign good 20990101000000Z
            sign expired 20210203000000Z
            sign soon $(date -u -d '10 days 12 hours' +%Y%m%d%H%M%SZ)
            """)
    }
}

@Suite struct NginxTests {
    private func nginx() throws -> Nginx { try Nginx() }

    @Test("HTTP 1.0 and 1.1, with keepalived's Host and User-Agent", arguments: HTTPProbe.Version.allCases)
    func versions(_ version: HTTPProbe.Version) throws {
        let nginx = try nginx()
        var probe = http(nginx.plain) {
            $0.regex = .init(pattern: "^host 127\\.0\\.0\\.1:\(nginx.plain) agent KeepAliveClient$")
        }
        probe.version = version
        #expect(ask(.http(probe)) == .success)
        probe.urls[0].virtualHost = "www.example.org"
        #expect(reason(ask(.http(probe))) == "the body does not match")
        probe.urls[0].regex = .init(pattern: "^host WWW\\.example")
        probe.urls[0].regex?.options = ["caseless"]
        #expect(ask(.http(probe)) == .success)
    }

    @Test("Status, JSON, digest, method, headers and body") func contents() throws {
        let nginx = try nginx()
        #expect(reason(ask(.http(http(nginx.plain, "/503")))) == "HTTP status 503, wanted 200-299")
        let json = http(nginx.plain, "/json") {
            $0.json = [.init(path: "status", value: "up"), .init(path: "checks.0.state", value: "ok")]
        }
        #expect(ask(.http(json)) == .success)
        let down = http(nginx.plain, "/json") { $0.json = [.init(path: "status", value: "down")] }
        #expect(reason(ask(.http(down))) == "JSON: `status` is `up`, wanted `down`")
        var posted = http(nginx.plain, "/posted") { $0.regex = .init(pattern: "^secret 5$") }
        #expect(reason(ask(.http(posted))) == "HTTP status 405, wanted 200-299")
        posted.method = "POST"
        posted.body = "hello"
        posted.headers = [.init(name: "X-Token", value: "secret")]
        #expect(ask(.http(posted)) == .success)
    }

    @Test("A digest is computed over 3 MB, a regular expression is not tried on them") func big() throws {
        let nginx = try nginx()
        // dd if=/dev/zero bs=65536 count=48 | md5sum
        let digest: [UInt8] = [
            0xD1, 0xDD, 0x21, 0x0D, 0x6B, 0x13, 0x12, 0xCB, 0x34, 0x2B, 0x56, 0xD0, 0x2B, 0xD5, 0xE6, 0x51,
        ]
        #expect(ask(.http(http(nginx.plain, "/big/file") { $0.digest = digest })) == .success)
        let regex = http(nginx.plain, "/big/file") { $0.regex = .init(pattern: "x") }
        #expect(reason(ask(.http(regex))) == "the body is longer than 1 MB, too long for a regular expression")
    }

    @Test("Offsets bound where a match may begin; a match that takes too much fails") func regexBounds() throws {
        let nginx = try nginx()
        func verdict(_ pattern: String, _ minimum: Int, _ maximum: Int?) -> Verdict? {
            ask(
                .http(
                    http(nginx.plain, "/json") {
                        $0.regex = .init(pattern: pattern)
                        $0.regex?.minimumOffset = minimum
                        $0.regex?.maximumOffset = maximum
                    }))
        }
        #expect(verdict("status", 2, 2) == .success)
        #expect(reason(verdict("status", 3, nil)) == "the body does not match")
        #expect(reason(verdict("status", 0, 1)) == "the body does not match")
        #expect(reason(verdict("status", 5000, nil)) == "the body does not match")
        #expect(
            reason(verdict("(", 0, nil))
                == "the regular expression could not be tried: missing closing parenthesis at byte 1 of the pattern")
        #expect(
            reason(verdict("^(?:(?:\\W|\\w)+)+\\d", 0, nil))
                == "the regular expression could not be tried: match limit exceeded")
    }

    @Test("Without verification any certificate will do, as with keepalived") func unverified() throws {
        let nginx = try nginx()
        for port in [nginx.good, nginx.expired, nginx.soon] { #expect(ask(.https(http(port))) == .success) }
        var compliant = http(nginx.good)
        compliant.urls[0].tlsCompliant = true
        #expect(ask(.https(compliant)) == .success)
    }

    @Test("The name in the handshake is the virtual host, or another") func serverName() throws {
        let nginx = try nginx()
        func name(_ configure: (inout HTTPProbe) -> Void, _ expected: String) {
            var probe = http(nginx.good) {
                $0.virtualHost = "www.example.org:8443"
                $0.regex = .init(pattern: "^\(expected)$")
            }
            configure(&probe)
            #expect(ask(.https(probe)) == .success)
        }
        name({ _ in }, "")
        name({ $0.enableSNI = true }, "www.example.org")
        name({ $0.sniName = "other.example.org" }, "other.example.org")
    }

    @Test("Chain, name and days to expiry are verified where that is asked for") func verified() throws {
        let nginx = try nginx()
        let prober = try Prober(tls: nginx.authority)
        func probe(_ port: UInt16, _ name: String?, days: UInt32? = nil, chain: Bool = true) -> HealthCheck.Probe {
            var probe = http(port) { $0.virtualHost = name }
            probe.verification.chain = chain
            probe.verification.minimumDays = days
            return .https(probe)
        }
        #expect(ask(probe(nginx.good, "good.test"), prober) == .success)
        #expect(ask(probe(nginx.good, nil), prober) == .success, "the certificate names the address")
        #expect(
            reason(ask(probe(nginx.good, "other.test"), prober)) == "TLS: the certificate is not for other.test")
        #expect(
            reason(ask(probe(nginx.expired, "good.test"), prober)) == "TLS: the certificate expired on 2021-02-03")
        #expect(
            reason(ask(probe(nginx.good, "good.test"), try Prober()))
                == "TLS: the certificate comes from nobody who is trusted")
        #expect(ask(probe(nginx.soon, nil, days: 5), prober) == .success)
        let short = try #require(reason(ask(probe(nginx.soon, nil, days: 30, chain: false), prober)))
        #expect(
            short.hasPrefix("TLS: the certificate expires on 20") && short.hasSuffix(", in 10 days, wanted 30"),
            "\(short)")
        #expect(
            reason(ask(probe(nginx.expired, nil, days: 1, chain: false), prober))
                == "TLS: the certificate expired on 2021-02-03")
        let lost = try Prober(tls: TLSMaterial(authority: "/nonexistent"))
        #expect(reason(ask(probe(nginx.good, nil), lost))?.hasPrefix("TLS: cannot use /nonexistent: ") == true)
    }
}
