import Foundation
import NetworkLab
import Primitives
import Testing

/// Packets that nobody should send, on a real link. Each is counted under its rule, and changes nothing.
extension OnTheKernel {
    @Suite("Hostile wire", .needsRoot) struct HostileWire {
        static let group = IPAddress("224.0.0.18")!
        static let stranger = IPAddress("10.77.0.3")!
        static let master = IPAddress("10.77.0.1")!

        /// One forged packet, and the rule that must drop it.
        struct Forgery {
            var rule: String
            var message: [UInt8]
            var source = HostileWire.stranger
            var destination = HostileWire.group
            var timeToLive: UInt8 = 255
        }

        /// An advertisement for router 51 with a right checksum.
        static func advert(
            _ head: [UInt8], version: Int, address: [UInt8] = [10, 77, 0, 100], trailer: [UInt8] = [],
            from source: IPAddress = stranger, to destination: IPAddress = group
        ) -> [UInt8] {
            var bytes = head + [0, 0] + address + trailer
            var sum = InternetChecksum()
            if version == 3 {  // the pseudo-header of RFC 5798 §5.2.8, as keepalived has it
                sum.add(source)
                sum.add(destination)
                sum.add(112)
                sum.add(UInt16(bytes.count))
            }
            sum.add(bytes.span.bytes)
            (bytes[6], bytes[7]) = (UInt8(sum.value >> 8), UInt8(sum.value & 0xFF))
            return bytes
        }

        @Test("VRRPv3 over multicast") func v3() throws {
            let pair = try Pair { setting, _ in setting.globalLines = ["log_unknown_vrids"] }
            defer { pair.close() }
            // Version and type, router, priority 200, one address, 100 ms.
            let good: [UInt8] = [0x31, 51, 200, 1, 0, 10]
            var wrongSum = Self.advert(good, version: 3)
            wrongSum[6] ^= 0x5A
            let forgeries = [
                Forgery(rule: "vrrp.receive.truncated", message: [0x31, 51, 200, 1, 0]),
                Forgery(rule: "vrrp.receive.length", message: Self.advert([0x31, 51, 200, 9, 0, 10], version: 3)),
                Forgery(rule: "vrrp.receive.time-to-live", message: Self.advert(good, version: 3), timeToLive: 254),
                Forgery(rule: "vrrp.receive.version", message: Self.advert([0x21, 51, 200, 1, 0, 1], version: 2)),
                Forgery(rule: "vrrp.receive.interval", message: Self.advert([0x31, 51, 200, 1, 0, 0], version: 3)),
                Forgery(rule: "vrrp.receive.type", message: Self.advert([0x32, 51, 200, 1, 0, 10], version: 3)),
                Forgery(rule: "vrrp.receive.checksum", message: wrongSum),
                Forgery(
                    rule: "vrrp.receive.destination", message: Self.advert(good, version: 3, to: Self.master),
                    destination: Self.master),
            ]
            try expect(forgeries, toChangeNothingIn: pair)
            // The kernel drops what claims to come from here, unless it is told not to.
            try pair.stage.left.run([
                "sh", "-c", "for i in all eth0; do echo 1 >/proc/sys/net/ipv4/conf/$i/accept_local; done",
            ])
            let own = Forgery(
                rule: "vrrp.receive.own-address", message: Self.advert(good, version: 3, from: Self.master),
                source: Self.master)
            try expect([own], toChangeNothingIn: pair)
            // A lower priority with another address: heard, answered, and the difference is told once.
            try pair.stage.client.sendVRRP(
                from: Self.stranger, to: Self.group,
                Self.advert([0x31, 51, 50, 1, 0, 10], version: 3, address: [10, 77, 0, 222]))
            try waitForLog("engine.receive.addresses-differ", of: pair)
            try pair.stage.client.sendVRRP(
                from: Self.stranger, to: Self.group, Self.advert([0x31, 99, 50, 1, 0, 10], version: 3))
            try waitForLog("engine.receive.unknown-router", of: pair)
        }

        @Test("VRRPv2 with a password") func v2() throws {
            let pair = try Pair(.v2PASS, interval: .seconds(1))
            defer { pair.close() }
            let password = Array("rosebud\0".utf8)
            try expect(
                [
                    Forgery(
                        rule: "vrrp.receive.authentication-type",
                        message: Self.advert(
                            [0x21, 51, 200, 1, 0, 1], version: 2, trailer: [UInt8](repeating: 0, count: 8))),
                    Forgery(
                        rule: "vrrp.receive.authentication",
                        message: Self.advert([0x21, 51, 200, 1, 1, 1], version: 2, trailer: Array("password".utf8))),
                    Forgery(
                        rule: "vrrp.receive.interval",
                        message: Self.advert([0x21, 51, 200, 1, 1, 9], version: 2, trailer: password)),
                ], toChangeNothingIn: pair)
        }

        @Test("unicast from someone who is no peer, or from too far away") func unicast() throws {
            let pair = try Pair(.unicastV3) { setting, _ in
                setting.instanceLines = ["check_unicast_src"]
                setting.peerOptions = " min_ttl 255"
            }
            defer { pair.close() }
            let peer = IPAddress("10.77.0.2")!
            try expect(
                [
                    Forgery(
                        rule: "vrrp.receive.not-a-peer",
                        message: Self.advert([0x31, 51, 200, 1, 0, 10], version: 3, to: Self.master),
                        destination: Self.master),
                    Forgery(
                        rule: "vrrp.receive.peer-time-to-live",
                        message: Self.advert([0x31, 51, 200, 1, 0, 10], version: 3, from: peer, to: Self.master),
                        source: peer, destination: Self.master, timeToLive: 64),
                ], toChangeNothingIn: pair)
        }

        // MARK: - Judging

        private func expect(_ forgeries: [Forgery], toChangeNothingIn pair: Pair) throws {
            let event = LabClock.now()
            for forgery in forgeries {
                try pair.stage.client.sendVRRP(
                    from: forgery.source, to: forgery.destination, timeToLive: forgery.timeToLive, forgery.message)
            }
            for forgery in forgeries {
                let counted = try LabClock.poll(upTo: .seconds(3)) { () throws(LabError) in
                    (try? counters(of: pair.left))?["rejected." + forgery.rule] != nil ? true : nil
                }
                #expect(counted == true, "\(forgery.rule) was not counted\n\(pair.log)")
                #expect(pair.left.log.contains("[\(forgery.rule)]"), "\(forgery.rule) was not logged")
            }
            #expect(try pair.stage.holders() == ["left"])
            // A forgery in right's name has the priority 200; right's own is 100.
            #expect(!pair.adverts(from: pair.stage.right, after: event).contains { $0.priority == 100 })
        }

        private func counters(of daemon: DaemonProcess) throws -> [String: Any]? {
            let (text, _) = try aloft("status", "--json", "--state-dir", daemon.directory)
            let status = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
            let instances = (status?["worker"] as? [String: Any])?["instances"] as? [[String: Any]]
            return instances?.first?["counters"] as? [String: Any]
        }

        private func waitForLog(_ rule: String, of pair: Pair) throws {
            let seen = try LabClock.poll(upTo: .seconds(3)) { () throws(LabError) in
                pair.left.log.contains("[\(rule)]") ? true : nil
            }
            #expect(seen == true, "\(rule) was not logged\n\(pair.log)")
        }
    }
}
