/// What an instance's own weighted trackers can make of its priority: from all good to all bad, in the engine's arithmetic.
public struct PriorityRange: Hashable, Sendable {
    public var lowest: UInt8
    public var highest: UInt8

    /// `scripts` gives a script by its name.
    init(of instance: InstanceDefinition, scripts: (String) -> TrackScript?) {
        guard !instance.isOwner else {
            (lowest, highest) = (255, 255)
            return
        }
        var (low, high) = (0, 0)
        func add(_ weight: Int, _ reverse: Bool) {
            let good = PriorityRange.delta(weight, reverse: reverse, isUp: true)
            let bad = PriorityRange.delta(weight, reverse: reverse, isUp: false)
            low += min(good, bad)
            high += max(good, bad)
        }
        for tracked in instance.trackInterfaces { add(tracked.weight, tracked.reverse) }
        for tracked in instance.trackScripts {
            let script = scripts(tracked.name)
            add(tracked.weight ?? script?.weight ?? 0, tracked.reverse ?? script?.reverse ?? false)
        }
        lowest = PriorityRange.effective(instance.basePriority, low)
        highest = PriorityRange.effective(instance.basePriority, high)
    }

    /// +N counts while up, -N while down; reversed, -N while up and +N while down. 0 faults, and adds nothing.
    public static func delta(_ weight: Int, reverse: Bool, isUp: Bool) -> Int {
        let weight = min(max(weight, -253), 253)
        return (weight > 0) == isUp ? (reverse ? -weight : weight) : 0
    }

    /// A base priority and what weights add, within 1…254; 255 stays what it is.
    public static func effective(_ base: UInt8, _ delta: Int) -> UInt8 {
        base == 255 ? 255 : UInt8(min(max(Int(base) + min(max(delta, -255), 255), 1), 254))
    }
}
