import Arbitration
import CCorosync
import LinuxWorld
import Primitives

/// One connection to Corosync, or the attempt at one: made and ended on threads of its own, because both wait for a corosync
/// that may be stopped. Nothing else of it waits.
struct CorosyncConnection: ~Copyable {
    private let pointer: OpaquePointer

    enum State: Hashable {
        case connecting
        case connected
        case failed(CorosyncError, during: String)
    }

    enum Service: Int32, CaseIterable {
        case group = 0
        case quorum = 1
    }

    enum Report {
        case message([UInt8], from: RegisterMember)
        case members([RegisterMember])
        case ring(RingID)
        case quorum(Bool, RingID)
    }

    /// - Parameters:
    ///   - group: joined, when there is one; without, only the facts are read.
    ///   - wake: an eventfd(2), readable at the end.
    init(joining group: String?, waking wake: Int32) throws(SystemError) {
        guard let pointer = group.map({ aloft_corosync_begin($0, wake) }) ?? aloft_corosync_begin(nil, wake) else {
            throw SystemError(.process, .noMemory, "start a thread that connects to", "corosync")
        }
        self.pointer = pointer
    }

    deinit { aloft_corosync_end(pointer) }

    var state: State {
        var error: Int32 = 0
        var stage: UnsafePointer<CChar>?
        switch aloft_corosync_state(pointer, &error, &stage) {
        case 0: return .connecting
        case 1: return .connected
        default: return .failed(CorosyncError(code: error), during: stage.map { String(cString: $0) } ?? "")
        }
    }

    /// Only when connected.
    var facts: CorosyncFacts { CorosyncFacts(aloft_corosync_facts(pointer).pointee) }

    /// A descriptor of its own for the same socket.
    func descriptor(of service: Service) throws(SystemError) -> FileDescriptor {
        let number = FileDescriptor(owning: aloft_corosync_descriptor(pointer, service.rawValue))
        do throws(SystemError) {
            let own = try number.duplicate()
            _ = number.release()
            return own
        } catch {
            _ = number.release()
            throw error
        }
    }

    /// At most `most` reports, in order.
    func dispatch(_ service: Service, most: UInt32, into reports: inout [Report]) throws(CorosyncError) {
        let error = withUnsafeMutablePointer(to: &reports) { reports in
            aloft_corosync_dispatch(pointer, service.rawValue, most, Self.collect, reports)
        }
        guard error == 0 else { throw CorosyncError(code: error) }
    }

    func send(_ bytes: [UInt8]) throws(CorosyncError) {
        let error = bytes.withUnsafeBufferPointer {
            aloft_corosync_send(pointer, $0.baseAddress, UInt64($0.count))
        }
        guard error == 0 else { throw CorosyncError(code: error) }
    }

    private static let collect: aloft_corosync_handler = { context, event in
        guard let context, let event = event?.pointee else { return }
        let reports = context.assumingMemoryBound(to: [Report].self)
        let ring = RingID(sequence: event.ring_sequence, node: event.ring_node)
        switch event.kind {
        case 1:
            // What is longer is nothing of ours: enough of it to say so.
            let length = Int(min(event.length, 65_536))
            let bytes = Array(UnsafeBufferPointer(start: event.bytes, count: event.bytes == nil ? 0 : length))
            reports.pointee.append(.message(bytes, from: RegisterMember(node: event.node, process: event.process)))
        case 2:
            let numbers = UnsafeBufferPointer(start: event.members, count: 2 * Int(event.count))
            reports.pointee.append(
                .members(
                    (0..<Int(event.count)).map {
                        RegisterMember(node: numbers[2 * $0], process: numbers[2 * $0 + 1])
                    }))
        case 3: reports.pointee.append(.ring(ring))
        case 4: reports.pointee.append(.quorum(event.is_quorate != 0, ring))
        default: break
        }
    }
}
