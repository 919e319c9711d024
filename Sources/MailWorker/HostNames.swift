import Glibc
import LinuxWorld
import Primitives

/// What the C library's resolver knows: getaddrinfo(3). It waits for name servers, up to half a minute, so it is asked in the mail process alone.
public enum HostNames {
    /// A name has no address.
    public struct Failure: Error {
        public var text: String
    }

    /// The addresses of a host, in the order in which they are to be tried; never empty.
    public static func addresses(of host: String) throws(Failure) -> [IPAddress] {
        if let address = IPAddress(host) { return [address] }
        var found: [IPAddress] = []
        let code = ask(host, flags: 0) { entry in
            if let address = address(entry), !found.contains(address) { found.append(address) }
        }
        guard code == 0 else { throw Failure(text: "\(host): " + String(cString: gai_strerror(code))) }
        guard !found.isEmpty else { throw Failure(text: "\(host) has no address") }
        return found
    }

    /// This host's name, with its domain where the resolver knows it.
    public static func own() -> String {
        let short = Host.name()
        guard !short.isEmpty else { return "localhost" }
        var whole = ""
        _ = ask(short, flags: AI_CANONNAME) { entry in
            if whole.isEmpty, let name = entry.ai_canonname { whole = String(cString: name) }
        }
        return whole.isEmpty ? short : whole
    }

    /// - Returns: 0, or the error for gai_strerror(3).
    private static func ask(_ host: String, flags: Int32, _ each: (addrinfo) -> Void) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return code }
        defer { freeaddrinfo(list) }
        var next = list
        while let entry = next {
            each(entry.pointee)
            next = entry.pointee.ai_next
        }
        return 0
    }

    private static func address(_ entry: addrinfo) -> IPAddress? {
        guard let pointer = UnsafeRawPointer(entry.ai_addr) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: pointer, count: Int(entry.ai_addrlen))
        // sockaddr_in(6): family and port before the address; IPv6 has the flow in between.
        switch entry.ai_family {
        case AF_INET where bytes.count >= 8: return .v4(IPv4Address(bytes[4], bytes[5], bytes[6], bytes[7]))
        case AF_INET6 where bytes.count >= 24:
            let halves = [bytes[8..<16], bytes[16..<24]].map { $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
            return .v6(IPv6Address(high: halves[0], low: halves[1]))
        default: return nil
        }
    }
}
