"""Examples/lvs-nat and Examples/lvs-dr as they stand in the repository, on ip_vs, in a kernel of its own (scripts/uml).

ipvs-examples.py nat|dr ALOFT DIRECTORY-OF-EXAMPLES"""
import os, signal, sys

from ipvs_kit import ALOFT, Inside, end, inside, ip, read, run, serve, setting, spread, start, tell, wait

MODE, EXAMPLES = sys.argv[1], sys.argv[3]
DIRECTORS = ("left", "right")


def build(links):
    """Namespaces with an interface on a bridge for each address: {name: [(bridge, interface, address)]}."""
    run("modprobe", "-a", "ip_vs", "veth", "bridge")
    os.makedirs("/run/netns", exist_ok=True)
    bridges = sorted({bridge for own in links.values() for bridge, _, _ in own})
    lines = [line for bridge in bridges for line in (f"link add {bridge} type bridge mcast_snooping 0", f"link set {bridge} up")]
    for name, own in links.items():
        run("ip", "netns", "add", name)
        for bridge, interface, _ in own:
            lines += [f"link add {name}-{interface} type veth peer name {interface} netns {name}", f"link set {name}-{interface} master {bridge} up"]
    ip(*lines)
    for name, own in links.items():
        ip("link set lo up", *[f"addr add {address} dev {interface}" for _, interface, address in own],
           *[f"link set {interface} up" for _, interface, _ in own], inside=name)


def direct_from(name):
    """A director with its file of the examples, as it is."""
    os.makedirs("/run/" + name, exist_ok=True)
    with Inside(name):
        setting("net/ipv4/ip_forward", 1)
        setting("net/ipv4/conf/all/send_redirects", 0)
        setting("net/ipv4/conf/eth0/send_redirects", 0)
    return start(name, f"{EXAMPLES}/lvs-{MODE}/{name}.conf")


def die(name, process, *interfaces):
    """A machine that is gone: its cables, and whatever runs on it."""
    ip(*[f"link set {name}-{interface} down" for interface in interfaces])
    for pid in run("ip", "netns", "pids", name).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass  # Its parent's death ended it.
    process.wait()


def holds(name, address):
    return f" {address}/" in inside(name, "ip", "-4", "-o", "addr", "show")


def nat():
    build({
        "client": [("front", "eth0", "192.168.1.77/24")],
        "left": [("front", "eth0", "192.168.1.2/24"), ("back", "eth1", "10.20.40.2/24")],
        "right": [("front", "eth0", "192.168.1.3/24"), ("back", "eth1", "10.20.40.3/24")],
        "s1": [("back", "eth0", "10.20.40.11/24")]})
    ip("route add default via 10.20.40.1", inside="s1")
    serve(1, port=22)
    processes = {name: direct_from(name) for name in DIRECTORS}
    wait(lambda: holds("left", "192.168.1.11") and holds("left", "10.20.40.1"), "left to hold both addresses")
    wait(lambda: "in the table" in read("/run/left/log"), "left's table")
    tell("listing", inside("left", "ipvsadm", "-Sn").splitlines())
    tell("by left", spread("192.168.1.11", 4, port=22))
    die("left", processes["left"], "eth0", "eth1")
    wait(lambda: holds("right", "192.168.1.11") and holds("right", "10.20.40.1"), "right to hold both addresses")
    tell("by right", spread("192.168.1.11", 4, port=22))
    processes["right"].terminate()
    tell("exit", processes["right"].wait(15))


def direct():
    servers = {f"s{number}": [("lan", "eth0", f"192.168.1.1{number}/24")] for number in (1, 2, 3)}
    build({
        "client": [("lan", "eth0", "192.168.1.77/24")], "left": [("lan", "eth0", "192.168.1.2/24")],
        "right": [("lan", "eth0", "192.168.1.3/24")], **servers})
    for name in servers:
        tell("realserver " + name, "192.168.1.10" in inside(name, ALOFT, "realserver", "up", "192.168.1.10", "--state-dir", "/run/" + name))
    running = [serve(number) for number in (1, 2, 3)]
    processes = {name: direct_from(name) for name in DIRECTORS}
    wait(lambda: holds("left", "192.168.1.10"), "left to hold the address")
    wait(lambda: "in the table" in read("/run/left/log"), "left's table")
    tell("listing", inside("left", "ipvsadm", "-Sn").splitlines())
    tell("by left", spread("192.168.1.10", 12))
    end(running[1])
    wait(lambda: "192.168.1.12:80" not in inside("left", "ipvsadm", "-Sn"), "the dead server to leave")
    tell("without two", spread("192.168.1.10", 12))
    die("left", processes["left"], "eth0")
    wait(lambda: holds("right", "192.168.1.10"), "right to hold the address")
    tell("by right", spread("192.168.1.10", 12))
    processes["right"].terminate()
    tell("exit", processes["right"].wait(15))


direct() if MODE == "dr" else nat()
