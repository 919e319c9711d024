import Primitives

extension ConfigurationDump {
    /// An object with a member for each kind of block, in the configuration's words: what is not set has no member, passwords
    /// are `•••`, times are seconds.
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.memberObject("global_defs") { Self.write(model.global.wordings, to: &$0) }
            Self.write("vrrp_script", model.scripts.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("vrrp_sync_group", model.syncGroups.map { ($0.name, $0.wordings) }, to: &json)
            Self.write("vrrp_instance", model.instances.map { ($0.name, $0.wordings) }, to: &json)
        }
    }

    private static func write(_ block: String, _ parts: [(String, [Wording])], to json: inout JSONWriter) {
        json.memberArray(block) { json in
            for (name, words) in parts {
                json.object { json in
                    json.member("name", name)
                    write(words, to: &json)
                }
            }
        }
    }

    private static func write(_ words: [Wording], to json: inout JSONWriter) {
        for word in words {
            switch word.kind {
            case .list: json.memberArray(word.keyword) { json in for value in word.values { json.value(value) } }
            case .boolean: json.member(word.keyword, word.values.first == "on")
            case .number: if let value = word.values.first { json.member(word.keyword, raw: value.utf8) }
            case .text: if let value = word.values.first { json.member(word.keyword, value) }
            }
        }
    }
}
