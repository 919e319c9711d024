/// The answer to a query in text: names of columns, then rows, as packets come. Of the rows only the first is kept.
struct MySQLResult: Sendable {
    private enum State: Sendable { case count, columns(Int), columnsEnd, rows }

    private var state = State.count
    private var names: [[UInt8]] = []
    private(set) var row: [[UInt8]?]?

    enum Progress: Hashable {
        case more
        case done
        /// The server's error.
        case refused(String)
        case broken
    }

    mutating func read(_ packet: ArraySlice<UInt8>) -> Progress {
        let first = packet.first
        if first == 0xFF { return .refused(MySQLMessages.text(ofError: packet.dropFirst())) }
        let isEnd = first == 0xFE && packet.count < 9
        switch state {
        case .count:
            // A query that has rows has up to 4096 columns; one without rows is answered OK (0).
            guard let first, (1...250).contains(first), packet.count == 1 else { return first == 0 ? .done : .broken }
            state = .columns(Int(first))
        case .columns(let left):
            guard let name = Self.columnName(packet) else { return .broken }
            names.append(name)
            state = left == 1 ? .columnsEnd : .columns(left - 1)
        case .columnsEnd:
            guard isEnd else { return .broken }
            state = .rows
        case .rows:
            if isEnd { return .done }
            guard row == nil else { return .more }
            guard let values = values(packet) else { return .broken }
            row = values
        }
        return .more
    }

    /// The value of the first row in the first column that has one of these names; `.some(nil)` is NULL.
    func value(_ wanted: [String]) -> [UInt8]?? {
        guard let row else { return nil }
        for (name, value) in zip(names, row) {
            if wanted.contains(where: { $0.utf8.elementsEqual(name) }) { return .some(value) }
        }
        return nil
    }

    private func values(_ packet: ArraySlice<UInt8>) -> [[UInt8]?]? {
        var reader = MySQLReader(packet)
        var values: [[UInt8]?] = []
        for _ in names {
            switch reader.text() {
            case nil: return nil
            case .null: values.append(nil)
            case .value(let bytes): values.append(Array(bytes))
            }
        }
        return values
    }

    /// The fifth of catalogue, schema, table, original table, name.
    private static func columnName(_ packet: ArraySlice<UInt8>) -> [UInt8]? {
        var reader = MySQLReader(packet)
        for _ in 0..<4 { guard reader.text() != nil else { return nil } }
        guard case .value(let name) = reader.text() else { return nil }
        return Array(name)
    }
}
