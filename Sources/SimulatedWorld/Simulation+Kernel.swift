import Configuration
import Primitives
import RouterEngine
import VRRP

/// What kernels do when they are asked, when a lifetime ends, and what they tell.
extension Simulation {
    func addOwnAddresses(_ host: Host) {
        for interface in host.kernel.interfaces {
            for family in [AddressFamily.ipv4, .ipv6] {
                addOwnAddress(host, interface, family)
            }
        }
    }

    func addOwnAddress(_ host: Host, _ interface: Kernel.Interface, _ family: AddressFamily) {
        let address = Scenario.hostAddress(family, link: interface.link, octet: Scenario.octet(of: host.index))
        guard let prefix = IPPrefix(address, length: family == .ipv4 ? 24 : 64),
            host.kernel.find(prefix, on: interface.index) == nil
        else { return }
        let entry = Kernel.Address(interface: interface.index, prefix: prefix, isMarked: false, expires: .max)
        host.kernel.addresses.append(entry)
        notify(.address(Kernel.report(entry)), host)
    }

    func install(_ managed: ManagedAddress, _ id: AddressID, isRefresh: Bool, on host: Host) {
        guard let index = managed.interface?.rawValue, let position = host.kernel.interface(withIndex: index) else {
            host.waiting.append(.operationFailed(id, isRefresh ? .refresh : .install, errno: 19))
            return
        }
        let lifetime = managed.lifetime.nanoseconds
        let expires = lifetime > 0 ? now + lifetime : .max
        let prefix = managed.key.prefix
        if let existing = host.kernel.find(prefix, on: index) {
            host.kernel.addresses[existing].expires = expires
            host.kernel.addresses[existing].isMarked = true
            notify(.address(Kernel.report(host.kernel.addresses[existing])), host)
        } else {
            let entry = Kernel.Address(interface: index, prefix: prefix, isMarked: true, expires: expires)
            host.kernel.addresses.append(entry)
            notify(.address(Kernel.report(entry)), host)
            judge.addressChanged(host, host.kernel.interfaces[position].link, prefix, isPresent: true, .process)
            judge.checkServing(host)
        }
        scheduleExpiry(host)
    }

    func withdraw(_ managed: ManagedAddress, _ id: AddressID, on host: Host) {
        guard let index = managed.interface?.rawValue, let position = host.kernel.interface(withIndex: index) else {
            host.waiting.append(.operationFailed(id, .withdraw, errno: 19))
            return
        }
        guard let existing = host.kernel.find(managed.key.prefix, on: index) else {
            host.waiting.append(.operationFailed(id, .withdraw, errno: 99))
            return
        }
        removeAddress(existing, of: host, link: host.kernel.interfaces[position].link, .process)
    }

    func removeAddress(_ position: Int, of host: Host, link: Int, _ cause: Judge.Cause) {
        let entry = host.kernel.addresses.remove(at: position)
        tell(host.index, "kernel: \(entry.prefix) is gone (\(cause))")
        notify(.addressGone(Kernel.report(entry)), host)
        judge.addressChanged(host, link, entry.prefix, isPresent: false, cause)
    }

    func scheduleExpiry(_ host: Host) {
        var earliest = Int64.max
        for entry in host.kernel.addresses where entry.expires < earliest { earliest = entry.expires }
        guard earliest < .max, earliest < host.scheduledExpiry else { return }
        // The kernel's own work is done up to 0.3 s late.
        host.scheduledExpiry = earliest
        queue.push(
            .expiry, at: max(now, earliest + host.draw.within(20 * millisecond...300 * millisecond)), host: host.index)
    }

    func expireAddresses(of host: Host, _ event: Event?) {
        guard !host.isPaused else { return }
        if event != nil { host.scheduledExpiry = .max }
        while let position = host.kernel.addresses.firstIndex(where: { $0.expires <= now - 20 * millisecond }) {
            let index = host.kernel.addresses[position].interface
            let link = host.kernel.interfaces.first { $0.index == index }?.link ?? 0
            removeAddress(position, of: host, link: link, .lifetime)
        }
        if event != nil { scheduleExpiry(host) }
    }

    /// A notification to the process, if there is one that listens.
    func notify(_ input: Input, _ host: Host) {
        guard host.process == .running else { return }
        if host.hasOverrun { return }
        if host.notifications.count >= 64 {
            host.hasOverrun = true
        } else {
            host.notifications.append(input)
        }
        guard !host.isNotificationScheduled else { return }
        host.isNotificationScheduled = true
        let delay = 50_000 + Int64(host.draw.next() % 1_000_000) + host.notificationDelay
        queue.push(.netlink, at: now + delay, host: host.index)
    }

    func deliverNotifications(to host: Host) {
        host.isNotificationScheduled = false
        guard host.isRunning, host.node != nil else { return }
        let notifications = host.notifications
        let incarnation = host.incarnation
        host.notifications = []
        for (position, input) in notifications.enumerated() where host.incarnation == incarnation {
            guard host.isRunning else {
                // It stands still between two of them: the rest is read before what comes later.
                host.notifications.insert(contentsOf: notifications[position...], at: 0)
                return
            }
            handle(input, on: host)
        }
        guard host.hasOverrun, host.incarnation == incarnation, host.isRunning else { return }
        host.hasOverrun = false
        handle(.kernelDump(host.kernel.links, host.kernel.reported), on: host)
    }
}
