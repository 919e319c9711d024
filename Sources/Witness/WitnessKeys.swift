import Arbitration
import LinuxWorld
import Primitives

/// The key file of a witness: a line for each cluster, `CLUSTER SECRET`; `#` begins a comment. A secret has 16 characters at least, or is
/// `hex:` and 32 hexadecimal digits at least. Nobody but its owner may read the file.
public struct WitnessKeys: Sendable {
    public struct Key: Sendable {
        public var cluster: ClusterName
        public var secret: Secret
    }

    /// In the order of the file.
    public private(set) var all: [Key] = []
    private var secrets: [ClusterName: Secret] = [:]

    public static let mostClusters = 4096
    static let largest = 1 << 20

    /// Why a key file is refused, with what to do.
    public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public subscript(cluster: ClusterName) -> Secret? { secrets[cluster] }

    public init(reading path: String) throws(Refusal) {
        let status: FileStatus?
        let bytes: [UInt8]
        do throws(SystemError) {
            status = try Files.status(path)
            bytes = status == nil ? [] : try Files.read(path, limit: Self.largest)
        } catch { throw Refusal(description: "\(error)") }
        guard let status else {
            throw Refusal(
                description:
                    "there is no key file \(path): write one with a line `CLUSTER SECRET` for each cluster, mode 0600")
        }
        guard status.mode & 0o004 == 0 else {
            throw Refusal(
                description:
                    "everybody can read the keys in \(path): `chmod 600 \(path)`, and change the secrets if others were here"
            )
        }
        try self.init(text: bytes, name: path)
    }

    /// `name` is for the refusal.
    public init(text: [UInt8], name: String) throws(Refusal) {
        func refuse(_ number: Int, _ reason: String) -> Refusal { Refusal(description: "\(name):\(number): \(reason)") }
        for (index, line) in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let words = line.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            guard let first = words.first, first.first != UInt8(ascii: "#") else { continue }
            let number = index + 1
            guard let cluster = ClusterName(String(decoding: first, as: UTF8.self)) else {
                throw refuse(number, "a cluster's name has 1 to 64 printable ASCII characters")
            }
            guard words.count == 2 else {
                throw refuse(number, "a line has two words, `CLUSTER SECRET`; this one has \(words.count)")
            }
            guard let secret = Self.secret(words[1]) else {
                throw refuse(
                    number,
                    "the secret is too short: 16 characters, or `hex:` and 32 digits, such as `openssl rand -hex 32` prints"
                )
            }
            guard self[cluster] == nil else { throw refuse(number, "cluster \(cluster) has a key already, further up") }
            guard all.count < Self.mostClusters else { throw refuse(number, "more than \(Self.mostClusters) clusters") }
            all.append(Key(cluster: cluster, secret: secret))
            secrets[cluster] = secret
        }
    }

    /// Nil: too short, or not hexadecimal.
    public static func secret(_ word: some Collection<UInt8>) -> Secret? {
        let prefix = Array("hex:".utf8)
        guard word.starts(with: prefix) else { return word.count >= 16 ? Secret(Array(word)) : nil }
        let digits = Array(word.dropFirst(prefix.count))
        guard digits.count >= 32, digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return Secret(bytes)
    }
}
