import Primitives

/// Whose process it is: what the shell remembers beside a process id.
public enum ProcessOwner: Hashable, Sendable {
    case hook(ProcessToken)
    case check(ProcessToken)
    /// A `MISC_CHECK`, for the health worker.
    case healthCheck(ProcessToken)
    case fifoReader(FIFOTarget)
    case shutdownScript
}

/// A process beside the VRRP worker that holds no address: its end costs no role.
public enum Helper: UInt8, Hashable, Sendable, CaseIterable {
    /// Asks the servers behind the services.
    case health
    /// Delivers alert mails.
    case mail
    /// Asks the arbiters for leases.
    case arbiter
    /// Keeps the fence where bpf(2) is not allowed.
    case fence
}

/// What the supervisor wants done. The shell does it in this order, without waiting.
public enum SupervisorEffect: Equatable, Sendable {
    /// Start the worker with the inherited descriptors; answer with
    /// ``Supervisor/workerStarted(pid:at:into:)`` or ``Supervisor/workerFailedToStart(_:at:into:)``.
    case startWorker(WorkerOptions.Mode)
    case signalWorker(EndSignal)
    case send(SupervisorMessage)
    /// The same of a helper; answer with ``Supervisor/started(_:pid:)`` or ``Supervisor/failedToStart(_:_:at:into:)``.
    case startHelper(Helper, WorkerOptions.Mode)
    case signalHelper(Helper, EndSignal)
    case sendHelper(Helper, SupervisorMessage)
    /// The fence is to guard exactly these; answer the worker with ``SupervisorMessage/fence(_:_:)`` and ``SupervisorMessage/guarded(_:)``, or have
    /// ``Supervisor/guardByProcess(_:because:at:into:)`` do it.
    case guardAddresses(GuardedAddresses)
    /// Nothing is under a lease: take off what a former daemon may have left of a fence.
    case clearFence
    /// Take off the kernel's programs that still stand, though they are refused: the fence process's table does it now.
    case removeFencePrograms
    /// Take off the table of a fence process that has gone: nobody renews what it closes.
    case removeFenceTable
    /// End the connections of these addresses of this host, a bounded piece at a time.
    case endConnections([IPAddress])
    /// Leave those of these alone, which another effect may still be at.
    case keepConnections([IPAddress])
    /// Start a script in its own process group; answer with ``Supervisor/processFailed(_:errno:_:at:into:)``
    /// or, once it ended, ``Supervisor/processEnded(_:status:at:into:)``.
    case start(ProcessOwner, ScriptCommand, environment: [String])
    /// Signal the process group.
    case signal(ProcessOwner, EndSignal)
    /// A line for the log; with a rule it ends in its name.
    case log(LogLevel, RuleID?, String)
    /// A line of the worker's.
    case logWorker(LogLevel, String)
    /// A line of a helper's.
    case logHelper(Helper, LogLevel, String)
    /// Exactly these named pipes are to be open; those that are stay as they are.
    case openFIFOs([SupervisorSettings.FIFO])
    case writeFIFO(FIFOTarget, String)
    /// Replace the file at the path, so that a reader sees the old or the new one whole.
    case writeFile(path: String, [UInt8])
    /// Take this name (empty: the usual one), and this umask for files (nil: the usual one).
    case becomeKnown(as: String, umask: UInt32?)
    /// Answer a client of the control socket (one frame).
    case answer(client: UInt32, [UInt8])
    /// Answer a client with the ``RunningConfiguration``, which the memory shared with the worker holds; or refuse.
    case answerConfiguration(client: UInt32)
    /// Tell systemd.
    case notify(ServiceState)
    /// The first worker is ready: whoever detached the daemon may go.
    case becomeReady
    /// Everything is done; end with the code. Nothing follows.
    case exit(Int32)
}

/// What systemd is told (`sd_notify`).
public enum ServiceState: Equatable, Sendable {
    case ready(status: String)
    case reloading
    case stopping
}

/// What a signal to the supervisor asks for.
public enum SupervisorSignal: Equatable, Sendable {
    case stop
    case reload
    case dump(DumpKind)
}
