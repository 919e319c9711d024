import Primitives
import Testing

@testable import LinuxWorld

@Suite struct DatagramTests {
    @Test(
        "Datagrams come in batches, and answers leave from the address that was asked",
        arguments: ["127.0.0.1", "127.0.0.2"])
    func batches(_ text: String) throws {
        let address = try #require(IPAddress(text))
        let server = try DatagramSocket(listeningOn: try #require(IPAddress("0.0.0.0")), port: 38694)
        // It hears only what comes from the address that it asked.
        let client = try ClientSocket(.datagram, to: ClientSocket.Destination(address, port: 38694))
        for byte in 1...3 as ClosedRange<UInt8> { _ = try client.send([byte, byte].span.bytes) }
        var batch = DatagramSocket.Batch()
        var heard: [([UInt8], DatagramSocket.Peer)] = []
        let deadline = BootClock.now() + .seconds(5)
        while heard.count < 3, BootClock.now() < deadline {
            _ = try server.receive(&batch) { heard.append((Array($0), $1)) }
        }
        #expect(heard.map(\.0) == [[1, 1], [2, 2], [3, 3]] && heard.allSatisfy { $0.1.own == address })
        for (bytes, peer) in heard { batch.append(bytes + [9], to: peer) }
        #expect(batch.waiting == 3)
        #expect(server.send(&batch) == 0 && batch.waiting == 0)
        var poller = try Poller()
        try poller.add(client.descriptor, token: 1)
        var answers: [[UInt8]] = []
        while answers.count < 3, BootClock.now() < deadline {
            _ = try poller.wait(until: deadline)
            while let bytes = try client.receive(capacity: 100) { answers.append(bytes) }
        }
        #expect(answers == [[1, 1, 9], [2, 2, 9], [3, 3, 9]])
    }

    @Test("What ICMP says is taken off a socket once") func errors() throws {
        let client = try ClientSocket(
            .datagram, to: ClientSocket.Destination(try #require(IPAddress("127.0.0.1")), port: 38695))
        _ = try client.send([1].span.bytes)
        let deadline = BootClock.now() + .seconds(5)
        var error: Errno?
        while error == nil, BootClock.now() < deadline { error = client.takeErrors() }
        #expect(error == .connectionRefused && client.takeErrors() == nil)
    }

    @Test("Only the kernel's event of a new generation is one") func generations() {
        func isNew(_ text: String) -> Bool { MachineGeneration.isNewGeneration(Array(text.utf8)[...]) }
        #expect(isNew("change@/devices/platform/vmgenid\0ACTION=change\0NEW_VMGENID=1\0SEQNUM=7"))
        #expect(!isNew("change@/devices/platform/vmgenid\0ACTION=change\0SEQNUM=7"))
        #expect(!isNew("NEW_VMGENID=1"))
        #expect(!isNew(""))
        #expect(!isNew("change@/x\0NEW_VMGENID=10"))
    }
}
