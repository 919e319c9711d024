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


def solicitation(own_mac, target):
    """RFC 4861 §4.3, from a link-local address that nobody has, with our link-layer address."""
    to = socket.inet_pton(socket.AF_INET6, target)
    source = socket.inet_pton(socket.AF_INET6, "fe80::66")
    group = socket.inet_pton(socket.AF_INET6, "ff02::1:ff00:0")[:13] + to[13:]
    message = struct.pack("!BBHI", 135, 0, 0, 0) + to + b"\x01\x01" + own_mac
    total = checksum(source + group + struct.pack("!II", len(message), 58) + message)
    message = message[:2] + struct.pack("!H", total) + message[4:]
    return b"\x33\x33" + group[12:] + own_mac + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(message), 58, 255) + source + group + message


def claims_ipv4(data, wanted):
    """An ARP frame whose sender has the address, whatever it says; who only asks with its own address claims nothing."""
    return data[28:32] == wanted


def claims_ipv6(data, wanted):
    """A neighbour advertisement of the address."""
    return data[20] == 58 and data[54] == 136 and data[62:78] == wanted


def sample(path, source, address, address_6, own_mac, macs, interval):
    """Writes a record for each answer, and for each frame by which a node says that it has the address."""
    own = bytes.fromhex(own_mac.replace(":", ""))
    nodes = [bytes.fromhex(mac.replace(":", "")) for mac in macs]
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    raw.bind(("eth0", 0))
    answers = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answers.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    answers.bind((source, PORT))
    answers.setblocking(False)
    claims = []
    for protocol, family, text, claimed in ((0x0806, socket.AF_INET, address, claims_ipv4), (0x86DD, socket.AF_INET6, address_6, claims_ipv6)):
        link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
        link.bind(("eth0", protocol))
        link.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS: the kernel's time of arrival, not ours of reading
        # All multicast: announcements of IPv6 go to groups (PACKET_ADD_MEMBERSHIP, PACKET_MR_ALLMULTI).
        link.setsockopt(263, 1, struct.pack("iHH8s", socket.if_nametoindex("eth0"), 2, 0, b""))
        link.setblocking(False)
        claims.append((link, socket.inet_pton(family, text), claimed))
    resolve = [who_has(own, source, address), solicitation(own, address_6)]
    links = [answers] + [link for link, _, _ in claims]
    sequence, beginning, written = 0, boot(), boot()
    with open(path, "wb", buffering=1 << 20) as output:
        while True:
            due = beginning + (sequence + 1) * interval
            wait = due - boot()
            if wait > 0:
                select.select(links, [], [], wait / 1e9)
            now = boot()
            if now >= due:
                # What could not be asked in time is not asked at all.
                sequence = max(sequence + 1, (now - beginning) // interval)
                payload = struct.pack("<Q", now)
                for mac in nodes:
                    try:
                        raw.send(frame(own, mac, source, address, payload))
                    except OSError:
                        pass
                if sequence % 20 == 0:
                    for question in resolve:
                        raw.send(question)
            while True:
                try:
                    number, sent, served = ANSWER_BYTES.unpack(answers.recv(64))
                except BlockingIOError:
                    break
                output.write(RECORD.pack(ANSWER, number, served, sent))
            for link, wanted, claimed in claims:
                while True:
                    try:
                        data, extra, _, _ = link.recvmsg(128, 64)
                    except BlockingIOError:
                        break
                    if len(data) >= 42 and data[6:12] in nodes and claimed(data.ljust(86, b"\0"), wanted):
                        seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
                        at = seconds * 10**9 + nanoseconds + real_to_boot()
                        output.write(RECORD.pack(CLAIM, nodes.index(data[6:12]), at, 0))
            if now - written > 20_000_000:
                output.flush()
                written = now
