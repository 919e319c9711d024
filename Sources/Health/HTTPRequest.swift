import Configuration
import Primitives

/// The request of an HTTP check, as keepalived words it: `Host` is the virtual host as it is written, or else address and port.
enum HTTPRequest {
    static func bytes(_ probe: HTTPProbe, _ url: HTTPProbe.URL) -> [UInt8] {
        var text: [UInt8] = []
        let method = oneLine(probe.method).filter { $0 > 0x20 && $0 < 0x7F }
        text += (method.isEmpty ? Array("GET".utf8) : method) + [0x20] + target(url.path)
        text += (probe.version == .v1_1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n").utf8
        let written = probe.headers.map { Array($0.name.utf8) }
        func has(_ name: StaticString) -> Bool { written.contains { equalIgnoringCase($0, name) } }
        func add(_ name: String, _ value: [UInt8]) {
            text += "\(name): ".utf8
            text += value
            text += "\r\n".utf8
        }
        if !has("user-agent") { add("User-Agent", Array("KeepAliveClient".utf8)) }
        // One request, one connection: in HTTP/1.1 it would stay open unless told so (RFC 9112 §9.6).
        if probe.version != .v1_0, !has("connection") { add("Connection", Array("close".utf8)) }
        if !has("host") { add("Host", host(probe, url)) }
        for header in probe.headers {
            add(String(decoding: oneLine(header.name), as: UTF8.self), oneLine(header.value))
        }
        let body = probe.body.map { Array($0.utf8) }
        if let body, !has("content-length") { add("Content-Length", Array(String(body.count).utf8)) }
        return text + Array("\r\n".utf8) + (body ?? [])
    }

    static func host(_ probe: HTTPProbe, _ url: HTTPProbe.URL) -> [UInt8] {
        if let name = url.virtualHost { return oneLine(name) }
        let connection = probe.connection
        return Array(
            (connection.address.family == .ipv6
                ? "[\(connection.address)]:\(connection.port)" : "\(connection.address):\(connection.port)").utf8)
    }

    /// A path that would break the request line is percent-encoded where it would.
    private static func target(_ path: String) -> [UInt8] {
        var text: [UInt8] = []
        for byte in path.utf8 {
            if byte <= 0x20 || byte == 0x7F {
                text += "%\([byte].hexadecimal)".utf8
            } else {
                text.append(byte)
            }
        }
        return text.isEmpty ? [0x2F] : text
    }
}
