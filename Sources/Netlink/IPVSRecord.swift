import Primitives

/// What ip_vs says of itself (linux/ip_vs.h). Numbers that are cut off, and attributes that a later kernel adds, are passed over.
public enum IPVSRecord: Hashable, Sendable {
    case service(IPVSService)
    /// Of whichever service was asked about.
    case destination(IPVSDestination)
    case daemon(IPVSDaemon)
    case timeouts(IPVSTimeouts)
    /// `version` is 0x010201 for 1.2.1.
    case information(version: UInt32, tableSize: UInt32)

    /// Nil of a message of another family or kind, or that does not say what it is about.
    /// - Parameter family: the number that the kernel gave to ``IPVSRequest/familyName``.
    public init?(_ message: NetlinkMessage, in datagram: RawSpan, family: UInt16) {
        guard message.type == family, message.end - message.body >= GenericNetlink.headerLength,
            let command = datagram.uint8(at: message.body)
        else { return nil }
        let attributes = NetlinkAttributes(from: message.body + GenericNetlink.headerLength, to: message.end)
        switch command {
        case 1:
            guard let service = datagram.service(attributes) else { return nil }
            self = .service(service)
        case 5:
            guard let destination = datagram.destination(attributes) else { return nil }
            self = .destination(destination)
        case 9:
            guard let daemon = datagram.daemon(attributes) else { return nil }
            self = .daemon(daemon)
        case 12:
            self = .timeouts(
                IPVSTimeouts(
                    tcp: datagram.hostUInt32(4, of: attributes), tcpFin: datagram.hostUInt32(5, of: attributes),
                    udp: datagram.hostUInt32(6, of: attributes)))
        case 14:
            guard let version = datagram.hostUInt32(1, of: attributes) else { return nil }
            self = .information(version: version, tableSize: datagram.hostUInt32(2, of: attributes) ?? 0)
        default: return nil
        }
    }
}

extension RawSpan {
    private func hostUInt32(_ attribute: NetlinkAttribute) -> UInt32? {
        attribute.count >= 4 ? hostUInt32(at: attribute.offset) : nil
    }
    private func hostUInt16(_ attribute: NetlinkAttribute) -> UInt16? {
        attribute.count >= 2 ? hostUInt16(at: attribute.offset) : nil
    }
    private func bigUInt16(_ attribute: NetlinkAttribute) -> UInt16? {
        attribute.count >= 2 ? uint16(at: attribute.offset) : nil
    }
    private func byte(_ attribute: NetlinkAttribute) -> UInt8? {
        attribute.count >= 1 ? uint8(at: attribute.offset) : nil
    }

    fileprivate func hostUInt32(_ type: UInt16, of attributes: NetlinkAttributes) -> UInt32? {
        attribute(type, of: attributes).flatMap { hostUInt32($0) }
    }

    private func address(_ family: AddressFamily, _ attribute: NetlinkAttribute) -> IPAddress? {
        attribute.count >= family.addressLength ? address(family, at: attribute.offset) : nil
    }

    private func family(_ attribute: NetlinkAttribute) -> AddressFamily? {
        hostUInt16(attribute).flatMap { UInt8(exactly: $0) }.flatMap { AddressFamily(kernelNumber: $0) }
    }

    /// One pass: there may be tens of thousands.
    fileprivate func service(_ attributes: NetlinkAttributes) -> IPVSService? {
        guard let nested = attribute(IPVSAttribute.service, of: attributes) else { return nil }
        var family: AddressFamily?
        var number: UInt16 = 0
        var place: NetlinkAttribute?
        var port: UInt16 = 0
        var mark: UInt32 = 0
        var netmask: NetlinkAttribute?
        var isExact = false
        var service = IPVSService(.mark(0, .ipv4), scheduler: "")
        var entries = self.nested(nested)
        while let entry = entries.next(in: self) {
            switch entry.type {
            case 1: family = self.family(entry)
            case 2: number = hostUInt16(entry) ?? 0
            case 3: place = entry
            case 4: port = bigUInt16(entry) ?? 0
            case 5: mark = hostUInt32(entry) ?? 0
            case 6: service.scheduler = text(entry) ?? ""
            case 7: service.flags = IPVSService.Flags(rawValue: hostUInt32(entry) ?? 0)
            case 8: service.timeout = hostUInt32(entry) ?? 0
            case 9: netmask = entry
            case 10: if !isExact { service.statistics = statistics(self.nested(entry)) }
            case 11: service.engine = text(entry) ?? ""
            case 12:
                service.statistics = statistics(self.nested(entry))
                isExact = true
            default: break
            }
        }
        guard let family else { return nil }
        if mark != 0 {
            service.id = .mark(mark, family)
        } else {
            guard let address = place.flatMap({ address(family, $0) }) else { return nil }
            service.id = .address(address, port: port, protocolNumber: number)
        }
        service.netmask = family == .ipv4 ? .max : 128
        if let netmask, netmask.count >= 4 {
            let value = family == .ipv4 ? uint32(at: netmask.offset) : hostUInt32(at: netmask.offset)
            service.netmask = value ?? service.netmask
        }
        return service
    }

    fileprivate func destination(_ attributes: NetlinkAttributes) -> IPVSDestination? {
        guard let nested = attribute(IPVSAttribute.destination, of: attributes) else { return nil }
        var family: AddressFamily?
        var place: NetlinkAttribute?
        var isExact = false
        var destination = IPVSDestination(.v4(IPv4Address(bits: 0)), port: 0, weight: 0)
        var entries = self.nested(nested)
        while let entry = entries.next(in: self) {
            switch entry.type {
            case 1: place = entry
            case 2: destination.port = bigUInt16(entry) ?? 0
            case 3: destination.method = (hostUInt32(entry) ?? 0) & 0x7
            case 4: destination.weight = hostUInt32(entry) ?? 0
            case 5: destination.upperThreshold = hostUInt32(entry) ?? 0
            case 6: destination.lowerThreshold = hostUInt32(entry) ?? 0
            case 7: destination.activeConnections = hostUInt32(entry) ?? 0
            case 8: destination.inactiveConnections = hostUInt32(entry) ?? 0
            case 9: destination.persistentConnections = hostUInt32(entry) ?? 0
            case 10: if !isExact { destination.statistics = statistics(self.nested(entry)) }
            case 11: family = self.family(entry)
            case 12:
                destination.statistics = statistics(self.nested(entry))
                isExact = true
            case 13: destination.tunnelType = byte(entry) ?? 0
            case 14: destination.tunnelPort = bigUInt16(entry) ?? 0
            case 15: destination.tunnelFlags = hostUInt16(entry) ?? 0
            default: break
            }
        }
        // Kernels before 3.18 name no family: an address of IPv6 is hardly twelve zeroes long.
        guard let place, let family = family ?? guessedFamily(place), let address = address(family, place) else {
            return nil
        }
        destination.address = address
        return destination
    }

    private func guessedFamily(_ address: NetlinkAttribute) -> AddressFamily? {
        guard address.count >= 16 else { return address.count >= 4 ? .ipv4 : nil }
        let isShort = hostUInt32(at: address.offset + 4) == 0 && uint64(at: address.offset + 8) == 0
        return isShort ? .ipv4 : .ipv6
    }

    /// IPVS_*_ATTR_STATS has 32 bits for what IPVS_*_ATTR_STATS64 has 64 for (bytes excepted); each is read as long as it is.
    private func statistics(_ attributes: NetlinkAttributes) -> IPVSStatistics {
        var statistics = IPVSStatistics()
        var attributes = attributes
        while let attribute = attributes.next(in: self) {
            let value = number(attribute)
            switch attribute.type {
            case 1: statistics.connections = value
            case 2: statistics.packetsIn = value
            case 3: statistics.packetsOut = value
            case 4: statistics.bytesIn = value
            case 5: statistics.bytesOut = value
            case 6: statistics.connectionRate = value
            case 7: statistics.packetRateIn = value
            case 8: statistics.packetRateOut = value
            case 9: statistics.byteRateIn = value
            case 10: statistics.byteRateOut = value
            default: break
            }
        }
        return statistics
    }

    private func number(_ attribute: NetlinkAttribute) -> UInt64 {
        if attribute.count >= 8 { return hostUInt64(at: attribute.offset) ?? 0 }
        return UInt64(hostUInt32(attribute) ?? 0)
    }

    fileprivate func daemon(_ attributes: NetlinkAttributes) -> IPVSDaemon? {
        guard let nested = attribute(IPVSAttribute.daemon, of: attributes),
            let state = hostUInt32(1, of: self.nested(nested)).flatMap({ IPVSDaemon.State(rawValue: $0) })
        else { return nil }
        var daemon = IPVSDaemon(state, interface: "", syncID: 0)
        var entries = self.nested(nested)
        while let entry = entries.next(in: self) {
            switch entry.type {
            case 2: daemon.interface = text(entry) ?? ""
            case 3: daemon.syncID = hostUInt32(entry) ?? 0
            case 4: daemon.maximumLength = hostUInt16(entry)
            case 5: daemon.group = address(.ipv4, entry)
            case 6: daemon.group = address(.ipv6, entry)
            case 7: daemon.port = hostUInt16(entry)
            case 8: daemon.ttl = byte(entry)
            default: break
            }
        }
        return daemon
    }
}
