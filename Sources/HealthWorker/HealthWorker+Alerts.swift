import Alerts
import Balancing
import LinuxWorld
import Supervision
import Workers

/// Alert mails of virtual and real servers, with keepalived's words.
extension HealthWorker {
    func mail(_ alert: BalancerAlert) {
        let date = BootClock.wallClockNanoseconds()
        guard let order = MailOrder(Alert(alert), balancer.model.global, date: date) else { return }
        send(.mail(order))
    }
}

extension Alert {
    init(_ alert: BalancerAlert) {
        switch alert.event {
        case .server(let name, let isUp, let reason):
            self = .realServer(name, of: alert.service, isUp: isUp, reason: reason)
        case .checker(let name, let keyword, let isUp, let reason):
            self = .realServer(
                name, of: alert.service, isUp: isUp,
                reason: Alert.sentence(ofChecker: keyword, isUp: isUp, reason: reason))
        case .quorum(let isUp, let isStart, let weight, let quorum, let hysteresis):
            let change: Alert.QuorumChange =
                switch (isUp, isStart) {
                case (true, true): .begun
                case (true, false): .gained
                case (false, true): .begunWithout
                case (false, false): .lost
                }
            self = .quorum(alert.service, change, quorum: quorum, hysteresis: hysteresis, weight: weight)
        }
    }
}
