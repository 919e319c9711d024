import Primitives

/// What was changed on this host for its virtual addresses, and must be undone: kept in a file, written before the change.
///
/// It counts for one boot and one network namespace. A later boot knows neither the addresses nor the settings any more.
public struct RealServerLedger: Hashable, Sendable {
    /// A virtual address that was set up.
    public struct Address: Hashable, Sendable {
        public var address: IPAddress
        public var interface: String
        /// It stood there before, and stays.
        public var wasThere: Bool

        public init(_ address: IPAddress, on interface: String, wasThere: Bool = false) {
            self.address = address
            self.interface = interface
            self.wasThere = wasThere
        }
    }

    /// A setting of the kernel that was changed.
    public struct Setting: Hashable, Sendable {
        /// Below /proc/sys.
        public var name: String
        /// What it was.
        public var before: String
        /// What was written.
        public var written: String

        public init(_ name: String, before: String, written: String) {
            self.name = name
            self.before = before
            self.written = written
        }

        /// The interface of `net/ipv4/conf/INTERFACE/…`.
        var interface: String {
            let parts = name.split(separator: "/")
            return parts.count > 3 ? String(parts[3]) : ""
        }
    }

    public var boot: String
    public var network: String
    /// In the order in which they were set up.
    public var addresses: [Address] = []
    public var settings: [Setting] = []

    public init(boot: String, network: String) {
        self.boot = boot
        self.network = network
    }

    public var isEmpty: Bool { addresses.isEmpty && settings.isEmpty }

    /// The most of each that is read: more than a host has.
    public static let limit = 65536

    /// Nil when it is not a ledger.
    public init?(json bytes: [UInt8]) {
        guard let json = JSONValue(bytes, maximumDepth: 4), let boot = json["boot"]?.string,
            let network = json["network"]?.string, let addresses = json["addresses"]?.array,
            let settings = json["settings"]?.array, addresses.count <= Self.limit, settings.count <= Self.limit
        else { return nil }
        self.init(boot: boot, network: network)
        for entry in addresses {
            guard let address = entry["address"]?.string.flatMap({ IPAddress($0) }),
                let interface = entry["interface"]?.string, let wasThere = entry["was_there"]?.bool
            else { return nil }
            self.addresses.append(Address(address, on: interface, wasThere: wasThere))
        }
        for entry in settings {
            guard let name = entry["name"]?.string, let before = entry["before"]?.string,
                let written = entry["written"]?.string, Self.isOurs(name)
            else { return nil }
            self.settings.append(Setting(name, before: before, written: written))
        }
    }

    /// A ledger that someone else wrote must not make root write anything but these.
    private static func isOurs(_ name: String) -> Bool {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 5 && name.hasPrefix("net/ipv4/conf/") && !parts[3].isEmpty && parts[3] != ".."
            && ARPSetting(rawValue: String(parts[4])) != nil
    }

    public var json: [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.member("boot", boot)
            json.member("network", network)
            json.memberArray("addresses") { json in
                for entry in addresses {
                    json.object {
                        $0.member("address", "\(entry.address)")
                        $0.member("interface", entry.interface)
                        $0.member("was_there", entry.wasThere)
                    }
                }
            }
            json.memberArray("settings") { json in
                for entry in settings {
                    json.object {
                        $0.member("name", entry.name)
                        $0.member("before", entry.before)
                        $0.member("written", entry.written)
                    }
                }
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
