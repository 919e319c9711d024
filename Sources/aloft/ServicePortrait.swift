import Primitives

/// A virtual server as the daemon describes it, in words.
struct ServicePortrait {
    private let service: JSONValue

    init(_ service: JSONValue) { self.service = service }

    /// A line for the service, and one for each of its servers.
    var lines: [String] {
        let name = service["name"]?.string ?? "?"
        var head = "\(name)  \(service["state"]?.string ?? "?")"
        head += "  weight \(service["weight"]?.integer ?? 0), quorum \(service["quorum"]?.integer ?? 0)"
        head += "  \(service["scheduler"]?.string ?? "?")"
        if service["suspended"]?.bool == true { head += "  not checked: its address is elsewhere" }
        if service["sorry_serves"]?.bool == true {
            head += "  the sorry server \(service["sorry_server"]?.string ?? "?") serves"
        }
        if let refused = service["refused"]?.string { head += "  NOT FORWARDED: \(refused)" }
        return [head] + (service["servers"]?.array ?? []).map(Self.line)
    }

    private static func line(_ server: JSONValue) -> String {
        let state = server["state"]?.string ?? "?"
        var text = "  \(pad(server["name"]?.string ?? "?", 28)) \(pad(state, 8))"
        text +=
            " \(pad(server["for_seconds"]?.integer.map(Portrait.age) ?? "", 9)) weight \(server["weight"]?.integer ?? 0)"
        text += "  \(server["forwarding"]?.string ?? "")"
        if let open = server["active_connections"]?.integer { text += "  \(open) open" }
        if let all = server["connections"]?.integer, all > 0 { text += ", \(all) in all" }
        if let rate = server["connections_per_second"]?.integer {
            text +=
                "  \(rate)/s, \(size(server["bytes_in_per_second"])) in, \(size(server["bytes_out_per_second"])) out"
        }
        if server["slow_start"]?.bool == true { text += "  rising slowly" }
        let failing = (server["checks"]?.array ?? []).filter { $0["passing"]?.bool == false }
        for check in failing {
            text += "\n      \(check["kind"]?.string ?? "?"): \(check["last_failure"]?.string ?? "no success yet")"
            if let ago = check["last_failure_seconds"]?.integer { text += ", \(Portrait.age(ago)) ago" }
        }
        return text
    }

    /// `12 kB/s`: three digits at most.
    private static func size(_ rate: JSONValue?) -> String {
        var number = max(rate?.integer ?? 0, 0)
        for unit in ["B/s", "kB/s", "MB/s", "GB/s"] {
            if number < 1000 { return "\(number) \(unit)" }
            number /= 1000
        }
        return "\(number) TB/s"
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
