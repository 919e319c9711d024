import Arbitration
import Primitives
import Supervision

/// What comes over the control socket, and between supervisor and worker. The first byte of an input is the size of the
/// portions that the stream arrives in, the rest is the stream; its frames are read as all three kinds of message.
enum ControlTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard let portion = input.first else { return 0 }
        let stream = Array(input[1...])
        let frames = frames(stream, portion: Int(portion) + 1)
        try require(
            self.frames(stream, portion: stream.count + 1) == frames, "the frames depend on how the stream is cut")
        var digest = Digest()
        // Most inputs are no stream: what they hold is read all the same.
        for payload in frames + [stream] {
            digest.add(payload)
            try check(WorkerMessage.self, payload)
            try check(SupervisorMessage.self, payload)
            try checkRequest(payload)
            try checkLeases(payload)
            if let value = JSONValue(payload) { try checkStrings(of: value) }
        }
        return digest.value
    }

    private static func frames(_ stream: [UInt8], portion: Int) -> [[UInt8]] {
        var buffer = MessageBuffer(limit: 1 << 16)
        var frames: [[UInt8]] = []
        var start = 0
        while start < stream.count {
            let end = min(start + portion, stream.count)
            buffer.append(stream[start..<end])
            while let frame = buffer.next() { frames.append(Array(frame)) }
            start = end
        }
        return frames
    }

    /// What was understood, said again, is understood in the same way.
    private static func check<Message: ProcessMessage>(_ type: Message.Type, _ payload: [UInt8]) throws(Violation) {
        guard let message = Message(payload: payload[...]) else { return }
        let again = message.payload
        try require(Message(payload: again[...]) == message, "\(message) is not what its own bytes say")
        try require(again.count <= payload.count * 3, "\(payload.count) bytes became \(again.count)")
    }

    /// Questions and reports about leases, which pass through the supervisor as bytes. A text may be cut, so bytes are compared.
    private static func checkLeases(_ payload: [UInt8]) throws(Violation) {
        if let asked = LeaseExchange.Questions(decoding: payload) {
            let again = LeaseExchange.Questions(decoding: asked.encoded)
            try require(again?.encoded == asked.encoded, "\(asked) is not what it says")
            try require(again?.questions == asked.questions, "\(asked) is not what it says")
        }
        if let said = LeaseExchange.Reports(decoding: payload) {
            let again = LeaseExchange.Reports(decoding: said.encoded)
            try require(again?.encoded == said.encoded, "\(said) is not what it says")
            try require(again?.reports == said.reports, "\(said) is not what it says")
        }
    }

    private static func checkRequest(_ payload: [UInt8]) throws(Violation) {
        guard let request = try? ControlRequest(payload: payload) else { return }
        try require((try? ControlRequest(payload: request.payload)) == request, "\(request) is not what it says")
    }

    /// A string goes through the writer and the reader unchanged.
    private static func checkStrings(of value: JSONValue) throws(Violation) {
        switch value {
        case .string(let text): try checkString(text)
        case .array(let values): for value in values { try checkStrings(of: value) }
        case .object(let members):
            for member in members {
                try checkString(member.name)
                try checkStrings(of: member.value)
            }
        case .null, .bool, .integer, .number: break
        }
    }

    private static func checkString(_ text: String) throws(Violation) {
        var writer = JSONWriter()
        writer.value(text)
        let read = JSONValue(writer.bytes)?.string
        try require(read.map { Array($0.utf8) } == Array(text.utf8), "\(text) is written as \(writer.text)")
    }
}
