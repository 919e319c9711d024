import Primitives

/// What can be asked of nf_tables. Dumps end in `isDone`; the kernel marks one that it could not give whole as interrupted.
public enum NFTablesRequest: Hashable, Sendable {
    /// The chains of all tables of a family.
    case dumpChains(NFTablesFamily)
    case dumpRules(NFTablesTable)
    case dumpSets(NFTablesTable)
    case dumpElements(NFTablesTable, set: String)
    /// The number of the present generation: each batch makes one. A message, then an acknowledgement.
    case generation

    public func append(to bytes: inout [UInt8], sequence: UInt32) {
        let flags = NetlinkFlag.request | (self == .generation ? NetlinkFlag.acknowledge : NetlinkFlag.dump)
        switch self {
        case .dumpChains(let family):
            let start = bytes.beginMessage(NFTablesType.getChain, flags: flags, sequence: sequence)
            bytes.append(netfilterHeader: family.rawValue)
            bytes.endMessage(at: start)
        case .dumpRules(let table):
            bytes.append(request: NFTablesType.getRule, table, flags: flags, sequence: sequence)
        case .dumpSets(let table):
            bytes.append(request: NFTablesType.getSet, table, flags: flags, sequence: sequence)
        case .dumpElements(let table, let set):
            bytes.append(request: NFTablesType.getElement, table, set: set, flags: flags, sequence: sequence)
        case .generation:
            let start = bytes.beginMessage(NFTablesType.getGeneration, flags: flags, sequence: sequence)
            bytes.append(netfilterHeader: 0)
            bytes.endMessage(at: start)
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(
        request type: UInt16, _ table: NFTablesTable, set: String? = nil, flags: UInt16, sequence: UInt32
    ) {
        let start = beginMessage(type, flags: flags, sequence: sequence)
        append(netfilterHeader: table.family.rawValue)
        append(attribute: 1, string: table.name)
        if let set { append(attribute: 2, string: set) }
        endMessage(at: start)
    }
}

/// An element as the kernel lists it.
public struct NFTablesListedElement: Hashable, Sendable {
    public var element: NFTablesElement
    /// What its counter says; 0 where it has none.
    public var packets: UInt64 = 0
    public var bytes: UInt64 = 0
}

/// A message of nf_tables, from a dump or from its multicast group. Of chains, rules and sets: what identifies them.
public enum NFTablesRecord: Hashable, Sendable {
    case chain(NFTablesTable, name: String)
    case rule(NFTablesTable, chain: String, comment: String)
    case set(NFTablesTable, name: String)
    case elements(NFTablesTable, set: String, [NFTablesListedElement])
    case generation(UInt32)
    /// Anything else that belongs to a table: removals, the table itself, objects.
    case other(NFTablesTable)

    /// The table it is about; nil of a generation.
    public var table: NFTablesTable? {
        switch self {
        case .chain(let table, _), .rule(let table, _, _), .set(let table, _), .elements(let table, _, _),
            .other(let table):
            table
        case .generation: nil
        }
    }

    /// Nil of a message that is not nf_tables', or cannot be read.
    public init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        guard message.type & 0xFF00 == NFTablesType.subsystem, message.end - message.body >= 4,
            let familyNumber = datagram.uint8(at: message.body)
        else { return nil }
        let attributes = NetlinkAttributes(from: message.body + 4, to: message.end)
        if message.type == NFTablesType.newGeneration {
            guard let number = datagram.attribute(1, of: attributes), let id = datagram.uint32(at: number.offset)
            else { return nil }
            self = .generation(id)
            return
        }
        guard let family = NFTablesFamily(rawValue: familyNumber), let name = datagram.text(1, of: attributes)
        else { return nil }
        let table = NFTablesTable(family, name)
        switch message.type {
        case NFTablesType.newChain: self = .chain(table, name: datagram.text(3, of: attributes) ?? "")
        case NFTablesType.newRule:
            let comment = datagram.attribute(7, of: attributes)
            self = .rule(
                table, chain: datagram.text(2, of: attributes) ?? "",
                comment: comment.map { NFTablesComment.decode($0, in: datagram) } ?? "")
        case NFTablesType.newSet: self = .set(table, name: datagram.text(2, of: attributes) ?? "")
        case NFTablesType.newElement:
            self = .elements(
                table, set: datagram.text(2, of: attributes) ?? "", datagram.elements(of: attributes))
        default: self = .other(table)
        }
    }
}

extension RawSpan {
    /// The first attribute of a type.
    func attribute(_ type: UInt16, of attributes: NetlinkAttributes) -> NetlinkAttribute? {
        var attributes = attributes
        while let attribute = attributes.next(in: self) {
            if attribute.type == type { return attribute }
        }
        return nil
    }

    func text(_ type: UInt16, of attributes: NetlinkAttributes) -> String? {
        attribute(type, of: attributes).flatMap { text($0) }
    }

    /// The attributes in a nested one.
    func nested(_ attribute: NetlinkAttribute) -> NetlinkAttributes {
        NetlinkAttributes(from: attribute.offset, to: attribute.offset &+ attribute.count)
    }

    func value(_ attribute: NetlinkAttribute) -> [UInt8] {
        guard attribute.offset >= 0, attribute.count >= 0, attribute.offset <= byteCount - attribute.count else {
            return []
        }
        return extracting(attribute.offset..<attribute.offset + attribute.count).withUnsafeBytes { Array($0) }
    }

    fileprivate func elements(of attributes: NetlinkAttributes) -> [NFTablesListedElement] {
        guard let list = attribute(3, of: attributes) else { return [] }
        var listed: [NFTablesListedElement] = []
        var entries = nested(list)
        while let entry = entries.next(in: self) {
            if entry.type == 1, let element = element(nested(entry)) { listed.append(element) }
        }
        return listed
    }

    /// One pass: there may be hundreds of thousands.
    private func element(_ attributes: NetlinkAttributes) -> NFTablesListedElement? {
        var attributes = attributes
        var key: [UInt8]?
        var listed = NFTablesListedElement(element: NFTablesElement(key: []))
        while let attribute = attributes.next(in: self) {
            switch attribute.type {
            case 1: key = self.attribute(1, of: nested(attribute)).map { value($0) }
            case 2: listed.element.value = elementValue(nested(attribute))
            case 6: listed.element.comment = NFTablesComment.decode(attribute, in: self)
            case 7: readCounter(nested(attribute), into: &listed)
            default: break
            }
        }
        guard let key else { return nil }
        listed.element.key = key
        return listed
    }

    private func elementValue(_ data: NetlinkAttributes) -> NFTablesElement.Value {
        if let bytes = attribute(1, of: data) { return .data(value(bytes)) }
        guard let verdict = attribute(2, of: data), let code = attribute(1, of: nested(verdict)),
            let number = uint32(at: code.offset)
        else { return .none }
        let chain = text(2, of: nested(verdict)) ?? ""
        switch Int32(bitPattern: number) {
        case 0: return .verdict(.drop)
        case 1: return .verdict(.accept)
        case -3: return .verdict(.jump(chain))
        case -4: return .verdict(.goto(chain))
        case -5: return .verdict(.return)
        default: return .none
        }
    }

    /// NFTA_SET_ELEM_EXPR with `struct` counter: bytes are 1, packets 2.
    private func readCounter(_ expression: NetlinkAttributes, into listed: inout NFTablesListedElement) {
        guard text(1, of: expression) == "counter", let data = attribute(2, of: expression) else { return }
        if let bytes = attribute(1, of: nested(data)) { listed.bytes = uint64(at: bytes.offset) ?? 0 }
        if let packets = attribute(2, of: nested(data)) { listed.packets = uint64(at: packets.offset) ?? 0 }
    }
}
