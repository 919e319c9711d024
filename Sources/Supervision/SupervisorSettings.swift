import Primitives

/// What the supervisor must know of the configuration. The worker, which alone reads and checks the
/// files, sends it after each start and each accepted reload, whole.
public struct SupervisorSettings: Equatable, Sendable {
    /// A named pipe that gets a line for each transition, and the program that reads it.
    public struct FIFO: Equatable, Sendable {
        public var target: FIFOTarget
        public var path: String
        /// Owner of a pipe that is created here; nil keeps the supervisor's.
        public var user: UInt32?
        public var group: UInt32?
        /// Started with the path as its last argument, and again when it ends.
        public var reader: ScriptCommand?

        public init(
            target: FIFOTarget, path: String, user: UInt32? = nil, group: UInt32? = nil, reader: ScriptCommand? = nil
        ) {
            self.target = target
            self.path = path
            self.user = user
            self.group = group
            self.reader = reader
        }
    }

    /// The smallest advertisement interval of all instances: what the watchdog measures with.
    public var advertInterval: Duration
    public var fifos: [FIFO]
    /// Where SIGUSR1, SIGUSR2 and the JSON signal write: a file, or with a `/` at its end the directory of the
    /// default name; empty is the default.
    public var statePath: String
    public var statisticsPath: String
    public var jsonPath: String
    /// How long each worker may take to release everything at a stop (`child_wait_time`).
    public var stopLimit: Duration
    /// Hooks that may run at the same time, over all instances; at least 1.
    public var parallelHooks: UInt32
    /// Run once everything is released, before the supervisor ends.
    public var shutdownScript: ScriptCommand?
    public var shutdownLimit: Duration
    /// Tells apart several daemons on one machine (`instance`); empty when unnamed.
    public var instanceName: String
    /// `umask` of the supervisor's files and of scripts, 0…0o777; nil is the usual 022.
    public var umask: UInt32?
    /// `process_name`: the supervisor's; empty leaves it.
    public var processName: String
    /// There are virtual servers: a health worker is to run.
    public var needsHealth: Bool
    /// There is an arbiter: an arbiter worker is to run.
    public var needsArbiter: Bool
    /// The instance whose role the health worker follows with a sync daemon; empty is none.
    public var followedInstance: String

    public init(
        advertInterval: Duration = .seconds(1), fifos: [FIFO] = [], statePath: String = "",
        statisticsPath: String = "", jsonPath: String = "", stopLimit: Duration = .seconds(5),
        parallelHooks: UInt32 = 32, shutdownScript: ScriptCommand? = nil, shutdownLimit: Duration = .seconds(10),
        instanceName: String = "", umask: UInt32? = nil,
        processName: String = "", needsHealth: Bool = false, needsArbiter: Bool = false, followedInstance: String = ""
    ) {
        self.advertInterval = advertInterval
        self.fifos = fifos
        self.statePath = statePath
        self.statisticsPath = statisticsPath
        self.jsonPath = jsonPath
        self.stopLimit = stopLimit
        self.parallelHooks = parallelHooks
        self.shutdownScript = shutdownScript
        self.shutdownLimit = shutdownLimit
        self.instanceName = instanceName
        self.umask = umask
        self.processName = processName
        self.needsHealth = needsHealth
        self.needsArbiter = needsArbiter
        self.followedInstance = followedInstance
    }

    init(from reader: inout WireReader) {
        advertInterval = reader.duration()
        fifos = reader.list { reader in
            FIFO(
                target: reader.enumeration(.all), path: reader.string(), user: reader.optionalUInt32(),
                group: reader.optionalUInt32(), reader: reader.optional { ScriptCommand(from: &$0) })
        }
        statePath = reader.string()
        statisticsPath = reader.string()
        jsonPath = reader.string()
        stopLimit = reader.duration()
        parallelHooks = reader.uint32()
        shutdownScript = reader.optional { ScriptCommand(from: &$0) }
        shutdownLimit = reader.duration()
        instanceName = reader.string()
        umask = reader.optionalUInt32()
        processName = reader.string()
        needsHealth = reader.bool()
        needsArbiter = reader.bool()
        followedInstance = reader.string()
    }

    func write(to writer: inout WireWriter) {
        writer.put(advertInterval)
        writer.put(fifos) { writer, fifo in
            writer.put(fifo.target.rawValue)
            writer.put(fifo.path)
            writer.put(fifo.user)
            writer.put(fifo.group)
            writer.put(fifo.reader) { $1.write(to: &$0) }
        }
        writer.put(statePath)
        writer.put(statisticsPath)
        writer.put(jsonPath)
        writer.put(stopLimit)
        writer.put(parallelHooks)
        writer.put(shutdownScript) { $1.write(to: &$0) }
        writer.put(shutdownLimit)
        writer.put(instanceName)
        writer.put(umask)
        writer.put(processName)
        writer.put(needsHealth)
        writer.put(needsArbiter)
        writer.put(followedInstance)
    }
}

extension WireWriter {
    mutating func put(_ value: Duration) { put(value.nanoseconds) }
}

extension WireReader {
    mutating func duration() -> Duration { .nanoseconds(int64()) }
}
