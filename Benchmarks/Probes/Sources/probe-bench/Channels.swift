import NIOCore
import NIOPosix

/// The same checks through ordinary channels of SwiftNIO, on one event loop: what the prober is compared with.
final class ChannelChecks {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let port: Int
    private let isHTTP: Bool

    init(port: Int, isHTTP: Bool) {
        self.port = port
        self.isHTTP = isHTTP
    }

    /// Runs `total` checks at `rate` a second. Returns how many were answered.
    func run(total: Int, rate: Int) throws -> Int {
        let loop = group.next()
        let done = loop.makePromise(of: Int.self)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        let isHTTP = isHTTP
        try loop.submit {
            let run = Run(loop: loop, total: total, rate: rate, address: address, isHTTP: isHTTP, done: done)
            run.tick()
        }.wait()
        return try done.futureResult.wait()
    }

    private final class Run: @unchecked Sendable {
        let loop: any EventLoop
        let total: Int
        let rate: Int
        let address: SocketAddress
        let isHTTP: Bool
        let done: EventLoopPromise<Int>
        let start = NIODeadline.now()
        var begun = 0
        var ended = 0
        var good = 0

        init(loop: any EventLoop, total: Int, rate: Int, address: SocketAddress, isHTTP: Bool, done: EventLoopPromise<Int>) {
            (self.loop, self.total, self.rate, self.address, self.isHTTP, self.done) = (loop, total, rate, address, isHTTP, done)
        }

        func tick() {
            let due = Int((NIODeadline.now() - start).nanoseconds * Int64(rate) / 1_000_000_000)
            while begun < min(due, total) {
                begun += 1
                check()
            }
            if begun < total { loop.scheduleTask(in: .milliseconds(1)) { self.tick() } }
        }

        private func check() {
            let isHTTP = isHTTP
            let answer = loop.makePromise(of: Void.self)
            ClientBootstrap(group: loop).connectTimeout(.seconds(2))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if isHTTP { try channel.pipeline.syncOperations.addHandler(Request(answer)) }
                    }
                }
                .connect(to: address).whenComplete { result in
                    switch result {
                    case .failure(let error): answer.fail(error)
                    case .success(let channel):
                        if !isHTTP { answer.succeed(()) }
                        answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
                    }
                }
            answer.futureResult.whenComplete { result in
                self.ended += 1
                if case .success = result { self.good += 1 }
                if self.ended == self.total { self.done.succeed(self.good) }
            }
        }
    }

    private final class Request: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: EventLoopPromise<Void>
        init(_ answer: EventLoopPromise<Void>) { self.answer = answer }

        func channelActive(context: ChannelHandlerContext) {
            let request = "GET / HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 127.0.0.1\r\n\r\n"
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if unwrapInboundIn(data).readableBytesView.starts(with: "HTTP/1.1 200".utf8) { answer.succeed(()) }
        }
    }
}
