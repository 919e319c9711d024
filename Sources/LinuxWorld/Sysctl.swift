/// Kernel settings as files below /proc/sys (proc(5)). They belong to the network namespace of the *thread*.
///
/// Names are written with slashes, `net/ipv4/conf/eth0.100/arp_ignore`: an interface's name may contain dots.
public enum Sysctl {
    /// The value without its last newline.
    public static func read(_ name: String) throws(SystemError) -> String {
        let bytes = try Files.read(try path(name), limit: 65536)
        return String(decoding: bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }

    public static func write(_ name: String, _ value: String) throws(SystemError) {
        try Files.overwrite(try path(name), Array((value + "\n").utf8))
    }

    static func path(_ name: String) throws(SystemError) -> String {
        let components = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isPlain = components.allSatisfy {
            !$0.isEmpty && !$0.elementsEqual("..".utf8) && !$0.elementsEqual(".".utf8)
        }
        guard isPlain else { throw SystemError(.file, .invalid, "use as a sysctl's name", name) }
        return "/proc/sys/" + name
    }
}
