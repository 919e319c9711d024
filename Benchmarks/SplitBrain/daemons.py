"""The daemons that are compared, and the arbiters behind them. A daemon stands on both nodes; the configuration differs in what it must."""
import os, signal, time
from lab import ADDRESSES, NODES, VIRTUAL, VIRTUAL_6, descendants, run

SECRET = "correct-horse-battery-staple"


def estate(node, arbiter="", globals_="", blocks="", lines=""):
    """A sync group of an IPv4 and an IPv6 router: one role, and where there is an arbiter, one lease."""
    priority = {"left": 150, "right": 100}.get(node, 50)
    routers = ""
    for name, number, addresses in (("VI_1", 51, f"{VIRTUAL}/24"), ("VI_6", 52, f"fe80::100/64\n        {VIRTUAL_6}/64")):
        routers += f"""vrrp_instance {name} {{
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id {number}
    priority {priority}
    advert_int 0.25
    {lines}
    virtual_ipaddress {{
        {addresses}
    }}
}}
"""
    return f"""global_defs {{
    vrrp_version 3
    {globals_}
}}
{blocks}
vrrp_sync_group PAIR {{
    group {{
        VI_1
        VI_6
    }}
    {arbiter}
}}
{routers}"""


class Daemon:
    """keepalived, or Aloft without an arbiter."""
    arbiters = 0
    lease = None
    # Long enough for 3A + S, and for L(1 + Φ) of a lease of one second, and a second beside.
    pause = 2.5

    def __init__(self, lane, binaries, name, burst=False):
        self.lane, self.binaries, self.name = lane, binaries, name
        self.processes = {}
        self.burst = "vrrp_garp_interval 0.02\n    vrrp_garp_master_repeat 150" if burst else ""

    def configuration(self, node):
        return estate(node, globals_=self.burst)

    def start_arbiters(self):
        pass

    def command(self, node, path, state):
        if self.name == "keepalived":
            return ["keepalived", "-n", "-l", "-D", "-P", "-f", path, "-p", f"{state}/main.pid", "-r", f"{state}/vrrp.pid"]
        return [self.binaries + "/aloftd", "-n", "-l", "-f", path, "--state-dir", state]

    def start(self, node):
        state = f"{self.lane.folder}/{node}"
        os.makedirs(state, exist_ok=True)
        path = f"{state}/daemon.conf"
        with open(path, "w") as file:
            file.write(self.configuration(node))
        os.chmod(path, 0o600)
        self.processes[node] = self.lane.start(node, *self.command(node, path, state), log=f"daemon-{node}")

    def is_running(self, node):
        return node in self.processes and self.processes[node].poll() is None

    def number(self, node):
        return NODES.index(node)

    def all(self, node):
        return descendants(self.processes[node].pid)

    def signal_all(self, node, number):
        for pid in self.all(node):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def crash(self, node):
        """All of it at once: stopped first, so that none of them can act on another's end."""
        pids = self.all(node)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
        self.processes[node].wait()

    def worker(self, node):
        """The process that speaks VRRP."""
        return self.all(node)[1]

    def stop(self, node):
        self.processes[node].send_signal(signal.SIGTERM)

    def log(self, node):
        with open(f"{self.lane.folder}/daemon-{node}.log") as file:
            return file.read()


class Witnessed(Daemon):
    arbiters = 1
    lease = 1.0

    def configuration(self, node):
        block = f"""arbiter third {{
    type witness
    address {ADDRESSES['arb1']}
    key {SECRET}
    node {node}
    lease 1
}}"""
        return estate(node, "arbiter third", self.burst, block)

    def start_arbiters(self):
        keys = self.lane.folder + "/keys"
        with open(keys, "w") as file:
            file.write(f"aloft {SECRET}\n")
        os.chmod(keys, 0o600)
        self.start_arbiter("arb1")

    def start_arbiter(self, name):
        self.witness = self.lane.start(
            "arb1", self.binaries + "/aloft", "witness", "--listen", ADDRESSES["arb1"], "--state", self.lane.folder + "/witness",
            "--keys", self.lane.folder + "/keys", "--max-lease", "1", log="witness")

    def kill_arbiters(self, count):
        self.witness.kill()
        self.witness.wait()
        return ["arb1"]


class WitnessedWithoutBPF(Witnessed):
    """What may not use bpf(2), and has a fence of nf_tables."""

    def command(self, node, path, state):
        return ["setpriv", "--bounding-set=-bpf,-sys_admin"] + super().command(node, path, state)


class Etcd(Daemon):
    def __init__(self, lane, binaries, name, burst=False):
        super().__init__(lane, binaries, name, burst)
        self.arbiters = 3 if name == "etcd-3" else 1
        self.members = {}
        # While three members elect a leader nothing is committed for up to 2.7 s.
        self.lease = 3.0 if self.arbiters == 3 else 1.0
        self.pause = 1.5 + 1.1 * self.lease

    def configuration(self, node):
        endpoints = "\n    ".join(f"endpoint http://{ADDRESSES[a]}:2379" for a in self.lane.names[3:])
        block = f"""arbiter cluster {{
    type etcd
    {endpoints}
    node {node}
    lease {self.lease}
}}"""
        return estate(node, "arbiter cluster", self.burst, block)

    def start_arbiters(self):
        for name in self.lane.names[3:]:
            self.start_arbiter(name)
        time.sleep(2)

    def start_arbiter(self, name):
        own = ADDRESSES[name]
        peers = ",".join(f"{a}=http://{ADDRESSES[a]}:2380" for a in self.lane.names[3:])
        self.members[name] = self.lane.start(
            name, "etcd", "--name", name, "--data-dir", f"{self.lane.folder}/{name}", "--listen-client-urls", f"http://{own}:2379",
            "--advertise-client-urls", f"http://{own}:2379", "--listen-peer-urls", f"http://{own}:2380",
            "--initial-advertise-peer-urls", f"http://{own}:2380", "--initial-cluster", peers, "--initial-cluster-state", "new",
            "--logger", "zap", "--log-outputs", "stderr", log=name)

    def kill_arbiters(self, count):
        killed = self.lane.names[3:3 + count]
        for name in killed:
            self.members[name].kill()
            self.members[name].wait()
        return killed


class Corosync(Daemon):
    """Three nodes: left, right, and arb1, where an instance in fault keeps the third member of the group alive."""
    arbiters = 1
    lease = 2.0
    pause = 4.5

    def configuration(self, node):
        block = f"""arbiter ring {{
    type corosync
    node {node}
    lease 2
}}"""
        lines = "track_interface {\n        down0\n    }" if node == "arb1" else ""
        return estate(node, "arbiter ring", self.burst, block, lines)

    def start_arbiters(self):
        self.rings = {}
        members = [*NODES, "arb1"]
        listed = "".join(f"  node {{\n    nodeid: {n + 1}\n    name: {m}\n    ring0_addr: {ADDRESSES[m]}\n  }}\n" for n, m in enumerate(members))
        with open(self.lane.folder + "/corosync.conf", "w") as file:
            file.write("totem {\n  version: 2\n  cluster_name: lab\n  transport: knet\n  token: 300\n  token_coefficient: 0\n  consensus: 360\n"
                       "  crypto_cipher: none\n  crypto_hash: none\n}\nquorum {\n  provider: corosync_votequorum\n}\n"
                       "system {\n  sched_rr: no\n  move_to_root_cgroup: no\n}\nlogging {\n  to_syslog: no\n  to_stderr: yes\n}\n"
                       f"nodelist {{\n{listed}}}\n")
        for member in members:
            self.start_arbiter(member)
        run("ip", "-n", self.lane.space("arb1"), "link", "add", "down0", "type", "veth", "peer", "name", "down1")
        self.start("arb1")
        time.sleep(3)

    def start_arbiter(self, name):
        folder = f"{self.lane.folder}/ring-{name}"
        for part in ("run", "state"):
            os.makedirs(f"{folder}/{part}", exist_ok=True)
        script = (f"mount --bind {folder}/run /run && mount --bind {folder}/state /var/lib/corosync && "
                  f"exec /usr/sbin/corosync -f -c {self.lane.folder}/corosync.conf")
        self.rings[name] = self.lane.start(name, "unshare", "-m", "sh", "-c", script, log=f"ring-{name}")

    def kill_arbiters(self, count):
        for pid in descendants(self.rings["arb1"].pid):
            os.kill(pid, signal.SIGKILL)
        self.rings["arb1"].wait()
        return ["arb1"]


KINDS = {"keepalived": Daemon, "aloft": Daemon, "witness": Witnessed, "witness-nft": WitnessedWithoutBPF, "etcd-1": Etcd, "etcd-3": Etcd, "corosync": Corosync}
COUNTS = {"keepalived": 0, "aloft": 0, "witness": 1, "witness-nft": 1, "etcd-1": 1, "etcd-3": 3, "corosync": 1}
