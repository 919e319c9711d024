"""A director with ip_vs, a client and three servers, in a kernel of its own (scripts/uml). What happens is told as one line of JSON each.

    client 10.8.0.2, 10.9.0.2 ── director 10.8.0.1, 10.9.0.1 ── servers 10.9.0.11, .12, .13     (fd00:8::/64, fd00:9::/64)

Services in 10.8.0.0/24 have NAT: servers answer through the director. Those in 10.9.0.0/24 are answered by the servers themselves.

ipvs-lab.py table ALOFT      a director's day
ipvs-lab.py size ALOFT N     N services with three servers each"""
import json, os, re, signal, socket, subprocess, sys, time

import ipvs_kit
from ipvs_kit import ALOFT, Inside, ask, block, connect, end, ip, read, run, serve, setting, spread, tell

MODE = sys.argv[1]
DIRECTORY = "/run/lab"

# -- the director ----------------------------------------------------------------------------------------------------------------------

def table():
    """The kernel's own listing, without a process: services and servers, not their counters."""
    with open("/proc/net/ip_vs") as file:
        return [" ".join(line.split()[:4]) for line in file.readlines()[3:]]


def services():
    """How many services of IPv4 there are: IP_VS_SO_GET_INFO."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        return int.from_bytes(asked.getsockopt(socket.IPPROTO_IP, 1153, 12)[8:], sys.byteorder)


def wait(holds, limit=20, what="", pause=0.002):
    return ipvs_kit.wait(holds, what, limit, pause, lambda: log() + "\n" + "\n".join(table()))


def log():
    with open(DIRECTORY + "/log") as file:
        return file.read()


def saved():
    return sorted(run("ipvsadm", "-Sn").splitlines())


def start(text):
    os.makedirs(DIRECTORY, exist_ok=True)
    with open(DIRECTORY + "/aloft.conf", "w") as file:
        file.write(text)
    output = open(DIRECTORY + "/log", "w")
    words = [ALOFT, "run", "-n", "-l", "-f", DIRECTORY + "/aloft.conf", "--state-dir", DIRECTORY]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)


CHECK = "        TCP_CHECK {\n            connect_timeout 0.2\n            retry 0\n        }\n"
PATIENCE = ("delay_loop 0.3", "delay_before_retry 0.1", "warmup 0")
SCHEDULERS = "rr wrr lc wlc lblc lblcr sh mh dh fo ovf sed nq twos".split()
GLOBALS = """global_defs {
    router_id lab
    data_plane ipvs
    lvs_timeouts tcp 1234 tcpfin 56 udp 78
    lvs_flush
}
"""
SYNC = "    lvs_sync_daemon sync0 VI_1 id 7 maxlen 1400 port 8850 ttl 3 group 224.0.0.99\n}\n"
INSTANCE = """vrrp_instance VI_1 {
    state MASTER
    interface sync0
    virtual_router_id 51
    priority 150
    advert_int 0.1
    version 3
    virtual_ipaddress {
        10.7.0.100/24
    }
}
"""
SERVERS = [f"10.9.0.1{number} 80" for number in (1, 2, 3)]
SERVERS_IPV6 = [f"fd00:9::1{number} 80" for number in (1, 2, 3)]


def configuration():
    """Every keyword that ip_vs knows of."""
    text = GLOBALS.replace("}\n", SYNC) + INSTANCE
    # Those with traffic.
    text += block("10.8.0.100 80", SERVERS, "lvs_sched wrr", "protocol TCP", *PATIENCE, check=CHECK)
    text += block("10.9.0.101 80", SERVERS, "lvs_sched rr", "lvs_method DR", "protocol TCP")
    text += block("10.9.0.102 80", SERVERS, "lvs_sched rr", "lvs_method TUN", "protocol TCP")
    text += block("fd00:8::100 80", SERVERS_IPV6, "lvs_sched rr", "protocol TCP")
    text += block("fwmark 5", [server.split()[0] for server in SERVERS], "lvs_sched rr", "lvs_method DR")
    # Those that are looked at in the listing.
    for number, name in enumerate(SCHEDULERS):
        text += block(f"10.8.0.150 {1001 + number}", ["10.9.0.11 80"], f"lvs_sched {name}", "protocol TCP")
    text += block("10.8.0.100 7", ["10.9.0.11 7"], "lvs_sched rr", "protocol UDP")
    text += block("10.8.0.160 53", ["10.9.0.11 53"], "lvs_sched rr", "ops", "protocol UDP")
    text += block(
        "10.8.0.160 5060", ["10.9.0.11 5060"], "lvs_sched rr", "persistence_timeout 90", "persistence_engine sip",
        "protocol UDP")
    text += block("10.8.0.160 2905", ["10.9.0.11 2905"], "lvs_sched wlc", "protocol SCTP")
    text += block(
        "10.8.0.161 0", ["10.9.0.11 0"], "lvs_sched wlc", "persistence_timeout 300",
        "persistence_granularity 255.255.255.0", "protocol TCP")
    text += block(
        "fd00:8::161 80", ["fd00:9::11 80"], "lvs_sched wlc", "persistence_timeout 300", "persistence_granularity 64",
        "protocol TCP")
    text += block("10.8.0.162 80", ["10.9.0.11 80"], "lvs_sched sh", "sh-port", "sh-fallback", "protocol TCP")
    text += block("10.8.0.163 80", ["10.9.0.11 80"], "lvs_sched mh", "mh-port", "protocol TCP")
    text += block(
        "10.8.0.164 80", ["10.9.0.11 80"], "lvs_sched wlc", "protocol TCP",
        each="        weight 7\n        uthreshold 500\n        lthreshold 400\n")
    text += block("10.9.0.165 80", ["10.9.0.11 80"], "lvs_sched rr", "lvs_method TUN type gue port 6080 remcsum", "protocol TCP")
    text += block("10.9.0.166 80", ["10.9.0.11 80"], "lvs_sched rr", "lvs_method TUN type gre csum", "protocol TCP")
    text += block("fwmark 6", ["fd00:9::11 80"], "lvs_sched rr", "ip_family inet6")
    return text


def topology():
    run("modprobe", "-a", "ip_vs", "veth", "bridge", "dummy", "ipip", "ipv6", "sch_ingress", "cls_flower", "act_skbedit")
    for name in ("client", "s1", "s2", "s3"):
        os.makedirs("/run/netns", exist_ok=True)
        run("ip", "netns", "add", name)
    ends = {"client": "2", "s1": "11", "s2": "12", "s3": "13"}
    lines = ["link add br0 type bridge mcast_snooping 0", "link set br0 up"]
    for name in ends:
        lines += [f"link add v{name} type veth peer name eth0 netns {name}", f"link set v{name} master br0 up"]
    for address in ("10.8.0.1/24", "10.9.0.1/24", "10.8.0.100/32", "10.9.0.101/32", "10.9.0.102/32", "10.9.0.105/32"):
        lines.append(f"addr add {address} dev br0")
    for address in ("fd00:8::1/64", "fd00:9::1/64", "fd00:8::100/128"):
        lines.append(f"addr add {address} dev br0 nodad")
    lines += ["link add sync0 type dummy", "link set sync0 multicast on up", "addr add 10.7.0.1/24 dev sync0"]
    ip(*lines)
    for name, number in ends.items():
        lines = ["link set lo up", f"addr add 10.9.0.{number}/24 dev eth0", f"addr add fd00:9::{number}/64 dev eth0 nodad"]
        if name == "client":
            lines += ["addr add 10.8.0.2/24 dev eth0", "addr add fd00:8::2/64 dev eth0 nodad"]
        lines.append("link set eth0 up")
        if name != "client":
            lines += ["route add 10.8.0.0/24 via 10.9.0.1", "route add fd00:8::/64 via fd00:9::1", "link set tunl0 up"]
            lines += [f"addr add 10.9.0.{number}/32 dev lo" for number in (101, 102, 105)]
        ip(*lines, inside=name)
        if name != "client":
            with Inside(name):
                for path in ("all/arp_ignore", "eth0/arp_ignore"):
                    setting("net/ipv4/conf/" + path, 1)
                setting("net/ipv4/conf/all/arp_announce", 2)
                for path in ("all", "tunl0", "eth0"):
                    setting(f"net/ipv4/conf/{path}/rp_filter", 0)
                # Client and servers are on one link: the director would send the servers there, past itself.
                for path in ("ipv4/conf/all", "ipv4/conf/eth0", "ipv6/conf/all", "ipv6/conf/eth0"):
                    setting(f"net/{path}/accept_redirects", 0)
    setting("net/ipv4/ip_forward", 1)
    setting("net/ipv6/conf/all/forwarding", 1)
    run("tc", "qdisc", "add", "dev", "br0", "ingress")
    run(*"tc filter add dev br0 parent ffff: protocol ip flower dst_ip 10.9.0.105 action skbedit mark 5".split())


def daemon():
    return run("ipvsadm", "-ln", "--daemon").strip()


def workers():
    return {
        int(pid) for pid in os.listdir("/proc")
        if pid.isdigit() and read(f"/proc/{pid}/comm").strip() == "aloftd-health"}


def health():
    # It says by its code that a service is refused.
    words = [ALOFT, "status", "--json", "--state-dir", DIRECTORY]
    return json.loads(subprocess.run(words, capture_output=True, text=True).stdout)["health"]


def scheduled(name):
    """The connections of all servers of a service."""
    servers = [service["servers"] for service in health()["services"] if service["name"] == name][0]
    return sum(server["connections"] for server in servers)


def state(service, server):
    servers = [entry["servers"] for entry in health()["services"] if entry["name"] == service][0]
    return [entry["state"] for entry in servers if f"{entry['address']}:{entry['port']}" == server][0]


def day():
    topology()
    servers = {number: serve(number) for number in (1, 2, 3)}
    # Someone else's, which lvs_flush takes away.
    run("ipvsadm", "-A", "-t", "10.8.0.99:99", "-s", "rr")
    process = start(configuration())
    wait(lambda: "in the table" in log(), what="the table")
    tell("listing", saved())
    tell("thresholds", run("ipvsadm", "-ln", "-t", "10.8.0.164:80", "--thresholds").strip().splitlines()[-1].split())
    tell("timeouts", run("ipvsadm", "-l", "--timeout").strip())
    wait(lambda: "master" in daemon(), what="a sync daemon that tells", pause=0.1)
    tell("daemon of the master", daemon())

    tell("NAT", spread("10.8.0.100", 12))
    tell("DR", spread("10.9.0.101", 6))
    tell("TUN", spread("10.9.0.102", 6))
    tell("IPv6", spread("fd00:8::100", 6))
    tell("mark", spread("10.9.0.105", 6, port=80))
    # The kernel adds up its counters every two seconds.
    names = ("10.8.0.100", "10.9.0.101", "10.9.0.102", "fd00:8::100")
    counted = lambda: {name: scheduled(f"[{name}]:tcp:80") for name in names}
    wait(lambda: sum(counted().values()) >= 30, what="the connections to be counted", pause=0.2)
    tell("counted", counted())
    tell("plane", health()["data_plane"])
    # Every look reads all services back: whatever is read otherwise than it was written would have been put right.
    tell("repairs", health()["repairs"])
    tell("refused", [[service["name"], service["refused"]] for service in health()["services"] if "refused" in service])

    # Servers that an operator drains: connections stay, of UDP too, which the kernel does not call active.
    connection = connect("10.8.0.100")
    who = ask(connection)
    server = f"10.9.0.1{who[-1]}:80"
    with Inside("client"):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.sendto(b"x", ("10.8.0.100", 7))
    run(ALOFT, "drain", server, "--state-dir", DIRECTORY)
    run(ALOFT, "drain", "10.9.0.11:7", "--state-dir", DIRECTORY)
    tell("new connections to a drained server", spread("10.8.0.100", 6).get(who, 0))
    time.sleep(2.5)
    tell("old connection to a drained server", ask(connection) == who)
    tell("drained with connections", [state("[10.8.0.100]:tcp:80", server), state("[10.8.0.100]:udp:7", "10.9.0.11:7")])
    connection.close()
    wait(lambda: state("[10.8.0.100]:tcp:80", server) == "DRAINED", what="the server to be drained", pause=0.2)
    run(ALOFT, "undrain", server, "--state-dir", DIRECTORY)
    run(ALOFT, "undrain", "10.9.0.11:7", "--state-dir", DIRECTORY)
    tell("undrained", spread("10.8.0.100", 6))

    # A server that dies, and comes back.
    gone = "-> 0A09000C:0050 Masq"
    end(servers[2])
    tell("dead server leaves", wait(lambda: not any(nat_part(table(), gone)), what="the dead server to leave"))
    tell("NAT of two", spread("10.8.0.100", 6))
    servers[2] = serve(2)
    tell("server returns", wait(lambda: any(nat_part(table(), gone)), what="the server to return"))

    # What others do.
    before = sorted(table())
    count = services()
    run("ipvsadm", "-C")
    tell("emptied to repaired", wait(lambda: services() == count and sorted(table()) == before, what="the table again"))
    run("ipvsadm", "-D", "-t", "[fd00:8::161]:80")
    tell("a service of IPv6 to repaired", wait(lambda: sorted(table()) == before, what="the service again"))
    run("ipvsadm", "-e", "-t", "10.9.0.101:80", "-r", "10.9.0.12:80", "-g", "-w", "77")
    tell("a weight to repaired", wait(lambda: sorted(table()) == before, what="the weight again"))
    run("ipvsadm", "-E", "-t", "10.9.0.101:80", "-s", "wlc")
    tell("a scheduler to repaired", wait(lambda: sorted(table()) == before, what="the scheduler again"))
    # One that nobody asked for stays.
    run("ipvsadm", "-A", "-t", "10.8.0.99:99", "-s", "rr")

    # The worker dies: nothing changes, and connections go on.
    connection = connect("10.8.0.100")
    who = ask(connection)
    victims = workers()
    ready = log().count("in the table")
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    same, answers = True, set()

    def successor():
        nonlocal same
        same = same and [line for line in sorted(table()) if "0A080063" not in line] == before
        answers.add(ask(connection) == who)
        return log().count("in the table") > ready

    tell("killed to successor", wait(successor, what="the successor", pause=0.01))
    tell("table stays", same)
    tell("connection stays", sorted(answers) == [True] and len(victims) == 1)
    tell("after the death", [line for line in saved() if "10.8.0.99" in line])

    # The instance loses its interface: the sync daemon listens.
    ip("link set sync0 down")
    wait(lambda: "backup" in daemon(), what="a sync daemon that listens", pause=0.1)
    tell("daemon of the backup", daemon())

    # A reload: another weight and a service less.
    text = configuration().replace("weight 7", "weight 8").replace("virtual_server 10.8.0.163 80", "virtual_server 10.8.0.170 80")
    # Another that somebody has made meanwhile, which nobody can see coming (IPv6 is not counted), and one whose server the kernel does not take.
    run("ipvsadm", "-A", "-t", "[fd00:8::171]:80", "-s", "lc")
    run("ipvsadm", "-a", "-t", "[fd00:8::171]:80", "-r", "[fd00:9::13]:80", "-m", "-w", "5")
    text += block("fd00:8::171 80", ["fd00:9::11 80"], "lvs_sched rr", "protocol TCP")
    text += block("10.8.0.172 80", ["10.9.0.11 80", "10.9.0.255 80"], "lvs_sched rr", "protocol TCP")
    with open(DIRECTORY + "/aloft.conf", "w") as file:
        file.write(text)
    run(ALOFT, "reload", "--state-dir", DIRECTORY)
    wait(lambda: "0A0800AA:0050" in "".join(table()), what="the reloaded service")
    tell("reloaded", [line for line in saved() if re.search(r"(10\.8\.0\.|fd00:8::)(163|164|17.)", line)])
    tell("not reloaded", [line.split(" error ")[1] for line in log().splitlines() if " error 10.8.0.172" in line])

    process.send_signal(signal.SIGTERM)
    tell("exit", process.wait(10))
    tell("left", saved())
    tell("daemons left", daemon())

    # Tunnels between the families, which the kernel does not have beside a sync daemon.
    mixed = block("fd00:8::102 80", ["10.9.0.11 80"], "lvs_sched rr", "lvs_method TUN", "protocol TCP")
    mixed += block("10.8.0.103 80", ["fd00:9::11 80"], "lvs_sched rr", "lvs_method TUN type gue port 6080", "protocol TCP")
    process = start(GLOBALS + mixed)
    wait(lambda: "in the table" in log(), what="the mixed table")
    tell("mixed", saved())
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    ip("link set sync0 up")
    process = start(GLOBALS.replace("}\n", "    lvs_sync_daemon sync0\n}\n") + mixed)
    wait(lambda: "in the table" in log(), what="the mixed table beside a sync daemon")
    tell("mixed and synchronized", sorted(line.split(" error ")[1] for line in log().splitlines() if " error " in line))
    tell("both daemons", sorted(line.split()[0] for line in daemon().splitlines()))
    process.send_signal(signal.SIGTERM)
    process.wait(10)


def nat_part(lines, server):
    """The lines of a server that has NAT in the service 10.8.0.100:80."""
    found, inside = [], False
    for line in lines:
        if not line.startswith("->"):
            inside = line.startswith("TCP 0A080064:0050")
        elif inside and line.startswith(server):
            found.append(line)
    return found


def size(count):
    """How long many services take, beside ipvsadm."""
    run("modprobe", "-a", "ip_vs", "ip_vs_wrr", "dummy")
    names = [(f"10.{128 + n // 65536}.{n // 256 % 256}.{n % 256}", [f"172.16.{m // 256 % 256}.{m % 256}" for m in range(3 * n, 3 * n + 3)])
             for n in range(count)]
    lines = []
    for service, servers in names:
        lines.append(f"-A -t {service}:80 -s wrr")
        lines += [f"-a -t {service}:80 -r {server}:80 -m -w 1" for server in servers]
    # In a namespace of its own: of servers that were removed the kernel keeps a list for two minutes, and looks through it for each that is added.
    run("ip", "netns", "add", "other")
    ip("link set lo up", inside="other")
    begin = time.monotonic()
    run("ip", "netns", "exec", "other", "ipvsadm", "-R", text="\n".join(lines) + "\n")
    tell("ipvsadm -R", round((time.monotonic() - begin) * 1000))
    wanted = hash(run("ip", "netns", "exec", "other", "ipvsadm", "-Sn"))
    run("ip", "netns", "del", "other")
    text = GLOBALS.replace("}\n", "    lvs_flush_on_stop\n}\n")
    for service, servers in names:
        text += block(f"{service} 80", [server + " 80" for server in servers], "lvs_sched wrr", "protocol TCP")
    process = start(text)
    begin = time.monotonic()
    wait(lambda: services() > 0, 120, "the first service", pause=0.001)
    first = time.monotonic()
    # The last server of the last service comes last; services come in the order of their addresses.
    wait(lambda: services() == count, 120, "the services", pause=0.001)
    tell("aloft", round((time.monotonic() - first) * 1000))
    tell("aloft from its start", round((time.monotonic() - begin) * 1000))
    wait(lambda: "in the table" in log(), 60, "the worker to be ready")
    tell("equal", hash(run("ipvsadm", "-Sn")) == wanted)
    time.sleep(0.5)  # A look or two: the plane learns the kernel's order.
    run("ipvsadm", "-C")
    tell("emptied to repaired", wait(lambda: services() == count and "put right" in log(), 60, "the table again"))
    run("ipvsadm", "-e", "-t", f"{names[count // 2][0]}:80", "-r", f"{names[count // 2][1][1]}:80", "-m", "-w", "9")
    tell("a weight among many to repaired", wait(lambda: "put right (1 steps)" in log(), 60, "the weight again", pause=0.05))
    # Someone else's goes as well: lvs_flush_on_stop.
    run("ipvsadm", "-A", "-t", "10.8.0.99:99", "-s", "rr")
    process.send_signal(signal.SIGTERM)
    begin = time.monotonic()
    tell("exit", process.wait(20))
    tell("stopped within", round((time.monotonic() - begin) * 1000))
    tell("left", len(saved()))
    if "did not stop in time" in log():
        tell("killed", True)


if MODE == "table":
    day()
else:
    size(int(sys.argv[3]))
