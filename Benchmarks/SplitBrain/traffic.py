"""What runs inside the namespaces: the service on each node, and the client that samples both and hears every claim.

The client asks both nodes at their own MAC addresses, so that it speaks for every host with whatever neighbour entry. A node's answer carries the
boot clock at which it was given. All namespaces share one kernel and one clock, so "both served at once" needs no tolerance: a lease that is
in force for the question and for the answer is in force at that time too."""
import select, signal, socket, struct, time

PORT = 7000
RECORD = struct.Struct("<BBqq")  # kind, node, served or claimed at, asked at
ANSWER, CLAIM = 0, 1
ANSWER_BYTES = struct.Struct("<BQq")


def boot():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def real_to_boot():
    """What is added to a time of the wall clock; the best of a few readings, since a process may be interrupted between two."""
    best = None
    for _ in range(5):
        before, real, after = boot(), time.clock_gettime_ns(time.CLOCK_REALTIME), boot()
        if best is None or after - before < best[0]:
            best = (after - before, (before + after) // 2 - real)
    return best[1]


def serve(number, address):
    """The service: answers with the node's number and the time. It is bound to the virtual address wherever that is."""
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    link.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND
    link.bind((address, PORT))
    while True:
        question, sender = link.recvfrom(64)
        try:
            link.sendto(ANSWER_BYTES.pack(number, struct.unpack_from("<Q", question)[0], boot()), sender)
        except OSError:
            pass  # the address has just gone


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(own_mac, mac, source, destination, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(payload), 0, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(destination))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return mac + own_mac + b"\x08\x00" + head + struct.pack("!HHHH", PORT, PORT, 8 + len(payload), 0) + payload


def who_has(own_mac, source, target):
    return b"\xff" * 6 + own_mac + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own_mac + socket.inet_aton(source) + bytes(6) + socket.inet_aton(target)


def sample(path, source, address, own_mac, macs, interval):
    """Writes a record for each answer, and for each ARP frame that says who has the address."""
    own = bytes.fromhex(own_mac.replace(":", ""))
    nodes = [bytes.fromhex(mac.replace(":", "")) for mac in macs]
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind(("eth0", 0))
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    answers.bind((source, PORT))
    answers.setblocking(False)
    claims = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    claims.bind(("eth0", 0x0806))
    claims.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: the kernel's time of arrival, not ours of reading
    claims.setblocking(False)
    wanted = socket.inet_aton(address)
    resolve = who_has(own, source, address)
    asked = {}
    sequence, beginning, written = 0, boot(), boot()
    with open(path, "wb", buffering=1 << 20) as output:
        while True:
            due = beginning + (sequence + 1) * interval
            wait = due - boot()
            if wait > 0:
                select.select([answers, claims], [], [], wait / 1e9)
            now = boot()
            if now >= due:
                # What could not be asked in time is not asked at all.
                sequence = max(sequence + 1, (now - beginning) // interval)
                payload = struct.pack("<Q", now)
                for mac in nodes:
                    try:
                        raw.send(frame(own, mac, source, address, payload))
                        if sequence % 20 == 0:
                            raw.send(resolve)
                    except OSError:
                        pass
            while True:
                try:
                    number, sent, served = ANSWER_BYTES.unpack(answers.recv(64))
                except BlockingIOError:
                    break
                output.write(RECORD.pack(ANSWER, number, served, sent))
            while True:
                try:
                    data, extra, _, _ = claims.recvmsg(128, 64)
                except BlockingIOError:
                    break
                # Sender's address and MAC address; who only asks with its own address claims nothing.
                if data[28:32] == wanted and data[6:12] in nodes:
                    seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
                    at = seconds * 10**9 + nanoseconds + real_to_boot()
                    output.write(RECORD.pack(CLAIM, nodes.index(data[6:12]), at, 0))
            if now - written > 20_000_000:
                output.flush()
                written = now
