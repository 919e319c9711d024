import Testing
@testable import Greeting
@Test func debug35() {
    var s = GreetingSimulation(seed: 35, bug: nil)
    let v = s.run()
    print("V", v ?? "-")
    for m in s.machines {
        print(
            m.facts.name, m.settings.incarnation, "seq", m.sequence, "peers",
            m.peers.map { "\($0.facts.name) \($0.incarnation.rawValue) \($0.sequence) \($0.heardAt)" }, "cand",
            m.candidates.map {
                "\($0.incarnation.rawValue) seq \($0.sequence) heard \($0.heardAt) since \($0.since) before \($0.saidBefore)"
            }, "ret", m.retired.map { "\($0.incarnation.rawValue)" }, "dest",
            m.destinations.map { "\($0.address) \($0.answers) due \($0.due) sent \($0.sentAt!)" })
    }
    print("deaths", s.deaths)
    for r in s.recordings.suffix(60) {
        let h = try? Hello(decoding: r.datagram.bytes, seal: s.machines[0].settings.seal)
        print(
            r.at, h!.facts.name, "->", r.datagram.to, h!.sequence,
            h!.echoes.map { "\($0.incarnation.rawValue):\($0.sequence)" })
    }
}
