import Primitives

/// SARIF 2.1.0 (OASIS): what code hosts and editors show beside the lines.
extension Report {
    /// - Parameters:
    ///   - version: of this program.
    ///   - page: where a rule is explained.
    public func sarif(version: String, page: (RuleID) -> String) -> String {
        let renderers = sources.map(DiagnosticRenderer.init)
        var rules: [RuleID] = []
        var numbers: [RuleID: Int] = [:]
        for finding in findings where numbers[finding.diagnostic.rule] == nil {
            numbers[finding.diagnostic.rule] = rules.count
            rules.append(finding.diagnostic.rule)
        }
        var json = JSONWriter()
        json.object { json in
            json.member("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
            json.member("version", "2.1.0")
            json.memberArray("runs") { json in
                json.object { json in
                    json.memberObject("tool") { json in
                        json.memberObject("driver") { json in
                            json.member("name", "aloft")
                            json.member("version", version)
                            json.memberArray("rules") { json in
                                for rule in rules {
                                    json.object { json in
                                        json.member("id", rule.description)
                                        json.member("helpUri", page(rule))
                                    }
                                }
                            }
                        }
                    }
                    json.member("columnKind", "unicodeCodePoints")
                    json.memberArray("results") { json in
                        for finding in findings {
                            json.object { json in
                                json.member("ruleId", finding.diagnostic.rule.description)
                                json.member("ruleIndex", numbers[finding.diagnostic.rule] ?? 0)
                                write(finding, renderers, to: &json)
                            }
                        }
                    }
                }
            }
        }
        return json.text
    }

    private func write(_ finding: Finding, _ renderers: [DiagnosticRenderer], to json: inout JSONWriter) {
        let diagnostic = finding.diagnostic
        let own = renderers[finding.source]
        json.member("level", diagnostic.severity.description)
        json.memberObject("message") { json in
            let parts = [diagnostic.message, diagnostic.reason, diagnostic.fix].filter { !$0.isEmpty }
            json.member("text", parts.joined(separator: "; "))
        }
        json.memberArray("locations") { json in own.writeLocation(diagnostic.range, nil, to: &json) }
        if !diagnostic.related.isEmpty || !finding.elsewhere.isEmpty {
            json.memberArray("relatedLocations") { json in
                for related in diagnostic.related { own.writeLocation(related.range, related.message, to: &json) }
                for place in finding.elsewhere {
                    renderers[place.source].writeLocation(place.range, place.message, to: &json)
                }
            }
        }
        guard let fixIt = diagnostic.fixIt else { return }
        json.memberArray("fixes") { json in
            json.object { json in
                json.memberObject("description") { $0.member("text", diagnostic.fix) }
                json.memberArray("artifactChanges") { json in
                    json.object { json in
                        json.memberObject("artifactLocation") { $0.member("uri", own.uri(fixIt.range)) }
                        json.memberArray("replacements") { json in
                            json.object { json in
                                json.memberObject("deletedRegion") { own.writeRegion(fixIt.range, to: &$0) }
                                json.memberObject("insertedContent") { $0.member("text", fixIt.replacement) }
                            }
                        }
                    }
                }
            }
        }
    }
}

extension DiagnosticRenderer {
    func writeLocation(_ range: SourceRange, _ message: String?, to json: inout JSONWriter) {
        json.object { json in
            json.memberObject("physicalLocation") { json in
                json.memberObject("artifactLocation") { $0.member("uri", uri(range)) }
                json.memberObject("region") { writeRegion(range, to: &$0) }
            }
            if let message {
                json.memberObject("message") { $0.member("text", message) }
            }
        }
    }

    func writeRegion(_ range: SourceRange, to json: inout JSONWriter) {
        let start = sources.location(of: range)
        let end = sources.endLocation(of: range)
        json.member("startLine", start.line)
        json.member("startColumn", start.column)
        json.member("endLine", end.line)
        json.member("endColumn", end.column)
    }

    /// The file as a relative or absolute URI reference: what RFC 3986 does not allow in a path is escaped.
    func uri(_ range: SourceRange) -> String {
        let path = sources.location(of: range).file
        var text = path.utf8.first == UInt8(ascii: "/") ? "file://" : ""
        for byte in path.utf8 {
            let isPlain =
                (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
                || "-._~/!$&'()*+,;=@".utf8.contains(byte)
            if isPlain {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += byte < 16 ? "%0" : "%"
                text += String(byte, radix: 16, uppercase: true)
            }
        }
        return text
    }
}
