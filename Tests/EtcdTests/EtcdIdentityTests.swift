import Arbitration
import EtcdGateway
import Primitives
import Testing

/// Whom a client believes.
@Suite struct EtcdIdentities {
    private func header(_ cluster: UInt64, _ revision: UInt64) -> EtcdHeader {
        EtcdHeader(clusterID: cluster, revision: revision)
    }

    @Test("the cluster that answers first is the one") func first() {
        var identity = EtcdIdentity(pinned: nil)
        #expect(identity.admit(header(7, 10), floor: identity.revision) == nil)
        #expect(
            identity.admit(header(8, 99), floor: identity.revision) == .anotherCluster(8, wanted: 7, isPinned: false))
        // One endpoint that is wrong does not spoil the others.
        #expect(identity.admit(header(7, 11), floor: identity.revision) == nil)
    }

    @Test("a cluster id from the configuration counts from the first answer on") func pinned() throws {
        var identity = EtcdIdentity(pinned: 7)
        let admitted = identity.admit(header(8, 99), floor: identity.revision)
        let refusal = try #require(admitted)
        #expect(refusal == .anotherCluster(8, wanted: 7, isPinned: true))
        #expect("\(refusal)".contains("0x8") && "\(refusal)".contains("`cluster_id` says 0x7"))
        #expect(identity.revision == 0)
        #expect(identity.admit(header(7, 1), floor: identity.revision) == nil)
    }

    @Test("a store that went back is not believed again, also when it has passed its old revision") func restored()
        throws
    {
        var identity = EtcdIdentity(pinned: nil)
        #expect(identity.admit(header(7, 100), floor: 0) == nil)
        // Under way when the other came: it may show less.
        #expect(identity.admit(header(7, 99), floor: 98) == nil)
        #expect(identity.revision == 100)
        #expect(identity.admit(header(7, 100), floor: 100) == nil)
        #expect(identity.isBelieved)
        #expect(identity.admit(header(7, 60), floor: 100) == .wentBack(from: 100, to: 60))
        #expect(identity.admit(header(7, 200), floor: 100) == .wentBack(from: 100, to: 60))
        #expect(!identity.isBelieved)
    }
}

/// What an operator writes.
@Suite struct EtcdEndpoints {
    @Test(
        "an endpoint is an address with a port",
        arguments: [
            ("http://192.0.2.1:2379", "http://192.0.2.1:2379"), ("https://192.0.2.1:2379/", "https://192.0.2.1:2379"),
            ("https://[2001:db8::1]:1", "https://[2001:db8::1]:1"),
            ("http://127.0.0.1:65535", "http://127.0.0.1:65535"),
        ])
    func good(_ text: String, _ same: String) throws {
        let endpoint = try EtcdEndpoint(text)
        #expect(endpoint.description == same)
        #expect(endpoint.isSecure == text.hasPrefix("https"))
    }

    @Test(
        "anything else is refused with what to write instead",
        arguments: [
            ("", "begins with http"), ("192.0.2.1:2379", "begins with http"),
            ("http://192.0.2.1", "ends with its port"),
            ("http://192.0.2.1:0", "ends with its port"), ("http://192.0.2.1:65536", "ends with its port"),
            ("http://192.0.2.1:+1", "ends with its port"), ("http://192.0.2.1:2379/v3", "ends with its port"),
            ("http://etcd.example:2379", "`etcd.example` is no address"), ("http://2001:db8::1:2379", "is no address"),
            ("http://[192.0.2.1]:2379", "is no address"), ("http://:2379", "is no address"),
        ])
    func bad(_ text: String, _ words: String) {
        let error = #expect(throws: EtcdEndpoint.Refusal.self) { try EtcdEndpoint(text) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error)), \(text)")
    }

    @Test("a cluster id is decimal, or hexadecimal with 0x") func clusterIDs() {
        #expect(EtcdSettings.clusterID("2037210783374497686") == 2_037_210_783_374_497_686)
        #expect(EtcdSettings.clusterID("0x1c45a069f3a1d796") == 0x1c45_a069_f3a1_d796)
        for text in ["", "0x", "-1", "+1", "0x+1", "1c45a069f3a1d796", "18446744073709551616"] {
            #expect(EtcdSettings.clusterID(text) == nil, "\(text)")
        }
    }

    @Test("a request says what it compares with, and where its body ends") func requests() throws {
        let record = LeaseRecord(
            holder: HolderName("left"), incarnation: Incarnation(1), request: 2, epoch: Epoch(3),
            terms: try LeaseTerms(duration: .seconds(5)), version: 4)
        let lease = try #require(LeaseName("c/a"))
        let key = Base64Text.encode(Array("/aloft/v1/c/a".utf8))
        let value = Base64Text.encode(record.encoded)
        let absent = LeaseQuestion(lease: lease, request: 1, kind: .write(record, replacing: nil))
        #expect(
            String(decoding: EtcdRequest.ask([absent], prefix: "/aloft/v1/").body, as: UTF8.self)
                == #"{"success":[{"request_txn":{"compare":[{"key":"\#(key)","result":"EQUAL","target":"CREATE","create_revision":"0"}],"success":[{"request_put":{"key":"\#(key)","value":"\#(value)"}}],"failure":[{"request_range":{"key":"\#(key)"}}]}}]}"#
        )
        let swap = LeaseQuestion(lease: lease, request: 1, kind: .write(record, replacing: record))
        #expect(
            String(decoding: EtcdRequest.ask([swap], prefix: "/aloft/v1/").body, as: UTF8.self)
                .contains(#""target":"VALUE","value":"\#(value)""#))
        let read = EtcdRequest.ask([LeaseQuestion(lease: lease, request: 1, kind: .read)], prefix: "/aloft/v1/")
        #expect(
            String(
                decoding: read.bytes(to: try EtcdEndpoint("http://[::1]:2379"), token: Array("t.1".utf8)), as: UTF8.self
            )
                == "POST /v3/kv/txn HTTP/1.1\r\nHost: [::1]:2379\r\nContent-Type: application/json\r\nContent-Length: \(read.body.count)\r\nAuthorization: t.1\r\n\r\n"
                + #"{"success":[{"request_range":{"key":"\#(key)"}}]}"#)
        let end = Base64Text.encode(Array("/aloft/v1/c0".utf8))
        #expect(
            String(decoding: EtcdRequest.watch(["/aloft/v1/c/"]).body, as: UTF8.self)
                == #"{"create_request":{"key":"\#(Base64Text.encode(Array("/aloft/v1/c/".utf8)))","range_end":"\#(end)"}}"#
        )
        #expect("\(EtcdSettings(endpoints: [], prefix: "/x", patience: .zero).prefix)" == "/x/")
    }
}
