import Configuration
import Primitives
import Testing

private func model(_ text: String) throws -> Model {
    let loaded = Configuration.load(text: text)
    return try #require(loaded.model, "\(loaded.renderedDiagnostics())")
}

private func instance(_ name: String, _ id: Int, _ address: String, _ more: String = "") -> String {
    """
    vrrp_instance \(name) {
        interface eth0
        virtual_router_id \(id)
        virtual_ipaddress {
            \(address)
        }
        \(more)
    }

    """
}

@Suite struct PlanTests {
    @Test("Every property of the model has a word for it")
    func wordings() {
        cover(
            InstanceDefinition(name: "A", virtualRouterID: 1), \.wordings, unless: ["name"],
            [
                "initialState": { $0.initialState = .master }, "interface": { $0.interface = "x" },
                "virtualRouterID": { $0.virtualRouterID = 2 }, "basePriority": { $0.basePriority = 9 },
                "version": { $0.version = .v3 }, "family": { $0.family = .ipv6 },
                "advertInterval": { $0.advertInterval = .seconds(9) }, "preempt": { $0.preempt = false },
                "preemptDelay": { $0.preemptDelay = .seconds(9) }, "downTimerAdverts": { $0.downTimerAdverts = 9 },
                "authentication": { $0.authentication = .pass(Secret([1])) },
                "unicastPeers": { $0.unicastPeers = [UnicastPeer(address: IPAddress("::1")!)] },
                "unicastSource": { $0.unicastSource = IPAddress("::1") },
                "multicastSource": { $0.multicastSource = IPAddress("::1") },
                "multicastGroup": { $0.multicastGroup = IPAddress("::1")! }, "unicastTTL": { $0.unicastTTL = 9 },
                "checkUnicastSource": { $0.checkUnicastSource = true }, "checksumAsV2": { $0.checksumAsV2 = true },
                "oldUnicastChecksum": { $0.oldUnicastChecksum = .never },
                "trackSourceAddress": { $0.trackSourceAddress = true },
                "dontTrackPrimary": { $0.dontTrackPrimary = true },
                "trackInterfaces": { $0.trackInterfaces = [TrackedInterface(name: "x")] },
                "trackScripts": { $0.trackScripts = [TrackedScript(name: "x")] },
                "virtualAddresses": { $0.virtualAddresses = [VirtualAddress(IPPrefix("::1")!)] },
                "excludedAddresses": { $0.excludedAddresses = [VirtualAddress(IPPrefix("::1")!)] },
                "announcements": { $0.announcements.masterRepeat = 9 },
                "lowerPriorityNoAdvert": { $0.lowerPriorityNoAdvert = true },
                "higherPrioritySendAdvert": { $0.higherPrioritySendAdvert = true },
                "ownerIgnoreAdverts": { $0.ownerIgnoreAdverts = true },
                "skipCheckAdvertAddresses": { $0.skipCheckAdvertAddresses = true },
                "notify": { $0.notify.any = HookCommand(argv: ["x"]) },
                "promoteSecondaries": { $0.promoteSecondaries = true },
                "addressLifetime": { $0.addressLifetime = .seconds(9) },
                "notifyPriorityChanges": { $0.notifyPriorityChanges = true }, "strict": { $0.strict = true },
                "acceptPackets": { $0.acceptPackets = false },
                "tracked": { $0.tracked.files = [TrackedItem(name: "x")] },
                "virtualRoutes": { $0.virtualRoutes = [WrittenEntry(words: ["x"])] },
                "virtualRules": { $0.virtualRules = [WrittenEntry(words: ["x"])] },
                "virtualInterface": { $0.virtualInterface = VirtualInterface(.ipvlan(address: nil, .vepa)) },
                "virtualInterfacesForAddresses": { $0.virtualInterfacesForAddresses = true },
                "sendsThroughBase": { $0.sendsThroughBase = true }, "vrf": { $0.vrf = "x" },
                "hmac": { $0.hmac = HMACAuthentication(keys: [], activeKey: 1) }, "smtpAlert": { $0.smtpAlert = true },
                "pollsLink": { $0.pollsLink = true }, "timerExpiredBackup": { $0.timerExpiredBackup = 9 },
                "receiveBuffer": { $0.receiveBuffer = 9 }, "syncDaemonInterface": { $0.syncDaemonInterface = "x" },
                "debugLevel": { $0.debugLevel = 3 }, "arbiter": { $0.arbiter = "x" },
                "leaseName": { $0.leaseName = "x" }, "hello": { $0.hello = false },
            ])
        cover(
            SyncGroupDefinition(name: "A", members: []), \.wordings, unless: ["name"],
            [
                "members": { $0.members = ["x"] },
                "trackInterfaces": { $0.trackInterfaces = [TrackedInterface(name: "x")] },
                "trackScripts": { $0.trackScripts = [TrackedScript(name: "x")] },
                "tracked": { $0.tracked.processes = [TrackedItem(name: "x")] }, "smtpAlert": { $0.smtpAlert = true },
                "notify": { $0.notify.stop = HookCommand(argv: ["x"]) }, "trackingWeight": { $0.trackingWeight = true },
                "notifyPriorityChanges": { $0.notifyPriorityChanges = true }, "arbiter": { $0.arbiter = "x" },
                "leaseName": { $0.leaseName = "x" },
            ])
        let arbiter = ArbiterDefinition(name: "A", kind: .corosync(CorosyncSettings(group: "a")))
        cover(
            arbiter, \.wordings, unless: ["name"],
            [
                "kind": { $0.kind = .corosync(CorosyncSettings(group: "b")) },
                "leaseDuration": { $0.leaseDuration = .seconds(9) }, "drift": { $0.drift = 9 },
                "whenDown": { $0.whenDown = .keep }, "cluster": { $0.cluster = "x" }, "node": { $0.node = "x" },
            ])
        cover(
            WitnessSettings(address: IPAddress("::1")!, key: .file("/a")), \.asArbiter.wordings,
            [
                "address": { $0.address = IPAddress("::2")! }, "port": { $0.port = 9 },
                "source": { $0.source = IPAddress("::2") }, "key": { $0.key = .bytes(Secret([1])) },
            ])
        cover(
            EtcdSettings(endpoints: []), \.asArbiter.wordings,
            [
                "endpoints": {
                    $0.endpoints = [EtcdSettings.Endpoint(usesTLS: true, address: IPAddress("::2")!, port: 9)]
                },
                "authorities": { $0.authorities = "x" }, "certificate": { $0.certificate = "x" },
                "key": { $0.key = "x" }, "serverName": { $0.serverName = "x" }, "user": { $0.user = "x" },
                "password": { $0.password = Secret([1]) }, "prefix": { $0.prefix = "x" },
                "clusterID": { $0.clusterID = 9 },
            ])
        cover(
            TrackScript(name: "A", command: .run(["a"])), \.wordings, unless: ["name"],
            [
                "command": { $0.command = .open(path: "/a") }, "interval": { $0.interval = .seconds(9) },
                "timeout": { $0.timeout = .seconds(9) }, "weight": { $0.weight = 9 }, "reverse": { $0.reverse = true },
                "rise": { $0.rise = 9 }, "fall": { $0.fall = 9 }, "user": { $0.user = ScriptUser(user: "x") },
                "initFail": { $0.initFail = true },
            ])
        let hook = HookCommand(argv: ["x"])
        cover(
            NotifyScripts(), \.asInstance.wordings,
            [
                "master": { $0.master = hook }, "backup": { $0.backup = hook }, "fault": { $0.fault = hook },
                "stop": { $0.stop = hook },
                "deleted": {
                    $0.reportsDeleted = true
                    $0.deleted = hook
                },
                "reportsDeleted": { $0.reportsDeleted = true }, "any": { $0.any = hook },
                "masterReceivedLowerPriority": { $0.masterReceivedLowerPriority = hook },
                "split": { $0.split = hook },
            ])
        cover(
            AnnouncementSettings(), \.asInstance.wordings,
            [
                "masterDelay": { $0.masterDelay = .seconds(9) }, "masterRepeat": { $0.masterRepeat = 9 },
                "masterRefresh": { $0.masterRefresh = .seconds(9) }, "refreshRepeat": { $0.refreshRepeat = 9 },
                "lowerPriorityDelay": { $0.lowerPriorityDelay = .seconds(9) },
                "lowerPriorityRepeat": { $0.lowerPriorityRepeat = 9 }, "elsewhere": { $0.elsewhere = .seconds(9) },
                "garpInterval": { $0.garpInterval = .seconds(9) }, "gnaInterval": { $0.gnaInterval = .seconds(9) },
            ])
        cover(
            VirtualAddress(IPPrefix("10.0.0.1/24")!), \.asInstance.wordings,
            [
                "prefix": { $0.prefix = IPPrefix("10.0.0.1/25")! }, "device": { $0.device = "x" },
                "scope": { $0.scope = 9 },
                "broadcast": { $0.broadcast = .cleared }, "label": { $0.label = "x" },
                "peer": { $0.peer = IPPrefix("10.0.0.1")! }, "home": { $0.home = true },
                "duplicateDetection": { $0.duplicateDetection = true },
                "manageTemporary": { $0.manageTemporary = true },
                "noPrefixRoute": { $0.noPrefixRoute = true }, "autojoin": { $0.autojoin = true },
                "noTrack": { $0.noTrack = true }, "preferredLifetime": { $0.preferredLifetime = .seconds(9) },
            ])
    }

    @Test("Every property of global_defs has a word for it")
    func globalWordings() {
        let hook = HookCommand(argv: ["x"])
        cover(
            GlobalDefinitions(), \.wordings,
            [
                "routerID": { $0.routerID = "x" }, "scriptUser": { $0.scriptUser = ScriptUser(user: "x") },
                "enableScriptSecurity": { $0.enableScriptSecurity = true },
                "useSymlinkPaths": { $0.useSymlinkPaths = true },
                "startupScript": { $0.startupScript = hook },
                "startupScriptTimeout": { $0.startupScriptTimeout = .seconds(9) },
                "shutdownScript": { $0.shutdownScript = hook },
                "shutdownScriptTimeout": { $0.shutdownScriptTimeout = .seconds(9) },
                "defaultInterface": { $0.defaultInterface = "x" }, "version": { $0.version = .v3 },
                "multicastGroup4": { $0.multicastGroup4 = IPAddress("::1")! },
                "multicastGroup6": { $0.multicastGroup6 = IPAddress("::1")! },
                "announcements": { $0.announcements.masterRepeat = 9 }, "downTimerAdverts": { $0.downTimerAdverts = 9 },
                "checkUnicastSource": { $0.checkUnicastSource = true },
                "skipCheckAdvertAddresses": { $0.skipCheckAdvertAddresses = true }, "strict": { $0.strict = true },
                "lowerPriorityNoAdvert": { $0.lowerPriorityNoAdvert = true },
                "higherPrioritySendAdvert": { $0.higherPrioritySendAdvert = true },
                "ownerIgnoreAdverts": { $0.ownerIgnoreAdverts = true }, "checksumAsV2": { $0.checksumAsV2 = true },
                "hello": { $0.hello = false }, "helloPort": { $0.helloPort = 9 },
                "addressLifetime": { $0.addressLifetime = .seconds(9) }, "niceness": { $0.niceness = 9 },
                "realtimePriority": { $0.realtimePriority = 9 }, "noSwap": { $0.noSwap = true },
                "cpuAffinity": { $0.cpuAffinity = [9] }, "rlimitRealtime": { $0.rlimitRealtime = .seconds(9) },
                "processNames": { $0.processNames = true }, "processName": { $0.processName = "x" },
                "vrrpProcessName": { $0.vrrpProcessName = "x" }, "umask": { $0.umask = 9 },
                "dynamicInterfaces": { $0.dynamicInterfaces = true },
                "allowInterfaceChanges": { $0.allowInterfaceChanges = true },
                "startupDelay": { $0.startupDelay = .seconds(9) },
                "delayAfterBoot": { $0.delayAfterBoot = .seconds(9) }, "logUnknownVRIDs": { $0.logUnknownVRIDs = true },
                "notifyFIFO": { $0.notifyFIFO = NotifyFIFO(path: "x") },
                "vrrpNotifyFIFO": { $0.vrrpNotifyFIFO = NotifyFIFO(path: "x", script: hook) },
                "notifyPriorityChanges": { $0.notifyPriorityChanges = true },
                "fifoWriteStatesOnReload": { $0.fifoWriteStatesOnReload = true },
                "mail": { $0.mail.sender = "x" }, "snmp": { $0.snmp.socket = "x" },
                "dbus": { $0.dbus.isEnabled = true },
                "buffers": { $0.buffers.multiplier = 9 }, "forwarding": { $0.forwarding.flushesAtStart = true },
                "firewall": { $0.firewall.counts = true }, "checkerProcess": { $0.checkerProcess.name = "x" },
                "bfdProcess": { $0.bfdProcess.name = "x" },
                "automaticPriority": { $0.automaticPriority.highest = 9 }, "reload": { $0.reload.repeats = true },
                "files": { $0.files.namesInstance = true }, "host": { $0.host.instance = "x" },
                "virtualMACPrefix": { $0.virtualMACPrefix = "x" },
                "virtualMACAddressPrefix": { $0.virtualMACAddressPrefix = "x" },
                "stateDumpFile": { $0.stateDumpFile = "x" }, "statsDumpFile": { $0.statsDumpFile = "x" },
            ])
        var fifo = GlobalDefinitions()
        fifo.notifyFIFO = NotifyFIFO(path: "x")
        let before = fifo.wordings
        fifo.notifyFIFO?.script = hook
        #expect(fifo.wordings != before)
    }

    @Test("Every property of servers and their checkers has a word for it")
    func serverWordings() {
        let hook = HookCommand(argv: ["x"])
        let address = IPAddress("10.0.0.1")!
        cover(
            VirtualServer(.address(address, port: 80)), \.wordings, unless: ["service", "realServers"],
            [
                "family": { $0.family = .ipv6 }, "transport": { $0.transport = .udp },
                "scheduler": { $0.scheduler = .neverQueue }, "schedulerFlags": { $0.schedulerFlags = .third },
                "onePacket": { $0.onePacket = true }, "forwarding": { $0.forwarding = .directRouting },
                "persistence": { $0.persistence = .init(granularity: .prefixLength(9)) },
                "persistenceEngine": { $0.persistenceEngine = "x" }, "suspendsChecks": { $0.suspendsChecks = true },
                "smtpAlert": { $0.smtpAlert = true }, "virtualHost": { $0.virtualHost = "x" },
                "snmpName": { $0.snmpName = "x" }, "omega": { $0.omega = true },
                "inhibitOnFailure": { $0.inhibitOnFailure = true }, "timing": { $0.timing.alpha = true },
                "drainTimeout": { $0.drainTimeout = .seconds(9) }, "slowStart": { $0.slowStart = .seconds(9) },
                "quorum": { $0.quorum = 9 }, "hysteresis": { $0.hysteresis = 9 }, "quorumUp": { $0.quorumUp = hook },
                "quorumDown": { $0.quorumDown = hook },
                "sorryServer": { $0.sorryServer = SorryServer(address, port: 9) },
            ])
        cover(
            RealServer(address, port: 80), \.wordings, unless: ["address", "port", "checks"],
            [
                "weight": { $0.weight = 9 }, "forwarding": { $0.forwarding = .tunnel(Tunnel(.gre, checksum: .full)) },
                "upperThreshold": { $0.upperThreshold = 9 }, "lowerThreshold": { $0.lowerThreshold = 9 },
                "inhibitOnFailure": { $0.inhibitOnFailure = true }, "smtpAlert": { $0.smtpAlert = false },
                "notifyUp": { $0.notifyUp = hook }, "notifyDown": { $0.notifyDown = hook },
                "virtualHost": { $0.virtualHost = "x" }, "snmpName": { $0.snmpName = "x" },
                "timing": { $0.timing.retry = 9 },
                "drainTimeout": { $0.drainTimeout = .seconds(9) }, "slowStart": { $0.slowStart = .seconds(9) },
            ])
        cover(
            CheckTiming(), { CheckTiming.asServer($0).wordings },
            [
                "delayLoop": { $0.delayLoop = .seconds(9) }, "connectTimeout": { $0.connectTimeout = .seconds(9) },
                "delayBeforeRetry": { $0.delayBeforeRetry = .seconds(9) }, "warmup": { $0.warmup = .seconds(9) },
                "retry": { $0.retry = 9 }, "rise": { $0.rise = 9 }, "alpha": { $0.alpha = true },
            ])
        cover(
            SorryServer(address, port: 9), { SorryServer.asServer($0).wordings },
            [
                "address": { $0.address = IPAddress("10.0.0.2")! }, "port": { $0.port = 1 },
                "forwarding": { $0.forwarding = .directRouting }, "inhibit": { $0.inhibit = true },
            ])
        cover(
            TLSMaterial(), \.wordings,
            [
                "password": { $0.password = Secret([1]) }, "authority": { $0.authority = "x" },
                "certificate": { $0.certificate = "x" }, "key": { $0.key = "x" },
            ])
        coverChecks()
    }

    private func coverChecks() {
        let connection = HealthCheck.Connection(IPAddress("10.0.0.1")!, port: 80)
        cover(
            HealthCheck(.tcp(connection)), \.wordings, unless: ["probe"],
            [
                "delayLoop": { $0.delayLoop = .seconds(9) }, "delayBeforeRetry": { $0.delayBeforeRetry = .seconds(9) },
                "warmup": { $0.warmup = .seconds(9) }, "retry": { $0.retry = 9 },
                "rise": { $0.rise = 9 }, "alpha": { $0.alpha = true },
                "logAllFailures": { $0.logAllFailures = true },
            ])
        let connections: [String: (inout HealthCheck.Connection) -> Void] = [
            "address": { $0.address = IPAddress("10.0.0.2")! }, "port": { $0.port = 9 },
            "sourcePort": { $0.sourcePort = 9 },
            "source": { $0.source = IPAddress("10.0.0.2")! }, "interface": { $0.interface = "x" },
            "mark": { $0.mark = 9 }, "timeout": { $0.timeout = .seconds(9) },
        ]
        cover(connection, { HealthCheck(.ping($0)).wordings }, connections)
        cover(connection, { HealthCheck(.smtp(SMTPProbe(hosts: [$0]))).wordings }, connections)
        cover(
            UDPProbe(connection), { HealthCheck(.udp($0)).wordings },
            [
                "connection": { $0.connection.mark = 9 }, "payload": { $0.payload = [1] },
                "requiresReply": { $0.requiresReply = true },
                "reply": {
                    $0.requiresReply = true
                    $0.reply = .init(bytes: [1], mask: [2])
                },
                "replyLengths": { $0.replyLengths = 1...9 },
            ])
        cover(
            DNSProbe(connection), { HealthCheck(.dns($0)).wordings },
            ["connection": { $0.connection.mark = 9 }, "type": { $0.type = .a }, "name": { $0.name = "x" }])
        cover(
            SMTPProbe(hosts: [connection]), { HealthCheck(.smtp($0)).wordings },
            ["heloName": { $0.heloName = "x" }, "hosts": { $0.hosts = [] }])
        cover(
            CommandProbe(argv: ["a"], timeout: .seconds(1)), { HealthCheck(.command($0)).wordings },
            [
                "argv": { $0.argv = ["b"] }, "timeout": { $0.timeout = .seconds(9) },
                "isDynamic": { $0.isDynamic = true },
                "user": { $0.user = ScriptUser(user: "x") },
            ])
        let url = HTTPProbe.URL(path: "/")
        cover(
            HTTPProbe(connection, urls: [url]), { HealthCheck(.http($0)).wordings },
            [
                "connection": { $0.connection.mark = 9 }, "urls": { $0.urls = [] }, "version": { $0.version = .v1_1 },
                "enableSNI": { $0.enableSNI = true }, "sniName": { $0.sniName = "x" },
                "fastRecovery": { $0.fastRecovery = true }, "method": { $0.method = "HEAD" },
                "headers": { $0.headers = [.init(name: "Authorization", value: "x")] }, "body": { $0.body = "x" },
                "verification": { $0.verification.chain = true },
            ])
        func header(_ value: String) -> HTTPProbe {
            var probe = HTTPProbe(connection, urls: [url])
            probe.headers = [.init(name: "X-Api-Key", value: value)]
            return probe
        }
        #expect(HealthCheck(.http(header("a"))).wordings != HealthCheck(.http(header("b"))).wordings)
        var days = HTTPProbe(connection, urls: [url])
        days.verification.minimumDays = 0
        #expect(HealthCheck(.https(days)).wordings != HealthCheck(.https(HTTPProbe(connection, urls: [url]))).wordings)
        coverDatabases(connection)
        func words(_ url: HTTPProbe.URL) -> [Wording] {
            HealthCheck(.https(HTTPProbe(connection, urls: [url]))).wordings
        }
        cover(
            url, words,
            [
                "path": { $0.path = "/x" }, "virtualHost": { $0.virtualHost = "x" },
                "statusCodes": { $0.statusCodes = [200...200] }, "digest": { $0.digest = [1] },
                "regex": { $0.regex = .init(pattern: "x") }, "tlsCompliant": { $0.tlsCompliant = true },
                "json": { $0.json = [.init(path: "x", value: "y")] },
            ])
        cover(
            HTTPProbe.Regex(pattern: "x"),
            {
                var matched = url
                matched.regex = $0
                return words(matched)
            },
            [
                "pattern": { $0.pattern = "y" }, "options": { $0.options = ["utf"] },
                "isNegated": { $0.isNegated = true },
                "minimumOffset": { $0.minimumOffset = 9 }, "maximumOffset": { $0.maximumOffset = 9 },
                "stack": { $0.stack = .init(start: 1, maximum: 9) },
            ])
        let files = [(String, Int?, Bool)]([("a", nil, false), ("b", nil, false), ("a", 3, false), ("a", 3, true)])
        #expect(Set(files.map { HealthCheck(.file(name: $0.0, weight: $0.1, reverse: $0.2)).wordings }).count == 4)
    }

    private func coverDatabases(_ connection: HealthCheck.Connection) {
        let secret = Secret([1])
        cover(
            RedisProbe(connection), { HealthCheck(.redis($0)).wordings },
            [
                "connection": { $0.connection.mark = 9 }, "tls": { $0.tls = true }, "username": { $0.username = "x" },
                "password": { $0.password = secret }, "role": { $0.role = .replica },
                "requiresLink": { $0.requiresLink = true }, "maximumLag": { $0.maximumLag = .seconds(9) },
            ])
        cover(
            MySQLProbe(connection), { HealthCheck(.mysql($0)).wordings },
            [
                "connection": { $0.connection.mark = 9 }, "tls": { $0.tls = true }, "username": { $0.username = "x" },
                "password": { $0.password = secret }, "role": { $0.role = .replica },
                "maximumLag": { $0.maximumLag = .seconds(9) },
            ])
        cover(
            PostgresProbe(connection), { HealthCheck(.postgres($0)).wordings },
            [
                "connection": { $0.connection.mark = 9 }, "tls": { $0.tls = true }, "username": { $0.username = "x" },
                "password": { $0.password = secret }, "database": { $0.database = "x" }, "role": { $0.role = .replica },
                "maximumLag": { $0.maximumLag = .seconds(9) },
            ])
        cover(
            GRPCProbe(connection), { HealthCheck(.grpc($0)).wordings },
            [
                "connection": { $0.connection.mark = 9 }, "tls": { $0.tls = true }, "service": { $0.service = "x" },
                "authority": { $0.authority = "x" },
            ])
    }

    /// Global definitions with one part in them.
    private func inGlobal<Part>(_ path: WritableKeyPath<GlobalDefinitions, Part>) -> (Part) -> [Wording] {
        {
            var global = GlobalDefinitions()
            global[keyPath: path] = $0
            return global.wordings
        }
    }

    @Test("Every property of the parts of global_defs has a word for it")
    func partWordings() {
        cover(
            MailSettings(), inGlobal(\.mail),
            [
                "recipients": { $0.recipients = ["x"] }, "sender": { $0.sender = "x" },
                "server": { $0.server = .init(host: "x") }, "heloName": { $0.heloName = "x" },
                "connectTimeout": { $0.connectTimeout = .seconds(9) }, "alert": { $0.alert = false },
                "alertVRRP": { $0.alertVRRP = true }, "alertCheckers": { $0.alertCheckers = true },
                "omitsFaults": { $0.omitsFaults = true }, "omitsCheckers": { $0.omitsCheckers = true },
            ])
        cover(
            SNMPSettings(), inGlobal(\.snmp),
            [
                "socket": { $0.socket = "x" }, "sendsTraps": { $0.sendsTraps = true },
                "servesVRRP": { $0.servesVRRP = true }, "servesRFC2787": { $0.servesRFC2787 = true },
                "servesRFC6527": { $0.servesRFC6527 = true }, "servesCheckers": { $0.servesCheckers = true },
                "virtualServerInterval": { $0.virtualServerInterval = .seconds(9) },
                "realServerInterval": { $0.realServerInterval = .seconds(9) },
            ])
        cover(
            DBusSettings(), inGlobal(\.dbus),
            [
                "isEnabled": { $0.isEnabled = true }, "serviceName": { $0.serviceName = "x" },
                "noInterfaceName": { $0.noInterfaceName = "x" },
            ])
        cover(
            SocketBufferSettings(), inGlobal(\.buffers),
            [
                "vrrpCommands": { $0.vrrpCommands.size = 9 }, "vrrpMonitor": { $0.vrrpMonitor.isForced = true },
                "lvsCommands": { $0.lvsCommands.size = 9 }, "lvsMonitor": { $0.lvsMonitor.size = 9 },
                "processMonitor": { $0.processMonitor.size = 9 }, "policy": { $0.policy = .advert },
                "multiplier": { $0.multiplier = 9 },
            ])
        cover(
            ForwardingSettings(), inGlobal(\.forwarding),
            [
                "timeouts": { $0.timeouts.udp = .seconds(9) }, "flushesAtStart": { $0.flushesAtStart = true },
                "flushOnStop": { $0.flushOnStop = .all }, "syncDaemon": { $0.syncDaemon = .init(interface: "x") },
                "notifyFIFO": { $0.notifyFIFO = NotifyFIFO(path: "x") },
                "logsAllFailures": { $0.logsAllFailures = true },
                "notifiesAtStart": { $0.notifiesAtStart = true }, "plane": { $0.plane = .nftables },
            ])
        cover(
            ForwardingSettings.SyncDaemon(interface: "x"),
            {
                var forwarding = ForwardingSettings()
                forwarding.syncDaemon = $0
                return self.inGlobal(\.forwarding)(forwarding)
            },
            [
                "interface": { $0.interface = "y" }, "instance": { $0.instance = "x" }, "id": { $0.id = 9 },
                "maximumLength": { $0.maximumLength = 9 }, "port": { $0.port = 9 }, "ttl": { $0.ttl = 9 },
                "group": { $0.group = IPAddress("224.0.0.9") },
            ])
        cover(
            FirewallSettings(), inGlobal(\.firewall),
            [
                "table": { $0.table = "x" }, "priority": { $0.priority = 9 },
                "usesInterfaceIndex": { $0.usesInterfaceIndex = true }, "counts": { $0.counts = true },
                "serverTable": { $0.serverTable = "x" }, "serverPriority": { $0.serverPriority = 9 },
                "firstMark": { $0.firstMark = 9 }, "chains": { $0.chains = .init() }, "sets": { $0.sets = [] },
                "silencesLocalGroups": { $0.silencesLocalGroups = true },
            ])
        for path in [\GlobalDefinitions.checkerProcess, \.bfdProcess] {
            cover(
                ProcessSettings(), inGlobal(path),
                [
                    "name": { $0.name = "x" }, "niceness": { $0.niceness = 9 },
                    "realtimePriority": { $0.realtimePriority = 9 }, "noSwap": { $0.noSwap = true },
                    "cpuAffinity": { $0.cpuAffinity = [9] }, "rlimitRealtime": { $0.rlimitRealtime = .seconds(9) },
                ])
        }
        cover(
            AutomaticPriority(), inGlobal(\.automaticPriority),
            ["highest": { $0.highest = 9 }, "delay": { $0.delay = .seconds(9) }])
        cover(
            ReloadSettings(), inGlobal(\.reload),
            [
                "checksFirst": { $0.checksFirst = true },
                "checkLog": {
                    $0.checksFirst = true
                    $0.checkLog = "x"
                },
                "timeFile": { $0.timeFile = "x" }, "repeats": { $0.repeats = true }, "lockFile": { $0.lockFile = "" },
                "includeChecks": { $0.includeChecks = [] }, "saveDirectory": { $0.saveDirectory = "x" },
                "temporaryDirectory": { $0.temporaryDirectory = "x" }, "randomSeed": { $0.randomSeed = 9 },
            ])
        cover(
            FileSettings(), inGlobal(\.files),
            [
                "namesInstance": { $0.namesInstance = true }, "jsonVersion": { $0.jsonVersion = 2 },
                "jsonDump": { $0.jsonDump = "x" }, "iprouteShared": { $0.iprouteShared = "x" },
                "iprouteLocal": { $0.iprouteLocal = "x" },
            ])
        cover(
            HostSettings(), inGlobal(\.host),
            [
                "namespace": { $0.namespace = "x" }, "serverNamespace": { $0.serverNamespace = "" },
                "usesSetsInNamespace": { $0.usesSetsInNamespace = true }, "instance": { $0.instance = "x" },
                "usesPidDirectory": { $0.usesPidDirectory = true }, "childWait": { $0.childWait = .seconds(9) },
                "pollsLinks": { $0.pollsLinks = true },
            ])
    }

    @Test("Every property of trackers and of what is static has a word for it")
    func trackerWordings() {
        cover(
            TrackFile(name: "x", path: "/x"), \.wordings, unless: ["name"],
            [
                "path": { $0.path = "/y" }, "weight": { $0.weight = 9 }, "reverse": { $0.reverse = true },
                "initial": { $0.initial = .init() },
            ])
        cover(
            TrackProcess(name: "x", command: ["x"]), \.wordings, unless: ["name"],
            [
                "command": { $0.command = ["x", "y"] }, "parameterMatch": { $0.parameterMatch = .partial },
                "weight": { $0.weight = 9 }, "reverse": { $0.reverse = true }, "quorum": { $0.quorum = 9 },
                "quorumMaximum": { $0.quorumMaximum = 9 }, "terminateDelay": { $0.terminateDelay = .seconds(9) },
                "forkDelay": { $0.forkDelay = .seconds(9) }, "matchesFullCommand": { $0.matchesFullCommand = true },
            ])
        cover(
            BFDInstance(name: "x", neighbour: IPAddress("10.0.0.1")!), \.wordings, unless: ["name"],
            [
                "neighbour": { $0.neighbour = IPAddress("10.0.0.2")! }, "source": { $0.source = IPAddress("10.0.0.2") },
                "minimumReceive": { $0.minimumReceive = .seconds(9) },
                "minimumTransmit": { $0.minimumTransmit = .seconds(9) },
                "idleTransmit": { $0.idleTransmit = .seconds(9) },
                "multiplier": { $0.multiplier = 9 }, "isPassive": { $0.isPassive = true }, "ttl": { $0.ttl = 9 },
                "maximumHops": { $0.maximumHops = 9 }, "isMultihop": { $0.isMultihop = true },
                "weight": { $0.weight = 9 },
                "reverse": { $0.reverse = true }, "tellsInstances": { $0.tellsInstances = false },
                "tellsCheckers": { $0.tellsCheckers = false },
            ])
        cover(
            StaticDefinitions(), \.wordings,
            [
                "addresses": { $0.addresses = [StaticAddress(VirtualAddress(IPPrefix("10.0.0.1")!))] },
                "routes": { $0.routes = [WrittenEntry(words: ["x"])] },
                "rules": { $0.rules = [WrittenEntry(words: ["x"])] },
                "groups": { $0.groups = [TrackGroup(name: "x", members: [])] },
            ])
        cover(
            InterfaceSettings(), \.wordings,
            [
                "announcementGroups": { $0.announcementGroups = [.init(interfaces: ["x"])] },
                "delays": { $0.delays = [.init(interface: "x", down: .zero, up: .zero)] },
                "polled": { $0.polled = [.init(interface: "x")] },
            ])
        cover(
            TrackedItems(),
            {
                var instance = InstanceDefinition(name: "A", virtualRouterID: 1)
                instance.tracked = $0
                return instance.wordings
            },
            [
                "files": { $0.files = [TrackedItem(name: "x", weight: 3, reverse: true)] },
                "processes": { $0.processes = [TrackedItem(name: "x")] },
                "sessions": { $0.sessions = [TrackedItem(name: "x")] },
            ])
        let key = HMACAuthentication.Key(id: 1, value: .bytes(Secret(Array("geheim".utf8))))
        cover(
            HMACAuthentication(keys: [key], activeKey: 1),
            {
                var instance = InstanceDefinition(name: "A", virtualRouterID: 1)
                instance.hmac = $0
                #expect(!"\(instance.wordings)".contains("geheim"))
                return instance.wordings
            },
            [
                "keys": { $0.keys[0].value = .bytes(Secret([1])) }, "activeKey": { $0.activeKey = 9 },
                "timeWindow": { $0.timeWindow = .seconds(9) }, "replayProtection": { $0.replayProtection = .monotonic },
                "mode": { $0.mode = .permissive },
            ])
        cover(
            VirtualInterface(.macvlan(address: [])),
            {
                var instance = InstanceDefinition(name: "A", virtualRouterID: 1)
                instance.virtualInterface = $0
                return instance.wordings
            },
            [
                "kind": { $0.kind = .macvlan(address: [1, 2]) }, "name": { $0.name = "x" }, "group": { $0.group = "x" },
                "notifiesNetlink": { $0.notifiesNetlink = true },
            ])
    }

    @Test("Every part of the model is listed and planned") func parts() {
        // `global` and the blocks; a new one needs its place in `ConfigurationDump` and in `Planner`.
        let labels = Mirror(reflecting: Model()).children.compactMap(\.label)
        #expect(
            labels == [
                "global", "scripts", "syncGroups", "instances", "virtualServerGroups", "virtualServers", "tls",
                "trackFiles",
                "trackProcesses", "bfdInstances", "arbiters", "statics", "interfaces",
            ])
        var model = Model()
        model.trackFiles = [TrackFile(name: "f", path: "/f")]
        model.trackProcesses = [TrackProcess(name: "p", command: ["p"])]
        model.bfdInstances = [BFDInstance(name: "b", neighbour: IPAddress("10.0.0.1")!)]
        model.arbiters = [ArbiterDefinition(name: "c", kind: .corosync(CorosyncSettings(group: "g")))]
        model.statics.routes = [WrittenEntry(words: ["10.0.0.0/8", "via", "10.1.0.1"])]
        model.interfaces.polled = [.init(interface: "eth0")]
        #expect(
            Plan(from: Model(), to: model).text() == """
                track_file f: added
                vrrp_track_process p: added
                bfd_instance b: added
                arbiter c: added
                static: changed
                      static_routes: + 10.0.0.0/8 via 10.1.0.1
                interfaces: changed
                      linkbeat_interfaces: + eth0
                This disturbs nothing.
                """)
    }

    @Test("Virtual servers are compared by their service, real servers by their address and port")
    func servers() throws {
        func text(_ weight: Int, _ timeout: Int, _ last: String, _ more: String) -> String {
            """
            virtual_server 10.0.0.1 80 {
                protocol TCP
                lvs_sched rr
                lvs_method NAT
                delay_loop 20
                real_server 10.0.0.2 80 {
                    weight \(weight)
                    TCP_CHECK {
                        connect_timeout \(timeout)
                    }
                }
                real_server \(last) 80 {
                }
            }
            \(more)
            """
        }
        let old = try model(
            instance("A", 1, "10.0.0.9")
                + text(1, 3, "10.0.0.3", "virtual_server fwmark 3 {\nreal_server 10.0.0.2 0 {\n}\n}"))
        let new = try model(
            instance("A", 1, "10.0.0.9")
                + text(
                    2, 4, "10.0.0.4",
                    "virtual_server_group G {\n10.0.0.7 80\n}\nvirtual_server group G {\nprotocol TCP\nreal_server 10.0.0.2 80 {\n}\n}"
                ))
        let plan = Plan(from: old, to: new)
        #expect(
            plan.text() == """
                1 instance stays as it is
                virtual_server 10.0.0.1 80 TCP: changed; connections to 10.0.0.3 80 end at once, without a `drain_timeout`
                      real_server: 10.0.0.3 80 → 10.0.0.4 80
                      real_server 10.0.0.2 80 weight: 1 → 2
                      real_server 10.0.0.2 80 checks: TCP_CHECK { delay_loop 20, delay_before_retry 1, warmup 20, retry 1, rise 1, alpha off, log_all_failures off, connect_ip 10.0.0.2, connect_port 80, fwmark 0, connect_timeout 3 } → TCP_CHECK { delay_loop 20, delay_before_retry 1, warmup 20, retry 1, rise 1, alpha off, log_all_failures off, connect_ip 10.0.0.2, connect_port 80, fwmark 0, connect_timeout 4 }
                virtual_server group G TCP: added
                virtual_server fwmark 3 inet: removed; its clients are served no more
                virtual_server_group G: added
                This disturbs: virtual_server 10.0.0.1 80 TCP, virtual_server fwmark 3 inet.
                """)
        #expect(Plan(from: new, to: new).isEmpty)
    }

    @Test("A real server that is drained disturbs nobody, and a password that changes shows without being shown")
    func quietServers() throws {
        func text(_ password: String, _ last: String = "") -> String {
            """
            virtual_server 10.0.0.1 6379 {
                protocol TCP
                drain_timeout 30
                real_server 10.0.0.2 6379 {
                    REDIS_CHECK {
                        tls
                        username probe
                        password \(password)
                    }
                }
                \(last)
            }

            """ + instance("A", 1, "10.0.0.9")
        }
        let drained = Plan(
            from: try model(text("rosebud", "real_server 10.0.0.3 6379 {\n}")), to: try model(text("rosebud")))
        #expect(!drained.disturbs && drained.servers.first?.changes.first?.removed == ["10.0.0.3 6379"])
        let changed = Plan(from: try model(text("rosebud")), to: try model(text("xanadu")))
        let change = try #require(changed.servers.first?.changes.first)
        #expect(change.keyword == "real_server 10.0.0.2 6379 checks" && change.removed == change.added)
        #expect(!changed.text().contains("rosebud") && !changed.text().contains("xanadu"))
        #expect(changed.text().contains("password •••") && !changed.isEmpty)
    }

    /// Changes one property after the other and expects other words; a property without a change is one that was forgotten.
    private func cover<Value>(
        _ value: Value, _ words: (Value) -> [Wording], unless excepted: [String] = [],
        _ changes: [String: (inout Value) -> Void]
    ) {
        for label in Mirror(reflecting: value).children.compactMap(\.label) where !excepted.contains(label) {
            guard let change = changes[label] else {
                Issue.record("\(Value.self).\(label) has no word, or none here")
                continue
            }
            var changed = value
            change(&changed)
            let before = words(value)
            let after = words(changed)
            #expect(before != after, "\(Value.self).\(label)")
            #expect(before.map(\.keyword) == after.map(\.keyword), "\(Value.self).\(label)")
        }
    }

    @Test("A plan is told in the words of the configuration")
    func text() throws {
        let old = try model(
            instance("A", 1, "10.0.0.1/24")
                + instance("B", 2, "10.0.0.2/24", "priority 100\nauthentication {\nauth_type PASS\nauth_pass x1\n}")
                + instance("C", 3, "10.0.0.3/24") + instance("D", 4, "10.0.0.4/24"))
        let new = try model(
            "global_defs {\nvrrp_priority -5\nlog_unknown_vrids\n}\n"
                + instance("A", 1, "10.0.0.1/24\n10.0.0.5/24 dev eth1 label eth1:5", "nopreempt")
                + instance("B", 2, "10.0.0.2/24", "priority 150\nauthentication {\nauth_type PASS\nauth_pass x2\n}")
                + instance("C", 3, "10.0.0.3/24") + instance("E", 5, "10.0.0.4/24"))
        let plan = Plan(from: old, to: new)
        #expect(
            plan.text(roles: ["A": "MASTER"]) == """
                vrrp_instance A (MASTER now): changed
                      nopreempt: off → on
                      virtual_ipaddress: + 10.0.0.5/24 dev eth1 label eth1:5
                    - 10.0.0.5/24 on eth1 is added while it is master; clients notice nothing
                    - its addresses are announced 5 times while it is master
                    - adverts list other addresses: keepalived before 2.3.3 on another node drops them until its list is the same
                    ! it goes to fault if one of these is not well: interface eth1
                vrrp_instance B: changed
                      priority: 100 → 150
                      auth_pass: ••• → •••
                    ! others see priority 150 for 100: it may take over from another node
                    ! other nodes must have the same authentication: until then there may be two masters
                vrrp_instance E: added
                    - it begins as backup, and takes over when it hears no better one
                vrrp_instance D: removed
                    ! a master says that it goes and gives up what it holds; the hook of FAULT runs
                    ! 10.0.0.4/24 on eth0 is removed where it is master: its clients lose it
                1 instance stays as it is
                global_defs: changed
                      vrrp_priority: + -5   at the next start only
                      log_unknown_vrids: off → on
                This disturbs: A, B, D.
                """)
        var json = JSONWriter()
        plan.write(to: &json)
        let value = try #require(JSONValue(json.bytes))
        #expect(value["disturbs"]?.bool == true)
        #expect(
            value["vrrp_instance"]?.array?.map { $0["fate"]?.string } == [
                "changed", "changed", "unchanged", "added", "removed",
            ])
        #expect(!json.text.contains("x1") && !json.text.contains("x2"))
    }

    @Test("The same meaning in other words is no change")
    func equal() throws {
        let plan = Plan(
            from: try model(instance("A", 1, "10.0.0.1")),
            to: try model(instance("A", 1, "10.0.0.1/32", "priority 100")))
        #expect(plan.isEmpty)
        #expect(plan.text() == "1 instance stays as it is\nNothing changes.")
    }

    @Test("What only a start applies is told apart")
    func globals() {
        var global = GlobalDefinitions()
        global.niceness = -5
        global.noSwap = true
        global.strict = true
        #expect(GlobalDefinitions().changesForNextStart(to: global) == ["vrrp_priority", "vrrp_no_swap"])
        let plan = Plan(from: Model(), to: Model(global: global))
        #expect(plan.globals.filter(\.waitsForStart).map(\.change.keyword) == ["vrrp_priority", "vrrp_no_swap"])
        #expect(!plan.disturbs && !plan.isEmpty)
    }

    @Test("Ten thousand instances are planned in a moment", .timeLimit(.minutes(5)))
    func large() {
        func instances(_ range: Range<Int>) -> [InstanceDefinition] {
            range.map { number in
                var instance = InstanceDefinition(
                    name: "V\(number)", interface: "eth\(number / 250)", virtualRouterID: UInt8(number % 250 + 1))
                instance.virtualAddresses = [VirtualAddress(IPPrefix("10.\(number / 250).\(number % 250).1/32")!)]
                instance.trackInterfaces = [TrackedInterface(name: number < 5_000 ? "a" : "b")]
                return instance
            }
        }
        var new = instances(3_000..<13_000)
        for index in new.indices { new[index].trackInterfaces = [TrackedInterface(name: "c")] }
        let old = instances(0..<10_000)
        let groups = [old, new].map { [SyncGroupDefinition(name: "G", members: $0.map(\.name))] }
        let plan = Plan(
            from: Model(syncGroups: groups[0], instances: old), to: Model(syncGroups: groups[1], instances: new))
        #expect(plan.instances.count == 13_000)
        #expect(plan.text().utf8.count < 40 << 20)
    }
}

extension NotifyScripts {
    fileprivate var asInstance: InstanceDefinition {
        var instance = InstanceDefinition(name: "A", virtualRouterID: 1)
        instance.notify = self
        return instance
    }
}

extension AnnouncementSettings {
    fileprivate var asInstance: InstanceDefinition {
        var instance = InstanceDefinition(name: "A", virtualRouterID: 1)
        instance.announcements = self
        return instance
    }
}

extension CheckTiming {
    fileprivate static func asServer(_ timing: CheckTiming) -> RealServer {
        var server = RealServer(IPAddress("10.0.0.1")!, port: 80)
        server.timing = timing
        return server
    }
}

extension SorryServer {
    fileprivate static func asServer(_ sorry: SorryServer) -> VirtualServer {
        var server = VirtualServer(.firewallMark(1))
        server.sorryServer = sorry
        return server
    }
}

extension VirtualAddress {
    fileprivate var asInstance: InstanceDefinition {
        var instance = InstanceDefinition(name: "A", virtualRouterID: 1)
        instance.virtualAddresses = [self]
        return instance
    }
}

extension WitnessSettings {
    fileprivate var asArbiter: ArbiterDefinition { ArbiterDefinition(name: "A", kind: .witness(self)) }
}

extension EtcdSettings {
    fileprivate var asArbiter: ArbiterDefinition { ArbiterDefinition(name: "A", kind: .etcd(self)) }
}
