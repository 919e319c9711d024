import Primitives

/// What a lease machine asks of the world. To be carried out in order, each before the next: above all, nothing is served any
/// more when a write after `mustNotHold` leaves.
public enum LeaseEffect: Hashable, Sendable {
    /// Ask the arbiter what stands; the read must see every write that was granted before it.
    case read(request: UInt64)
    /// Replace what was read (nil: nothing was there), or else change nothing: a compare-and-swap. A release is the same
    /// with a record that is free.
    case write(request: UInt64, LeaseRecord, replacing: LeaseRecord?)
    /// May serve until this time of the machine's own clock, and not at it: whoever enforces it (the lease fence) needs nothing
    /// else of this process, which may stop at any moment. Takes the place of the deadline before, also of a later one.
    case mayHold(until: Deadline, epoch: Epoch)
    /// Stop serving now.
    case mustNotHold(LeaseLoss)
}

/// What came of a request.
public enum LeaseAnswer: Hashable, Sendable {
    /// The write stands.
    case granted
    /// The write does not stand, and will not; this does.
    case refused(standing: LeaseRecord?)
    /// What a read found.
    case found(LeaseRecord?)
    /// What stands cannot be read (``LeaseRecord/Unreadable``), and a write was not carried out.
    case unreadable
    /// Nobody knows: no answer in time, the connection was lost. The request may still be carried out later.
    case ambiguous
}

/// The planted bugs of this room's tests: each breaks a rule that holders and takers rest on, and the tests' seeds find each.
enum LeaseBug: String, Hashable, Sendable, CaseIterable {
    /// The holder counts from when its grant arrived.
    case holderCountsFromReceipt
    /// The taker counts from when it asked, not from when it saw.
    case takerCountsFromSend
    /// The taker waits by its own terms, whatever the record says.
    case takerWaitsItsOwn
    /// A taker goes on with the epoch it found.
    case epochReused
    /// After an ambiguous answer it writes again, whatever stands.
    case blindPut
    /// Stepping down comes after the deadline.
    case stepsDownLate
    /// A process takes up the record of another of its node that may still live.
    case trustsItsName
    /// Shorter terms do not end sooner what is held by longer ones.
    case shortensNothing
    /// It takes although it is no member.
    case joinerTakes
    /// A promise is forgotten: at once, or by a restart.
    case forgetsPromise
    /// The holder counts a promise from when it arrived.
    case countsPromiseFromReceipt
    /// The holder asks those members only that it last saw in the record, and not those of its unanswered writes.
    case forgetsItsWrites
}
