import Primitives

/// What can be asked of rtnetlink.
public enum RouteRequest: Hashable, Sendable {
    /// All interfaces, ended by `RouteMessage.done`. One dump at a time on a socket: a second gets EBUSY.
    case dumpLinks
    /// All addresses of a family, or of both.
    case dumpAddresses(AddressFamily?)
    /// Adds; EEXIST when it is there.
    case addAddress(AddressRecord)
    /// Adds or refreshes: lifetimes, flags and label become these. Never makes the address blink.
    case replaceAddress(AddressRecord)
    /// Removes; EADDRNOTAVAIL when it isn't there. Interface, prefix, peer and label must fit.
    case deleteAddress(AddressRecord)
    /// Where a packet for this address would go: a `RouteMessage.route`, then an acknowledgement; ENETUNREACH or EHOSTUNREACH where it goes nowhere.
    case route(to: IPAddress)

    /// Appends the message. It asks for an acknowledgement, except for dumps, which end in `done`.
    public func append(to bytes: inout [UInt8], sequence: UInt32) {
        let request: UInt16 = 0x01
        let acknowledge: UInt16 = 0x04
        let dump: UInt16 = 0x300
        let replace: UInt16 = 0x100
        let exclusive: UInt16 = 0x200
        let create: UInt16 = 0x400
        let start: Int
        switch self {
        case .dumpLinks:
            start = bytes.beginMessage(RouteType.getLink, flags: request | dump, sequence: sequence)
            bytes.append(contentsOf: repeatElement(0, count: LinkAttribute.headerLength))
            // RTEXT_FILTER_SKIP_STATS: half the bytes.
            bytes.append(attribute: LinkAttribute.extendedMask, hostOrder: UInt32(1 << 3))
        case .dumpAddresses(let family):
            start = bytes.beginMessage(RouteType.getAddress, flags: request | dump, sequence: sequence)
            // Strict checking wants a whole ifaddrmsg of zeros but for the family.
            bytes.append(family?.kernelNumber ?? 0)
            bytes.append(contentsOf: repeatElement(0, count: AddressAttribute.headerLength - 1))
        case .addAddress(let record):
            start = bytes.beginMessage(
                RouteType.newAddress, flags: request | acknowledge | create | exclusive, sequence: sequence)
            record.append(to: &bytes)
        case .replaceAddress(let record):
            start = bytes.beginMessage(
                RouteType.newAddress, flags: request | acknowledge | create | replace, sequence: sequence)
            record.append(to: &bytes)
        case .deleteAddress(let record):
            start = bytes.beginMessage(RouteType.deleteAddress, flags: request | acknowledge, sequence: sequence)
            record.appendKey(to: &bytes)
            if !record.label.isEmpty { bytes.append(attribute: AddressAttribute.label, text: record.label) }
        case .route(let address):
            start = bytes.beginMessage(RouteType.getRoute, flags: request | acknowledge, sequence: sequence)
            RouteRecord.append(requestFor: address, to: &bytes)
        }
        bytes.endMessage(at: start)
    }

    public var isDump: Bool {
        switch self {
        case .dumpLinks, .dumpAddresses: true
        case .addAddress, .replaceAddress, .deleteAddress, .route: false
        }
    }
}

extension AddressRecord {
    /// The header, and the addresses that identify the record.
    func appendKey(to bytes: inout [UInt8]) {
        let family = prefix.address.family
        bytes.append(family.kernelNumber)
        bytes.append(prefix.length)
        bytes.append(UInt8(truncatingIfNeeded: flags.intersection(.settable).rawValue))
        bytes.append(scope.rawValue)
        bytes.append(hostOrder: interface.rawValue)
        bytes.append(attribute: AddressAttribute.local, prefix.address)
        bytes.append(attribute: AddressAttribute.address, peer ?? prefix.address)
    }

    /// All of RTM_NEWADDR.
    func append(to bytes: inout [UInt8]) {
        appendKey(to: &bytes)
        if let broadcast { bytes.append(attribute: AddressAttribute.broadcast, broadcast) }
        if !label.isEmpty { bytes.append(attribute: AddressAttribute.label, text: label) }
        bytes.append(attribute: AddressAttribute.flags, hostOrder: flags.intersection(.settable).rawValue)
        // `struct ifa_cacheinfo`: preferred, valid, created, updated.
        bytes.append(hostOrder: UInt16(NetlinkAttribute.headerLength + 16))
        bytes.append(hostOrder: AddressAttribute.cacheInfo)
        bytes.append(hostOrder: min(preferredLifetime, validLifetime))
        bytes.append(hostOrder: validLifetime)
        bytes.append(hostOrder: UInt64(0))
        if proto != 0 { bytes.append(attribute: AddressAttribute.proto, CollectionOfOne(proto)) }
    }
}
