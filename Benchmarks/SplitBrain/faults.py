"""What is done to the holder, its network and its arbiters. Each fault is a function of the daemon, the holder and the other node: it breaks something, gives
the others time, and puts it right again. The client samples all the while."""
import os, signal, subprocess, threading, time
from lab import HERE

def arbiters(daemon):
    return daemon.lane.names[3:]


def both_ways(pairs):
    return pairs + [(b, a) for a, b in pairs]


def cut_while(daemon, pairs):
    daemon.lane.cut(*pairs)
    time.sleep(daemon.pause)
    daemon.lane.heal()


def crash(daemon, holder, other):
    daemon.crash(holder)
    time.sleep(daemon.pause)


def freeze(daemon, holder, other):
    daemon.signal_all(holder, signal.SIGSTOP)
    time.sleep(daemon.pause)
    daemon.signal_all(holder, signal.SIGCONT)


def freeze_announcing(daemon, holder, other):
    """The other becomes master and announces for three seconds; in the middle of that it is stopped, and goes on when somebody else has taken over."""
    daemon.stop(holder)
    daemon.lane.wait_for("the other to serve", 5, lambda: daemon.lane.serving() == {daemon.number(other)})
    daemon.processes[holder].wait()
    daemon.start(holder)
    time.sleep(0.7)
    freeze(daemon, other, holder)


def cut_nodes(daemon, holder, other):
    cut_while(daemon, both_ways([(holder, other)]))


def cut_to_arbiter(daemon, holder, other):
    cut_while(daemon, both_ways([(holder, a) for a in arbiters(daemon)]))


def cut_holder(daemon, holder, other):
    """From the other node and from the arbiter. Clients reach it."""
    cut_while(daemon, both_ways([(holder, a) for a in [other] + arbiters(daemon)]))


def cut_from_holder(daemon, holder, other):
    cut_while(daemon, [(holder, a) for a in [other] + arbiters(daemon)])


def cut_towards_holder(daemon, holder, other):
    cut_while(daemon, [(a, holder) for a in [other] + arbiters(daemon)])


def cut_adverts(daemon, holder, other):
    """The other does not hear the holder any more; everything else arrives."""
    cut_while(daemon, [(holder, other)])


def foreign_rules(daemon, holder, other):
    """20,000 chains in the holder's namespace, in one commit, while it is cut off."""
    text = "table inet foreign {\n" + "".join(f"chain c{n} {{ ip saddr 198.51.100.{n % 256} drop; }}\n" for n in range(20000)) + "}\n"
    child = subprocess.Popen(["ip", "netns", "exec", daemon.lane.space(holder), "nft", "-f", "-"], stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    child.stdin.write(text)
    child.stdin.close()
    time.sleep(0.3)
    cut_holder(daemon, holder, other)
    child.wait()
    daemon.lane.inside(holder, "nft", "delete table inet foreign")


def fence_removed(daemon, holder, other):
    """By hand, while the daemon is cut off: what is left is the daemon."""
    daemon.lane.cut(*both_ways([(holder, a) for a in [other] + arbiters(daemon)]))
    daemon.lane.inside(holder, "/usr/bin/python3", HERE + "/splitbrain", "unfence")
    daemon.lane.inside(holder, "nft", "flush ruleset")
    time.sleep(daemon.pause)
    daemon.lane.heal()


def arbiter_restarted(daemon, holder, other):
    for name in daemon.kill_arbiters(1):
        time.sleep(0.2)
        daemon.start_arbiter(name)
    time.sleep(daemon.pause)


def arbiters_killed(daemon, holder, other):
    """Two of three, for longer than the lease."""
    killed = daemon.kill_arbiters(2)
    time.sleep(daemon.pause)
    for name in killed:
        daemon.start_arbiter(name)


def stop(daemon, holder, other):
    daemon.stop(holder)
    time.sleep(daemon.pause / 2)


def worker_killed(daemon, holder, other):
    os.kill(daemon.worker(holder), signal.SIGKILL)
    time.sleep(daemon.pause)


def supervisor_killed(daemon, holder, other):
    daemon.processes[holder].kill()
    daemon.processes[holder].wait()
    time.sleep(daemon.pause)


FAULTS = {
    "crash of everything": crash,
    "SIGSTOP of everything, SIGCONT": freeze,
    "SIGCONT amid announcements": freeze_announcing,
    "cut between the nodes": cut_nodes,
    "cut to the arbiter": cut_to_arbiter,
    "cut to both": cut_holder,
    "one-way cut from the holder": cut_from_holder,
    "one-way cut towards the holder": cut_towards_holder,
    "the other does not hear it": cut_adverts,
    "20,000 foreign chains": foreign_rules,
    "fence removed, cut to both": fence_removed,
    "arbiter kill -9, restart": arbiter_restarted,
    "two of three arbiters killed": arbiters_killed,
    "orderly stop": stop,
    "worker killed": worker_killed,
    "supervisor killed": supervisor_killed,
}


def applies(fault, kind):
    has_arbiter = kind not in ("keepalived", "aloft")
    if fault in ("cut to the arbiter", "cut to both", "fence removed, cut to both", "arbiter kill -9, restart") and not has_arbiter:
        return False
    if fault == "two of three arbiters killed":
        return kind == "etcd-3"
    return True
