import Primitives

/// The configuration that a daemon runs with, as it was read: the answer to `configuration` on the control socket.
public struct RunningConfiguration: Equatable, Sendable {
    public struct File: Equatable, Sendable {
        public var path: String
        public var bytes: [UInt8]

        public init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }
    }

    /// The path of the main file.
    public var main: String
    /// Which lines behind `@id` are read.
    public var id: String
    /// Whether it is read with keepalived's leniency.
    public var isKeepalived: Bool
    /// The main file and all that it includes, each once.
    public var files: [File]

    public init(main: String, id: String, isKeepalived: Bool, files: [File]) {
        self.main = main
        self.id = id
        self.isKeepalived = isKeepalived
        self.files = files
    }

    /// `main`, `id`, `compat` and `files`: objects of `path` and `text`, or `hex` where the bytes are not UTF-8.
    public var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("main", main)
            json.member("id", id)
            json.member("compat", isKeepalived ? "keepalived" : "strict")
            json.memberArray("files") { json in
                for file in files {
                    json.object { json in
                        json.member("path", file.path)
                        if let text = String(validating: file.bytes, as: UTF8.self) {
                            json.member("text", text)
                        } else {
                            json.member("hex", Self.hexadecimal(file.bytes))
                        }
                    }
                }
            }
        }
        return json.bytes
    }

    /// Nil for what is none.
    public init?(_ json: JSONValue) {
        guard let main = json["main"]?.string, let compat = json["compat"]?.string, let list = json["files"]?.array
        else {
            return nil
        }
        var files: [File] = []
        for entry in list {
            guard let path = entry["path"]?.string else { return nil }
            if let text = entry["text"]?.string {
                files.append(File(path: path, bytes: Array(text.utf8)))
            } else if let bytes = entry["hex"]?.string.flatMap(Self.bytes) {
                files.append(File(path: path, bytes: bytes))
            } else {
                return nil
            }
        }
        self.init(main: main, id: json["id"]?.string ?? "", isKeepalived: compat == "keepalived", files: files)
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in hexadecimal.utf8 {
            let value: UInt8
            switch digit {
            case 0x30...0x39: value = digit - 0x30
            case 0x61...0x66: value = digit - 0x61 + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? bytes : nil
    }
}
