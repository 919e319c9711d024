import Testing

/// Dependencies only go down.
@Suite struct Layering {
    let repository = Repository.shared

    @Test("every room stands in the list, below what it imports")
    func order() {
        var seen: Set<String> = []
        for room in House.rooms {
            let rooms = room.imports.filter { House.room($0) != nil }
            #expect(
                rooms.isSubset(of: seen), "\(room.name) may import \(rooms.subtracting(seen)), which stands above it")
            #expect(
                room.kind != .pure || rooms.allSatisfy { House.room($0)?.kind == .pure },
                "\(room.name) is pure and may import something that is not")
            seen.insert(room.name)
        }
        let built = Set(repository.files.compactMap(\.room))
        #expect(built == seen, "rooms in Sources/ and in House.rooms differ: \(built.symmetricDifference(seen))")
    }

    @Test("a file imports only what its room may")
    func imports() {
        for file in repository.sources {
            guard let room = file.room.flatMap(House.room) else { continue }
            let foreign = Set(SwiftText.imports(file.code)).subtracting(room.imports)
            #expect(foreign.isEmpty, "\(file.path) imports \(foreign.sorted())")
        }
    }

    @Test("Foundation stays in tests")
    func foundation() {
        for file in repository.sources {
            let found = SwiftText.imports(file.code).filter { $0.hasPrefix("Foundation") }
            #expect(found.isEmpty, "\(file.path) imports \(found)")
        }
    }
}
