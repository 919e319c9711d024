import Arbitration
import Etcd
import EtcdGateway
import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

extension OnTheKernel {
    @Suite("Leases at etcd", .needsRoot) struct EtcdLeases {
        @Test("one member: compare and swap, reads, news, sixty-four at once, foreign data under a key")
        func single() throws {
            let scene = try EtcdScene(members: 1)
            defer { scene.close() }
            let asker = try Asker(scene, scene.settings())
            let (one, two) = (try leaseRecord("left", version: 1), try leaseRecord("right", version: 2))
            #expect(try asker.read("c/a") == .found(nil))
            #expect(try asker.write("c/a", two, replacing: one) == .refused(standing: nil))
            #expect(try asker.write("c/a", one, replacing: nil) == .granted)
            #expect(try asker.write("c/a", two, replacing: nil) == .refused(standing: one))
            #expect(try asker.write("c/a", two, replacing: two) == .refused(standing: one))
            #expect(try asker.write("c/a", two, replacing: one) == .granted)
            #expect(try asker.read("c/a") == .found(two))
            #expect(asker.trouble == nil)

            // Each has an outcome of its own; 150 are more than one request takes.
            let many: [(String, LeaseQuestion.Kind)] = try (0..<150).map { index in
                let old: LeaseRecord? = index % 3 == 1 ? two : nil
                return (
                    "c/m\(index)", index % 3 == 2 ? .read : .write(try leaseRecord("n", version: 1), replacing: old)
                )
            }
            let answers = try asker.ask(many)
            for (index, answer) in answers.enumerated() {
                let wanted: [LeaseAnswer] = [.granted, .refused(standing: nil), .found(nil)]
                #expect(answer == wanted[index % 3])
            }

            // What others change is told.
            let other = try Asker(scene, scene.settings())
            let three = try leaseRecord("left", version: 3)
            #expect(try other.write("c/a", three, replacing: two) == .granted)
            #expect(try asker.hears("c/a", three))
            // Where nothing is asked nothing happens.
            let before = asker.turns
            try asker.run(for: .seconds(1))
            #expect(asker.turns - before <= 5)

            _ = try scene.etcdctl(scene.members[0], ["put", "/aloft/v1/c/foreign", "hello"])
            #expect(try asker.read("c/foreign") == .unreadable)
            #expect(try asker.write("c/foreign", one, replacing: nil) == .unreadable)
            #expect(
                try scene.etcdctl(scene.members[0], ["get", "--print-value-only", "/aloft/v1/c/foreign"]) == "hello\n")
            // A value that is too long for an answer costs the others nothing for long.
            let file = scene.lab.path(for: "long")
            try Data(repeating: 0x78, count: 1_000_000).write(to: URL(filePath: file))
            _ = try scene.members[0].node.run(
                ["sh", "-c", "ETCDCTL_API=3 etcdctl --endpoints 10.79.0.1:2379 put /aloft/v1/c/long <\(file)"])
            let (long, after) = (try asker.read("c/long"), try asker.ask([("c/long", .read), ("c/a", .read)]))
            #expect(long == .unreadable)
            #expect(after == [.unreadable, .found(three)])

            // Nobody there: nothing is granted, and it says why; back again, it answers.
            scene.kill(scene.members[0])
            #expect(try asker.write("c/a", one, replacing: three) == .ambiguous)
            let why = try #require(asker.trouble)
            #expect(why.contains("http://10.79.0.1:2379"))
            try scene.start(scene.members[0])
            try asker.wait(for: "c/a") { $0 == .found(three) }
        }

        @Test("three members: one lost costs little, two lost grant nothing, and all is there again afterwards")
        func three() throws {
            let scene = try EtcdScene(members: 3)
            defer { scene.close() }
            let patience = Duration.milliseconds(400)
            let asker = try Asker(scene, scene.settings(patience: patience))
            var version: UInt64 = 1
            var standing = try leaseRecord("left", version: version)
            #expect(try asker.write("c/a", standing, replacing: nil) == .granted)
            /// As a lease machine does: write, and when that is ambiguous read back. How long it took until it was granted.
            func renew(upTo limit: Duration = .seconds(10)) throws -> Duration {
                let began = BootClock.now()
                version += 1
                let next = try leaseRecord("left", version: version)
                var answer = try asker.write("c/a", next, replacing: standing)
                while answer != .granted, BootClock.now() < began + limit {
                    let found = try asker.read("c/a")
                    if found == .found(next) { break }
                    answer = found == .found(standing) ? try asker.write("c/a", next, replacing: standing) : .ambiguous
                }
                #expect(try asker.read("c/a") == .found(next))
                standing = next
                return BootClock.now() - began
            }
            // A member that hangs: half of the patience at most until reads go elsewhere, all of it for a write.
            let leader = try scene.leader()
            let followers = scene.members.filter { $0 !== leader }
            let hung = try Asker(
                scene, try scene.settings([followers[0], followers[1], leader], patience: patience))
            try hung.run(for: .milliseconds(100))
            #expect(try hung.read("c/a") == .found(standing))
            try hung.run(for: .milliseconds(300))
            followers[0].child?.signalAll(SIGSTOP)
            let began = BootClock.now()
            #expect(try hung.read("c/a") == .found(standing))
            let cost = BootClock.now() - began
            followers[0].child?.signalAll(SIGCONT)
            #expect(cost < patience, "a read took \(cost) with a member that hangs")
            print(
                "measured: a read while its member is stopped: \(cost.formattedSeconds()) s of \(patience.formattedSeconds())"
            )

            // A follower killed, and its log without it.
            scene.kill(followers[0])
            let lost = try renew()
            #expect(lost < .seconds(2), "renewing took \(lost) after a follower was killed")
            try scene.start(followers[0])
            try scene.waitForHealth(followers[0])
            // The leader killed.
            scene.kill(leader)
            let election = try renew()
            print(
                "measured: renewed \(election.formattedSeconds()) s after the leader was killed; a follower: \(lost.formattedSeconds()) s"
            )
            #expect(election < .seconds(6), "renewing took \(election) after the leader was killed")
            // No quorum.
            scene.kill(followers[1])
            let next = try leaseRecord("left", version: version + 1)
            for _ in 0..<4 {
                #expect(try asker.write("c/a", next, replacing: standing) == .ambiguous)
                #expect(try asker.read("c/a") == .ambiguous)
            }
            #expect(asker.trouble != nil)
            try scene.start(followers[1])
            // A write without an answer may have been carried out now.
            try asker.wait(for: "c/a") { $0 == .found(next) || $0 == .found(standing) }
            try scene.start(leader)
        }

        @Test("answers of a member do not arrive, or questions do not: reads go elsewhere, what was written is found")
        func oneWay() throws {
            let scene = try EtcdScene(members: 3)
            defer { scene.close() }
            let patience = Duration.milliseconds(400)
            for (number, chain) in ["input", "output"].enumerated() {
                let asker = try Asker(scene, scene.settings(patience: patience))
                let key = "c/\(chain)"
                let (one, two) = (try leaseRecord("left", version: 1), try leaseRecord("left", version: 2))
                #expect(try asker.write(key, one, replacing: nil) == .granted)
                try asker.run(for: .milliseconds(300))
                let member = scene.members[0]
                let side = chain == "input" ? "dport" : "sport"
                try member.node.run([
                    "nft",
                    "add table ip cut\(number); add chain ip cut\(number) c { type filter hook \(chain) priority 0; }; add rule ip cut\(number) c tcp \(side) 2379 drop",
                ])
                let began = BootClock.now()
                let written = try asker.write(key, two, replacing: one)
                #expect(written == .ambiguous)
                let found = try asker.read(key)
                let cost = BootClock.now() - began
                // Its question arrived where only the answers were cut.
                #expect(found == .found(chain == "input" ? one : two))
                #expect(cost < patience * 1.5, "\(cost)")
                print(
                    "measured: \(chain) of a member cut: read back \(cost.formattedSeconds()) s after the write was sent"
                )
                try member.node.run(["nft", "delete table ip cut\(number)"])
            }
        }

        @Test("TLS both ways, a user with a role, a token that ends, a wrong password, a foreign name")
        func secured() throws {
            let scene = try EtcdScene(members: 1, tls: true)
            defer { scene.close() }
            let member = scene.members[0]
            let role = ["role add aloft", "role grant-permission aloft --prefix=true readwrite /aloft/v1/"]
            let users = [
                "user add root:secret", "user grant-role root root", "user add aloft:heron",
                "user grant-role aloft aloft",
            ]
            for line in role + users + ["auth enable"] {
                _ = try scene.etcdctl(member, line.split(separator: " ").map(String.init))
            }
            var settings = try scene.settings(patience: .milliseconds(800))
            settings.user = "aloft"
            settings.password = Secret(Array("heron".utf8))
            let asker = try Asker(scene, settings)
            let (one, two) = (try leaseRecord("left", version: 1), try leaseRecord("left", version: 2))
            try asker.wait(for: "c/a") { $0 == .found(nil) }
            #expect(try asker.write("c/a", one, replacing: nil) == .granted)
            // Restarted, etcd knows none of its tokens: it is asked once more, by itself.
            scene.kill(member)
            try scene.start(member)
            try asker.wait(for: "c/a") { $0 == .found(one) }
            #expect(try asker.write("c/a", two, replacing: one) == .granted)
            // The watch needs the token as well.
            let three = try leaseRecord("right", version: 3)
            try asker.run(for: .milliseconds(500))
            #expect(try Asker(scene, settings).write("c/a", three, replacing: two) == .granted)
            #expect(try asker.hears("c/a", three))

            func why(_ change: (inout EtcdSettings) -> Void) throws -> String {
                var wrong = settings
                change(&wrong)
                let asker = try Asker(scene, wrong)
                #expect(try asker.read("c/a") == .ambiguous)
                return try #require(asker.trouble)
            }
            #expect(try why { $0.password = Secret(Array("egret".utf8)) }.contains("authentication failed"))
            let nobody = try why { $0.user = nil }
            #expect(nobody.contains("permission denied"), "\(nobody)")
            #expect(try why { $0.tls.name = "other.example" }.contains("certificate is not for other.example"))
            #expect(
                try why { $0.tls.authority = $0.tls.certificate }.contains(
                    "certificate comes from nobody who is trusted"))
            #expect(
                try why {
                    $0.tls.certificate = nil
                    $0.tls.key = nil
                }.contains("10.79.0.1:2379"))
            #expect(try why { $0.tls.key = "/nonexistent" }.contains("cannot use"))
        }

        @Test("an etcd that was restored from a snapshot is not believed, nor another one")
        func restored() throws {
            let scene = try EtcdScene(members: 1)
            defer { scene.close() }
            let member = scene.members[0]
            let asker = try Asker(scene, scene.settings())
            let (one, two) = (try leaseRecord("left", version: 1), try leaseRecord("left", version: 2))
            #expect(try asker.write("c/a", one, replacing: nil) == .granted)
            let snapshot = scene.lab.path(for: "snapshot")
            _ = try scene.etcdctl(member, ["snapshot", "save", snapshot])
            #expect(try asker.write("c/a", two, replacing: one) == .granted)
            #expect(try asker.read("c/a") == .found(two))
            scene.kill(member)
            // The same name and addresses: the same cluster id, as etcd makes them.
            let data = member.data + ".restored"
            _ = try member.node.run([
                "env", "ETCDCTL_API=3", "etcdctl", "snapshot", "restore", snapshot, "--data-dir", data, "--name", "m1",
                "--initial-cluster", "m1=http://10.79.0.1:2380", "--initial-advertise-peer-urls",
                "http://10.79.0.1:2380",
            ])
            let before = member.data
            member.data = data
            try scene.start(member)
            try asker.wait(for: "c/a") { $0 == .unreadable }
            let why = try #require(asker.trouble)
            #expect(why.contains("restored from a snapshot"))
            // Also not when others have written as much as was lost.
            for number in 0..<5 { _ = try scene.etcdctl(member, ["put", "/x", "\(number)"]) }
            #expect(try asker.read("c/a") == .unreadable)
            #expect(try asker.write("c/a", two, replacing: one) == .unreadable)
            // Who starts anew takes it for what it is.
            #expect(try Asker(scene, scene.settings()).read("c/b") == .found(nil))

            // Another cluster at the same address.
            let second = try Asker(scene, scene.settings())
            #expect(try second.read("c/b") == .found(nil))
            scene.kill(member)
            member.data = before + ".other"
            try scene.start(member, more: ["--initial-cluster-token", "another"])
            try second.wait(for: "c/b") { $0 == .unreadable }
            let which = try #require(second.trouble)
            #expect(which.contains("before it was"))
            // And one that the configuration does not name.
            var pinned = try scene.settings()
            pinned.clusterID = 7
            let third = try Asker(scene, pinned)
            #expect(try third.read("c/b") == .unreadable)
        }
    }
}
