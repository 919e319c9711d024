"""One lane: nodes left and right, a client and arbiters in namespaces of their own around one bridge, and what can be cut between them."""
import ctypes, os, shutil, signal, struct, subprocess, tempfile, time
from traffic import RECORD, ANSWER, CLAIM, boot

VIRTUAL, VIRTUAL_6 = "10.66.0.100", "fd00:66::100"
NODES = ("left", "right")
ADDRESSES = {"left": "10.66.0.1", "right": "10.66.0.2", "client": "10.66.0.3", "arb1": "10.66.0.9", "arb2": "10.66.0.10", "arb3": "10.66.0.11"}
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*words, text=None):
    done = subprocess.run(words, capture_output=True, text=True, input=text)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def mac(number, name):
    return f"02:66:00:00:{number % 256:02x}:{list(ADDRESSES).index(name) + 1:02x}"


def descendants(pid):
    """`pid` and every process below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parents[int(name)] = int(file.read().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                pass
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return [one for one in found if one in parents]


class Lane:
    def __init__(self, number, arbiters, services=True):
        self.number = number
        self.prefix = f"sb{os.getpid() % 10000}{number}"
        self.folder = tempfile.mkdtemp(prefix="aloft-splitbrain.")
        self.children = []
        self.names = ["left", "right", "client"] + [f"arb{n + 1}" for n in range(arbiters)]
        self.position = 0
        self.records = []
        self.build(services)

    def space(self, name):
        return f"{self.prefix}-{name}"

    def inside(self, name, *words, text=None):
        return run("ip", "netns", "exec", self.space(name), *words, text=text)

    def start(self, name, *words, log, environment=None):
        file = open(f"{self.folder}/{log}.log", "a")
        child = subprocess.Popen(["ip", "netns", "exec", self.space(name), *words], stdout=file, stderr=file, stdin=subprocess.DEVNULL,
                                 start_new_session=True, env=environment)
        self.children.append(child)
        # A session competes as one with all others on the machine (sched(7), autogroups); who compiles beside is not what is measured.
        try:
            with open(f"/proc/{child.pid}/autogroup", "w") as file:
                file.write("-15")
        except OSError:
            pass
        return child

    def build(self, services):
        run("ip", "netns", "add", self.space("switch"))
        switch = self.space("switch")
        run("ip", "-n", switch, "link", "add", "bridge", "up", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0")
        for name in self.names:
            space = self.space(name)
            run("ip", "netns", "add", space)
            run("ip", "-n", space, "link", "set", "lo", "up")
            run("ip", "-n", space, "link", "add", "eth0", "address", mac(self.number, name), "type", "veth", "peer", "name", name, "netns", switch)
            run("ip", "-n", switch, "link", "set", name, "master", "bridge", "up")
            self.inside(name, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
            run("ip", "-n", space, "link", "set", "eth0", "up")
            run("ip", "-n", space, "addr", "add", ADDRESSES[name] + "/24", "dev", "eth0")
            run("ip", "-n", space, "addr", "add", f"fd00:66::{list(ADDRESSES).index(name) + 1}/64", "dev", "eth0", "nodad")
            for setting in ("all.promote_secondaries=1", "eth0.promote_secondaries=1"):
                self.inside(name, "sysctl", "-qw", "net.ipv4.conf." + setting)
        self.inside("switch", "nft", "-f", "-", text="""table bridge lab {
            set cut { type ifname . ifname; }
            chain forward { type filter hook forward priority 0; iifname . oifname @cut drop; }
        }""")
        for number, name in enumerate(NODES if services else ()):
            self.start(name, "/usr/bin/python3", HERE + "/splitbrain", "serve", str(number), VIRTUAL, log=f"service-{name}")

    def sample(self, interval):
        self.path = self.folder + "/samples"
        open(self.path, "wb").close()
        self.start("client", "/usr/bin/python3", HERE + "/splitbrain", "sample", self.path, ADDRESSES["client"], VIRTUAL, VIRTUAL_6, mac(self.number, "client"),
                   mac(self.number, "left"), mac(self.number, "right"), str(interval), log="client")

    # What the client saw

    def read(self):
        with open(self.path, "rb") as file:
            file.seek(self.position)
            data = file.read()
        data = data[:len(data) - len(data) % RECORD.size]
        self.position += len(data)
        self.records += RECORD.iter_unpack(data)

    def forget(self):
        self.read()
        self.records = []

    def serving(self, window=60_000_000):
        """The nodes that answered within the last moments."""
        self.read()
        limit = boot() - window
        found = set()
        for kind, node, served, _ in reversed(self.records):
            if served < limit - 200_000_000:
                break
            if kind == ANSWER and served >= limit:
                found.add(node)
        return found

    def wait_for(self, what, limit, condition):
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.01)
        return False

    # What breaks

    def cut(self, *pairs):
        """`pairs` of names: frames from the first to the second are lost."""
        elements = ", ".join(f'"{a}" . "{b}"' for a, b in pairs)
        self.inside("switch", "nft", f"add element bridge lab cut {{ {elements} }}")

    def heal(self):
        self.inside("switch", "nft", "flush set bridge lab cut")

    def close(self):
        for child in self.children:
            for pid in descendants(child.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for child in self.children:
            child.wait()
        for name in self.names + ["switch"]:
            subprocess.run(["ip", "netns", "del", self.space(name)], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def remove_fence():
    """Takes every program off tcx of eth0 in this namespace, as an administrator's tool would (bpf(2), BPF_PROG_DETACH)."""
    libc = ctypes.CDLL(None, use_errno=True)
    index = int(open("/sys/class/net/eth0/ifindex").read())

    def bpf(command, data, size=128):
        buffer = ctypes.create_string_buffer(data.ljust(size, b"\0"), size)
        result = libc.syscall(321, command, buffer, size)
        return result, buffer.raw

    removed = 0
    for point in (46, 47):  # BPF_TCX_INGRESS, BPF_TCX_EGRESS
        identifiers = (ctypes.c_uint32 * 16)()
        result, answer = bpf(16, struct.pack("IIIIQI", index, point, 0, 0, ctypes.addressof(identifiers), 16))  # BPF_PROG_QUERY
        if result < 0:
            continue
        for identifier in list(identifiers)[:struct.unpack_from("I", answer, 24)[0]]:
            program, _ = bpf(13, struct.pack("III", identifier, 0, 0))  # BPF_PROG_GET_FD_BY_ID
            if program < 0:
                continue
            result, _ = bpf(9, struct.pack("IIIII", index, program, point, 0, 0))  # BPF_PROG_DETACH
            removed += result == 0
            os.close(program)
    print(removed)
