import Primitives
import Supervision
import Testing

@Suite struct SupervisorOptionsTests {
    private func options(_ text: String, program: String = "/usr/sbin/keepalived") -> SupervisorOptions {
        SupervisorOptions(program: program, arguments: text.split(separator: " ").map(String.init))
    }

    @Test func theNameKeepalivedBringsKeepalivedsDefaults() {
        for options in [options(""), options("keepalived", program: "/usr/sbin/aloftd")] {
            #expect(options.isKeepalived && !options.isForeground)
            #expect(options.configurationPath == "/etc/keepalived/keepalived.conf")
            #expect(options.pidFile == "/run/keepalived.pid")
            #expect(options.vrrpPIDFile == "/run/keepalived_vrrp.pid")
        }
        let native = options("run", program: "aloftd")
        #expect(!native.isKeepalived && native.isForeground && native.pidFile == nil)
        #expect(native.configurationPath == "/etc/aloft/aloft.conf")
    }

    @Test(arguments: [
        ("", "/run/aloft"), ("-p /run/a/b.pid", "/run/aloft/run-a-b.pid"), ("-s blue -p /x", "/run/aloft/blue"),
        ("--state-dir /s -p /x", "/s"),
    ])
    func daemonsWithPIDFilesOfTheirOwnHaveStateDirectoriesOfTheirOwn(_ text: String, _ directory: String) {
        #expect(options(text).stateDirectory == directory)
    }

    @Test func pathsAreTakenFromWhereTheDaemonWasStarted() {
        var options = options("-f a.conf -p ../p -r /v -gl --state-dir s")
        options.resolvePaths(from: "/here")
        #expect(options.configurationPath == "/here/a.conf" && options.stateDirectory == "/here/s")
        #expect(options.pidFile == "/here/../p" && options.vrrpPIDFile == "/v" && options.logFile == "/here/l")
    }

    @Test func lettersMayBeClustered() {
        let options = options("-nlDGf /etc/a.conf -p/run/a.pid -r /run/v.pid -S local3 -u 027")
        #expect(options.isForeground && options.logsToConsole && !options.logsToSyslog)
        #expect(options.configurationPath == "/etc/a.conf")
        #expect(options.pidFile == "/run/a.pid")
        #expect(options.vrrpPIDFile == "/run/v.pid")
        #expect(options.logFacility == 19)
        #expect(options.umask == 0o27)
        #expect(options.action == .run)
    }

    @Test func longNamesMayBeAbbreviatedAndTakeTheirArgumentEitherWay() {
        let options = options("--use-file=/a --dont-fork --vrrp_pid /b --dont-resp --config-id=x --log-con")
        #expect(options.configurationPath == "/a" && options.vrrpPIDFile == "/b")
        #expect(options.isForeground && !options.respawns && options.logsToConsole)
        #expect(options.configurationID == "x")
        #expect(options.ineffective == [])
    }

    @Test(arguments: [
        ("-t", SupervisorOptions.Action.testConfiguration(log: nil)),
        ("-t/tmp/log", .testConfiguration(log: "/tmp/log")),
        ("--config-test=/tmp/log", .testConfiguration(log: "/tmp/log")),
        ("--signum=DATA", .printSignal(10)), ("--signum JSON", .printSignal(36)), ("-v", .version), ("--help", .help),
        ("--nonsense", .invalid("unknown option --nonsense")), ("-Z", .invalid("unknown option -Z")),
        ("-nZ", .invalid("unknown option -Z")), ("-f", .invalid("option -f needs an argument")),
        ("--dont", .invalid("option --dont is ambiguous")), ("extra", .invalid("unexpected argument extra")),
        ("-- -n", .invalid("unexpected argument -n")), ("--vrrp=1", .invalid("option --vrrp takes no argument")),
        ("-S nine", .invalid("there is no log facility nine")), ("-u 9999", .invalid("9999 is no umask")),
        ("-s a/b", .invalid("a/b is no name of a network namespace")),
        ("--signum FLY", .invalid("there is no signal for FLY")),
    ])
    func eachLineIsUnderstoodOrRefusedWithTheReason(_ text: String, _ action: SupervisorOptions.Action) {
        #expect(options(text).action == action)
    }

    @Test func optionsWithoutEffectAreAcceptedAndNamed() {
        let options = options("-P -x --snmp -m -M -c /a -b /b --flush-log-file -I -a -C -B --all -d -D -X")
        #expect(options.action == .run)
        #expect(
            options.ineffective == [
                "--vrrp", "--snmp", "--core-dump", "--core-dump-pattern", "--checkers_pid", "--bfd_pid",
                "--flush-log-file", "--dont-release-ipvs", "--address-monitoring", "--check", "--no_bfd", "--all",
                "--dump-conf", "--log-detail", "--release-vips",
            ])
    }

    @Test func noArgumentsTrap() {
        var random = SplitMix64(seed: 6)
        let pieces = [
            "-", "--", "-n", "--config", "=", "", "é", "-é", "--é=", "-ft", "--t", "-u", "-S", "x", "-nnnnnnf",
        ]
        for _ in 0..<5000 {
            let count = Int.random(in: 0...5, using: &random)
            let arguments = (0..<count).map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }
            _ = SupervisorOptions(
                program: pieces[Int.random(in: 0..<pieces.count, using: &random)], arguments: arguments)
            _ = WorkerOptions(arguments: arguments)
        }
    }

    @Test(arguments: WorkerOptions.Mode.allCases) func theWorkerReadsWhatTheSupervisorWrote(_ mode: WorkerOptions.Mode)
    {
        let all = options("-D -d -X -V -i -weird -f --x= -s ns --state-dir /run/b")
        for options in [all, options("", program: "aloftd")] {
            let worker = WorkerOptions(mode: mode, options)
            #expect(WorkerOptions(arguments: worker.arguments) == worker)
        }
        #expect(all.configurationPath == "--x=")
        #expect(WorkerOptions(arguments: ["--mode=fly"]) == nil)
    }
}
