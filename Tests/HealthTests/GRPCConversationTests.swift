import Configuration
import Primitives
import Testing

@testable import Health

/// What grpcio 1.85.3 with grpcio-health-checking answered over a socket, byte for byte.
enum GRPCRecording {
    static let serving = bytes(
        "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004"
            + "0100000000000004080000000000000000050000080600000000005adf497eb7c0a3de00004e01040000000188400c636f6e"
            + "74656e742d74797065106170706c69636174696f6e2f677270634014677270632d6163636570742d656e636f64696e671769"
            + "64656e746974792c206465666c6174652c20677a69700000070000000000010000000002080100001e010500000001400b67"
            + "7270632d7374617475730130000c677270632d6d65737361676500")
    static let notServing = bytes(
        "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004"
            + "01000000000000040800000000000000000b00000806000000000010dd25b613bce8f000004e01040000000188400c636f6e"
            + "74656e742d74797065106170706c69636174696f6e2f677270634014677270632d6163636570742d656e636f64696e671769"
            + "64656e746974792c206465666c6174652c20677a69700000070000000000010000000002080200001e010500000001400b67"
            + "7270632d7374617475730130000c677270632d6d65737361676500")
    static let unknownService = bytes(
        "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004"
            + "01000000000000040800000000000000000e0000080600000000006939a1aff76a096700004e01040000000188400c636f6e"
            + "74656e742d74797065106170706c69636174696f6e2f677270634014677270632d6163636570742d656e636f64696e671769"
            + "64656e746974792c206465666c6174652c20677a6970000005000000000001000000000000001e010500000001400b677270"
            + "632d7374617475730135000c677270632d6d65737361676500")
    static let unimplemented = bytes(
        "000018040000000000000400400000000500400000000600004000fe0300000001000004080000000000003f000100000004"
            + "0100000000000004080000000000000000050000080600000000001c1160139c5f546900005001050000000188400c636f6e"
            + "74656e742d74797065106170706c69636174696f6e2f67727063400b677270632d737461747573023132000c677270632d6d"
            + "657373616765114d6574686f64206e6f7420666f756e6421")

    private static func bytes(_ digits: String) -> [UInt8] {
        let digits = Array(digits)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...($0 + 1)]), radix: 16) ?? 0 }
    }
}

@Suite struct GRPCConversationTests {
    static func conversation(_ service: String = "") -> GRPCConversation {
        var probe = GRPCProbe(HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 50051))
        probe.service = service
        return GRPCConversation(probe)
    }

    @Test("What a real server answers") func recorded() {
        let serving = heard(Self.conversation(), GRPCRecording.serving)
        #expect(serving.verdict == .success)
        #expect(serving.sent.starts(with: HTTP2Frame.preface))
        // Its settings and its ping are acknowledged, in that order.
        let settings = HTTP2Frame(.settings, flags: HTTP2Frame.acknowledges, []).encoded
        let ping = Array(GRPCRecording.serving[77..<85])
        #expect(
            serving.sent.dropLast(17).suffix(9 + 17) == settings
                + HTTP2Frame(.ping, flags: HTTP2Frame.acknowledges, ping).encoded)
        #expect(
            heard(Self.conversation("down"), GRPCRecording.notServing).failure
                == "the service is NOT_SERVING, wanted SERVING")
        #expect(
            heard(Self.conversation("nothing"), GRPCRecording.unknownService).failure
                == "the server does not know the service `nothing`: ``")
        #expect(
            heard(Self.conversation(), GRPCRecording.unimplemented).failure
                == "the server has no grpc.health.v1.Health: `Method not found!`")
    }

    static func headers(_ fields: [(String, String)], flags: UInt8 = 4) -> [UInt8] {
        HTTP2Frame(.headers, flags: flags, stream: 1, fields.flatMap { HPACKReader.literal($0.0, Array($0.1.utf8)) })
            .encoded
    }
    static let opened = HTTP2Frame(.settings, []).encoded + headers([(":status", "200")])
    static let trailers = headers([("grpc-status", "0")], flags: 5)
    static func data(_ bytes: [UInt8], flags: UInt8 = 0) -> [UInt8] {
        HTTP2Frame(.data, flags: flags, stream: 1, bytes).encoded
    }

    @Test("The status of the message, among fields that are not known") func message() {
        func status(_ message: [UInt8]) -> Outcome {
            heard(
                Self.conversation(),
                Self.opened + Self.data([0, 0, 0, 0, UInt8(message.count)] + message) + Self.trailers)
        }
        #expect(status([8, 1]).verdict == .success)
        #expect(status([0x12, 2, 9, 9, 8, 1, 0x1D, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8]).verdict == .success)
        #expect(status([]).failure == "the service is UNKNOWN, wanted SERVING")
        #expect(
            status([8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]).failure?.hasPrefix("the service is ")
                == true)
        for broken in [[8], [8, 0x80], [0x12, 5, 1], [0x0B], [0x1D, 1]] as [[UInt8]] {
            #expect(status(broken).failure == "the answer's message is broken")
        }
    }

    @Test("Padding, priority and continuations are read") func frames() {
        let block = HPACKReader.literal(":status", Array("200".utf8))
        let first = HTTP2Frame(.headers, flags: 0x28, stream: 1, [2, 0, 0, 0, 0, 9] + block[..<4] + [0, 0]).encoded
        let second = HTTP2Frame(.continuation, flags: 4, stream: 1, Array(block[4...])).encoded
        let body = HTTP2Frame(.data, flags: 8, stream: 1, [1, 0, 0, 0, 0, 2, 8, 1, 0]).encoded
        #expect(heard(Self.conversation(), first + second + body + Self.trailers).verdict == .success)
    }

    @Test(
        "What is broken, or ends early, fails",
        arguments: [
            (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "no HTTP/2: the answer begins with `HTTP/1.1`"),
            ([0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0], "no HTTP/2, or a frame of 16777215 bytes"),
            (HTTP2Frame(.settings, [1]).encoded, "the server's HTTP/2 is broken: broken settings"),
            (
                HTTP2Frame(.goAway, [0, 0, 0, 0, 0, 0, 0, 11, 0x68, 0x69]).encoded,
                "the server ended the connection: HTTP/2 error 11 `hi`"
            ),
            (HTTP2Frame(.reset, stream: 1, [0, 0, 0, 7]).encoded, "the server broke off the answer: HTTP/2 error 7"),
            (headers([(":status", "503")]), "HTTP status 503, wanted 200"),
            (headers([("a", "b")]), "the server's HTTP/2 is broken: no status"),
            (
                HTTP2Frame(.headers, flags: 4, stream: 1, [0xFF]).encoded,
                "the server's HTTP/2 is broken: headers that cannot be decoded"
            ),
            (
                HTTP2Frame(.headers, stream: 1, [0x88]).encoded
                    + HTTP2Frame(.ping, [UInt8](repeating: 0, count: 8)).encoded,
                "the server's HTTP/2 is broken: a frame within headers"
            ),
            (
                HTTP2Frame(.continuation, flags: 4, stream: 1, []).encoded,
                "the server's HTTP/2 is broken: a continuation of nothing"
            ),
            (opened + data([], flags: 1), "the answer has no grpc-status"),
            (opened + trailers, "the answer's message is broken"),
            (
                opened + data([UInt8](repeating: 0, count: 5000)),
                "the server's HTTP/2 is broken: a message of more than 4096 bytes"
            ),
            (
                opened + headers([("grpc-status", "14"), ("grpc-message", "no\u{1B}")], flags: 5),
                "gRPC status 14: `no.`"
            ),
            ([0, 0, 0], "the server closed the connection before the answer"),
        ] as [([UInt8], String)]) func failure(_ stream: [UInt8], _ reason: String)
    {
        #expect(heard(Self.conversation(), stream, ends: true).failure == reason)
    }

    @Test("Continuations and pings without an end fail within their bounds") func bounds() {
        let open = HTTP2Frame(.headers, stream: 1, []).encoded
        let more = HTTP2Frame(.continuation, stream: 1, [UInt8](repeating: 0, count: 16000)).encoded
        #expect(
            play(Self.conversation(), [open] + [[UInt8]](repeating: more, count: 100)).failure
                == "the server's HTTP/2 is broken: endless headers")
        let ping = HTTP2Frame(.ping, [UInt8](repeating: 0, count: 8)).encoded
        #expect(
            play(Self.conversation(), [[UInt8]](repeating: ping, count: 1 << 17)).failure?.hasPrefix(
                "the server sent too much")
                == true)
    }
}

@Suite struct HPACKTests {
    private func bytes(_ digits: String) -> [UInt8] {
        let digits = digits.filter { $0 != " " }.map { String($0) }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] + digits[$0 + 1], radix: 16) ?? 0 }
    }

    private func decoded(_ decoder: inout HPACKDecoder, _ digits: String) -> [String]? {
        decoder.decode(bytes(digits)[...])?.map {
            String(decoding: $0.name, as: UTF8.self) + ": " + String(decoding: $0.value, as: UTF8.self)
        }
    }

    @Test("Requests with Huffman's code and the dynamic table (RFC 7541, C.4)") func requests() {
        var decoder = HPACKDecoder()
        let first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]
        #expect(decoded(&decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff") == first)
        #expect(decoded(&decoder, "8286 84be 5886 a8eb 1064 9cbf") == first + ["cache-control: no-cache"])
        #expect(
            decoded(&decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")
                == [
                    ":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com",
                    "custom-key: custom-value",
                ])
    }

    @Test("Literal fields (RFC 7541, C.2)") func literals() {
        var decoder = HPACKDecoder()
        #expect(
            decoded(&decoder, "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572") == [
                "custom-key: custom-header"
            ])
        #expect(decoded(&decoder, "040c 2f73 616d 706c 652f 7061 7468") == [":path: /sample/path"])
        #expect(decoded(&decoder, "1008 7061 7373 776f 7264 0673 6563 7265 74") == ["password: secret"])
        #expect(decoded(&decoder, "be") == ["custom-key: custom-header"])
    }

    @Test("Every byte of Huffman's code that Python's hpack encodes, decodes")
    func huffman() {
        let encoded =
            "ffc7fffd8fffffe2fffffe3fffffe4fffffe5fffffe6fffffe7fffffe8ffffeafffffff3fffffa7fffffabffff"
            + "ffdfffffebfffffecfffffedfffffeefffffefffffff0ffffff1ffffff2fffffffbfffffcffffffd3fffffd7ff"
            + "fffdbfffffdffffffe3fffffe7fffffebfffffed4fe3f9ffaffcabf1febfafefe7fdfd2cbb00089969b71d79fb"
            + "9f7fff20ffbff3ff50ddbd7f061c58f265cd9f469d5af66dddbf871e5f9cff7ff7fffc3ff9ffe45fff4719242c"
            + "b34e6e9d68a6a3d7dac426defe3cfaf7fffbfe7ffbffdffffffcfffe6ffff4bfff9ffffa3fffd3ffff53fffd5f"
            + "fffb3fffeb7fffdaffffb7ffff73fffeeffffdeffffebffffbfffffd9ffffdbfffebffffe0ffffeeffffc3ffff"
            + "8bffff1ffffe4fffee7fffb1ffff97fffd9ffffcdffff9fffffbffffdafffeeffff4ffffb7fffee7fffe8ffffd"
            + "3fffdeffffd5fffeeffffbdffffe1fffdfffff7fffff5ffffecffff07fff87fffe0ffff17fffedffff87ffff77"
            + "fffeffffeaffff8bfffe3ffff93ffff87fffcbffff37ffff1fffff83ffffe1fffebfffe3ffff3fffff2ffffa3f"
            + "fffd9fffff17ffffc7fffff27ffffdefffffbffffff2fffff8fffffb7fff97fff8fffffe6fffffc1fffff87fff"
            + "fe7fffffc5ffffe5fffe4ffff2fffffd1fffff4ffffffefffffe3fffffc9fffff97fffb3ffffcffffb7fffcdff"
            + "ff4ffff9ffffd1ffffcffffeaffffafffffddffffeffffff4fffff5fffffabffffa7ffffd7fffff9bffffecfff"
            + "ffb7fffff3fffffe8fffffd3fffffabfffff5fffffff7ffffecfffffdbfffffbbfffff7ffffff0fffffbbf"
        #expect(HPACKHuffman.decode(bytes(encoded)[...]) == (0...255).map { UInt8($0) })
        #expect(HPACKHuffman.decode([0xFF, 0xFF]) == nil, "padding of more than seven bits")
        #expect(HPACKHuffman.decode([0x00]) == nil, "padding that is no beginning of the end of a string")
        #expect(HPACKHuffman.decode([0xFF, 0xFF, 0xFF, 0xFF]) == nil, "the end of a string")
    }

    @Test(
        "Indices, integers and strings that lie are broken",
        arguments: ["80", "c0", "ff ffff ff7f", "40", "00 05 61", "00 ff ffff ffff", "3f e2 1f", "82 20"])
    func broken(_ block: String) {
        var decoder = HPACKDecoder()
        #expect(decoder.decode(bytes(block)[...]) == nil)
    }

    @Test("The dynamic table keeps 4096 bytes, or less where that is asked for") func bounded() {
        var decoder = HPACKDecoder()
        let field = [0x40, 1, 0x61, 100] + [UInt8](repeating: 0x62, count: 100)
        for _ in 0..<100 { #expect(decoder.decode(field[...]) != nil) }
        // 62 is the newest of 4096 / 133 = 30.
        #expect(decoder.decode([0x80 | (61 + 30)]) != nil)
        #expect(decoder.decode([0x80 | (61 + 31)]) == nil)
        #expect(decoder.decode([0x20]) != nil)
        #expect(decoder.decode([0x80 | 62]) == nil)
    }
}
