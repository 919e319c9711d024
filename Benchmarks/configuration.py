#!/usr/bin/env python3
"""Times `aloft check` beside `keepalived -t` on the same files, in turn: medians, CPU, peak memory, ratios; and how long
`aloft check` takes from its start to its end on a small file. scripts/bench runs it, in a network namespace of its own:
`keepalived -t` wants the interfaces of its instances to exist.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time

INSTANCES_A_LINK = 255


def servers(count):
    """`count` virtual servers with three real servers each."""
    yield "global_defs {\n    script_user root\n}\n"
    for n in range(count):
        a, b = divmod(n, 250)
        yield (f"virtual_server 10.60.{a}.{b + 1} 80 {{\n    delay_loop 6\n    lb_algo wlc\n    lb_kind NAT\n"
               "    protocol TCP\n")
        for r in range(3):
            yield (f"    real_server 10.{80 + r}.{a}.{b + 1} 80 {{\n        weight 1\n        TCP_CHECK {{\n"
                   "            connect_timeout 3\n        }\n    }\n")
        yield "}\n"


def routers(count):
    """`count` instances, 255 a link."""
    yield "global_defs {\n    vrrp_version 3\n}\n"
    for n in range(count):
        link, vrid = divmod(n, INSTANCES_A_LINK)
        yield (f"vrrp_instance VI_{n} {{\n    state BACKUP\n    interface eth{link}\n    virtual_router_id {vrid + 1}\n"
               f"    priority 150\n    advert_int 1\n    virtual_ipaddress {{\n        10.{100 + link}.{vrid}.10/32\n    }}\n}}\n")


CASES = [
    ("10 virtual servers × 3", "".join(servers(10))),
    ("1,000 virtual servers × 3", "".join(servers(1000))),
    ("10,000 virtual servers × 3", "".join(servers(10000))),
    ("255 instances", "".join(routers(255))),
    ("1,020 instances", "".join(routers(1020))),
]
# CPU milliseconds and megabytes of the largest; milliseconds from start to end of the smallest.
CPU_GOAL, MEMORY_GOAL, START_GOAL = 150, 60, 10


def make_links():
    for n in range((1020 + INSTANCES_A_LINK - 1) // INSTANCES_A_LINK):
        for command in (f"link add eth{n} type veth peer name peer{n}", f"link set eth{n} up", f"link set peer{n} up",
                        f"addr add 10.{100 + n}.255.1/16 dev eth{n}"):
            subprocess.run(["ip"] + command.split(), check=True)


def run(command):
    """Wall and CPU milliseconds, and the exit status."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    start = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - start
    return wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000, os.waitstatus_to_exitcode(status)


def memory(command):
    """Peak megabytes, by GNU time: a child of this program would begin with this program's memory."""
    if not os.path.exists("/usr/bin/time"):
        return None
    with tempfile.NamedTemporaryFile("r") as out:
        subprocess.run(["/usr/bin/time", "-f", "%M", "-o", out.name] + command, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return int(out.read().split()[-1]) / 1024


def measure(programs, runs):
    """In turn, so that what else the machine does falls on all of them. {name: (wall, cpu, megabytes, status)}"""
    results = {name: [] for name, _ in programs}
    for _ in range(runs):
        for name, command in programs:
            results[name].append(run(command))
    return {name: (statistics.median(r[0] for r in results[name]), statistics.median(r[1] for r in results[name]),
                   memory(command), results[name][0][2]) for name, command in programs}


def number(value):
    return "?" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("aloft", help="the program to measure")
    parser.add_argument("--runs", type=int, default=11, help="of each program with each file (11)")
    parser.add_argument("--start-runs", type=int, default=100, help="with the small file (100)")
    parser.add_argument("--against", help="another aloft, such as one from before a change")
    options = parser.parse_args()
    keepalived = shutil.which("keepalived", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if keepalived:
        make_links()
    else:
        print("skipped: there is no keepalived to compare with")

    def programs(path):
        found = [("aloft", [options.aloft, "check", "--compat", "keepalived", path])]
        if options.against:
            found.append(("before", [options.against, "check", "--compat", "keepalived", path]))
        if keepalived:
            found.append(("keepalived", [keepalived, "-t", "-f", path]))
        return found

    missed = []

    def judge(what, value, goal, unit):
        verdict = "met" if value is not None and value <= goal else "missed"
        print(f"{what}: {number(value)} {unit}, goal {goal} {unit}: {verdict}")
        if verdict == "missed":
            missed.append(what)

    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "keepalived.conf")
        print("| file | MB | program | wall ms | CPU ms | peak MB | exit | CPU of keepalived's |\n|-|-|-|-|-|-|-|-|")
        for label, text in CASES:
            with open(path, "w") as file:
                file.write(text)
            results = measure(programs(path), options.runs)
            for name, (wall, cpu, megabytes, status) in results.items():
                peer = results.get("keepalived")
                ratio = f"{cpu / peer[1]:.2f}" if peer and peer[1] > 0 else "?"
                print(f"| {label} | {len(text) / 1e6:.2f} | {name} | {number(wall)} | {number(cpu)} | {number(megabytes)} "
                      f"| {status} | {ratio} |", flush=True)
            if label.startswith("10,000"):
                largest = results["aloft"]
        with open(path, "w") as file:
            file.write("".join(routers(1)))
        start = measure(programs(path), options.start_runs)
    print()
    for name, (wall, cpu, megabytes, _) in start.items():
        print(f"one instance, {name}: {wall:.2f} ms from start to end, {cpu:.2f} ms of CPU, {number(megabytes)} MB")
    judge("10,000 virtual servers, CPU", largest[1], CPU_GOAL, "ms")
    judge("10,000 virtual servers, memory", largest[2], MEMORY_GOAL, "MB")
    judge("one instance, start to end", start["aloft"][0], START_GOAL, "ms")
    sys.exit(1 if missed else 0)


main()
