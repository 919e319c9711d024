"""Two directors with ip_vs that tell each other of their connections, and one of them dies: in a kernel of its own (scripts/uml).

    client 10.8.0.2 ── directors 10.8.0.11, .12, 10.9.0.1, .2 ── server 10.9.0.11
              service 10.8.0.100, the server's way back 10.9.0.254: whoever is master

ipvs-pair.py pair ALOFT"""
import os, time
from functools import partial

import ipvs_kit
from ipvs_kit import Inside, ask, block, connect, inside, ip, read, run, serve, setting, start, tell

DIRECTORS = ("d1", "d2")
wait = partial(ipvs_kit.wait, limit=20)


def configuration(priority):
    return f"""global_defs {{
    router_id {priority}
    data_plane ipvs
    lvs_sync_daemon eth0 VI_1
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 0.1
    version 3
    virtual_ipaddress {{
        10.8.0.100/24
        10.9.0.254/24
    }}
}}
""" + block("10.8.0.100 80", ["10.9.0.11 80"], "lvs_sched rr", "lvs_method NAT", "protocol TCP")


def direct_from(name, priority):
    os.makedirs("/run/" + name, exist_ok=True)
    file = f"/run/{name}/aloft.conf"
    with open(file, "w") as written:
        written.write(configuration(priority))
    return start(name, file)


def daemon(name):
    return inside(name, "ipvsadm", "-ln", "--daemon").split(" ")[0]


run("modprobe", "-a", "ip_vs", "veth", "bridge")
os.makedirs("/run/netns", exist_ok=True)
addresses = {
    "client": ["10.8.0.2/24"], "d1": ["10.8.0.11/24", "10.9.0.1/24"], "d2": ["10.8.0.12/24", "10.9.0.2/24"], "s1": ["10.9.0.11/24"]}
lines = ["link add br0 type bridge mcast_snooping 0", "link set br0 up"]
for name in addresses:
    run("ip", "netns", "add", name)
    lines += [f"link add v{name} type veth peer name eth0 netns {name}", f"link set v{name} master br0 up"]
ip(*lines)
for name, own in addresses.items():
    ip("link set lo up", *[f"addr add {address} dev eth0" for address in own], "link set eth0 up", inside=name)
ip("route add 10.8.0.0/24 via 10.9.0.254", inside="s1")
for name in DIRECTORS:
    with Inside(name):
        setting("net/ipv4/ip_forward", 1)
        for path in ("all", "eth0"):
            # All are on one link: the directors would send client and server there, past themselves.
            setting(f"net/ipv4/conf/{path}/send_redirects", 0)
        # As soon as a connection stands.
        setting("net/ipv4/vs/sync_threshold", "1 10")
server = serve(1)
processes = {name: direct_from(name, priority) for name, priority in (("d1", 150), ("d2", 100))}
wait(lambda: "MASTER STATE" in read("/run/d1/log") and "in the table" in read("/run/d1/log"), "d1 to be master")
wait(lambda: "in the table" in read("/run/d2/log"), "the table of d2")
wait(lambda: daemon("d1") == "master" and daemon("d2") == "backup", "the sync daemons")
connection = connect("10.8.0.100")
connection.settimeout(10)
name = f"10.8.0.2:{connection.getsockname()[1]}"
tell("before", ask(connection))
wait(lambda: (ask(connection), name in inside("d2", "ipvsadm", "-lnc"))[1], "d2 to hear of the connection")
# The machine is gone: nothing is said any more.
ip("link set vd1 down")
begin = time.monotonic()
tell("after", ask(connection))
tell("silence", round((time.monotonic() - begin) * 1000))
tell("master now", "MASTER STATE" in read("/run/d2/log"))
wait(lambda: daemon("d2") == "master", "d2 to tell")
tell("tells now", daemon("d2"))
for process in processes.values():
    process.terminate()
tell("exits", [process.wait(15) for process in processes.values()])
