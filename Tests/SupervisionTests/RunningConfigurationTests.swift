import Primitives
import Supervision
import Testing

@Suite struct RunningConfigurationTests {
    @Test func aConfigurationArrivesAsItWasSentWhateverItsBytes() throws {
        let sent = RunningConfiguration(
            main: "/etc/a \"b\".conf", id: "left", isKeepalived: true,
            files: [
                .init(path: "/etc/a \"b\".conf", bytes: Array("include x\n\t\"é\"\0\r\n".utf8)),
                .init(path: "/etc/x", bytes: [0x23, 0xE4, 0x00, 0xFF, 0x0A]), .init(path: "/etc/empty", bytes: []),
            ])
        let json = try #require(JSONValue(sent.json))
        #expect(RunningConfiguration(json) == sent)
        #expect(json["compat"]?.string == "keepalived")
        #expect(json["files"]?.array?.map { $0["hex"]?.string } == [nil, "23e400ff0a", nil])
    }

    @Test(arguments: [
        "{}", #"{"main":"a","compat":"strict"}"#, #"{"main":"a","compat":"strict","files":[{"path":"a"}]}"#,
        #"{"main":"a","compat":"strict","files":[{"path":"a","hex":"0"}]}"#,
        #"{"main":"a","compat":"strict","files":[{"path":"a","hex":"0g"}]}"#,
        #"{"main":"a","compat":"strict","files":[{"text":"a"}]}"#,
    ])
    func whatIsNoneIsRefused(_ text: String) throws {
        #expect(RunningConfiguration(try #require(JSONValue(text.utf8))) == nil)
    }

    @Test func theShellIsAskedForIt() throws {
        let request = try ControlRequest(payload: #"{"command":"configuration"}"#.utf8)
        #expect(request == .configuration)
        #expect(try ControlRequest(payload: request.payload) == request)
        let options = SupervisorOptions(program: "aloftd", arguments: [])
        var supervisor = Supervisor(options: options, pid: 1, at: .zero)
        var effects: [SupervisorEffect] = []
        supervisor.receive(request, client: 7, at: .zero, into: &effects)
        #expect(effects == [.answerConfiguration(client: 7)])
    }
}
