import ArgumentParser
import Glibc
import LinuxWorld
import Primitives
import Supervision

/// Where the daemon to speak with is.
struct DaemonLocation: ParsableArguments {
    @Option(help: "The daemon's state directory.") var stateDir = "/run/aloft"
    @Flag(help: "Print the daemon's answer as JSON.") var json = false

    /// Sends one request and returns the result; prints it when JSON is wanted. Nothing else is to be printed then, but
    /// the exit code is the same.
    func ask(_ request: ControlRequest) throws -> JSONValue {
        let answer = try ControlClient.ask(request, socket: stateDir + "/control.sock")
        guard answer.value["ok"]?.bool == true, let result = answer.value["result"] else {
            throw Answer.no("aloft: \(answer.value["error"]?.string ?? "the daemon gave no answer")")
        }
        if json {
            // Without the envelope: whoever reads it has the exit code.
            let envelope = #"{"ok":true,"result":"#
            Console.say(
                answer.text.hasPrefix(envelope) ? String(answer.text.dropFirst(envelope.count).dropLast()) : answer.text
            )
        }
        return result
    }
}

/// One question and one answer on the control socket.
enum ControlClient {
    static let limitMilliseconds: Int32 = 5000

    static func ask(_ request: ControlRequest, socket path: String) throws -> (value: JSONValue, text: String) {
        let connection: UnixConnection
        do { connection = try UnixConnection(connectingTo: path) } catch {
            throw Answer.unreachable("aloft: \(error); is the daemon running, with this state directory?")
        }
        let payload = request.payload
        var frame: [UInt8] = []
        frame.append(bigEndian: UInt32(payload.count))
        frame += payload
        _ = try connection.send(frame.span.bytes)

        var buffer = MessageBuffer(limit: ControlRequest.answerLimit)
        while true {
            if let answer = buffer.next() {
                guard let value = JSONValue(answer) else { throw Answer.unreachable("aloft: the answer is not JSON") }
                return (value, String(decoding: answer, as: UTF8.self))
            }
            var waiting = pollfd(fd: connection.descriptor.rawValue, events: Int16(POLLIN), revents: 0)
            guard poll(&waiting, 1, limitMilliseconds) == 1 else {
                throw Answer.unreachable("aloft: the daemon at \(path) does not answer")
            }
            var bytes: [UInt8] = []
            if case .closed = try connection.receive(into: &bytes, limit: 1 << 16) {
                throw Answer.unreachable("aloft: the daemon closed the connection")
            }
            buffer.append(bytes)
        }
    }
}
