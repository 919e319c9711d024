"""Servers that the probes are tried against, good and evil. usage: servers.py KIND [ARGUMENT]

Listens on a free port of 127.0.0.1, writes it on a line, and ends when standard input does.
"""
import os
import socket
import struct
import sys
import threading
import time

kind = sys.argv[1]
argument = sys.argv[2] if len(sys.argv) > 2 else ""


def smtp(peer):
    peer.sendall(b"220-mail.example.org\r\n220 ESMTP\r\n")
    reader = peer.makefile("rb")
    for line in reader:
        if line.startswith(b"HELO "):
            peer.sendall(b"250 hello\r\n" if not argument else argument.encode() + b"\r\n")
        elif line.startswith(b"QUIT"):
            peer.sendall(b"221 bye\r\n")
            return


def request(peer):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        if not piece:
            break
        data += piece
    return data


def pour(peer, piece, count):
    """Until the other side has had enough."""
    for _ in range(count):
        peer.sendall(piece)


def headers(peer):
    request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    pour(peer, b"X-Filler: " + b"a" * 65524 + b"\r\n", 16384)


def body(peer):
    request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    pour(peer, b"a" * 65536, 16384)


def bomb(peer):
    """A gigabyte of zeros in a megabyte of gzip: what is digested is what came."""
    import zlib
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    packed = b"".join(packer.compress(zeros) for _ in range(1024)) + packer.flush()
    request(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)


def drip(peer):
    """A byte now and then, for ever."""
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(1000):
        peer.sendall(b"a")
        time.sleep(0.02)


def silent(peer):
    peer.recv(65536)
    time.sleep(3600)


def reset(peer):
    request(peer)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def half_record(peer):
    """The head of a TLS handshake record of 16 KB, and a little of it."""
    peer.recv(65536)
    peer.sendall(b"\x16\x03\x03\x40\x00\x02\x00")
    time.sleep(3600)


def plain(peer):
    peer.recv(65536)
    peer.sendall(argument.encode("latin-1").decode("unicode_escape").encode("latin-1"))


def replay(peer):
    """What a server of gRPC answered once, in hexadecimal; behind a comma a directory with cert.pem and key.pem, for TLS with ALPN h2."""
    recorded, _, certificates = argument.partition(",")
    if certificates:
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates + "/cert.pem", certificates + "/key.pem")
        context.set_alpn_protocols(["h2"])
        peer = context.wrap_socket(peer, server_side=True)
        if peer.selected_alpn_protocol() != "h2":
            return
    peer.recv(65536)
    peer.sendall(bytes.fromhex(recorded))
    while peer.recv(65536):
        pass


def count(peer):
    """Whether the other side ended in good order: 'end', or 'reset'."""
    try:
        while peer.recv(65536):
            pass
        print("end", flush=True)
    except ConnectionResetError:
        print("reset", flush=True)


def datagrams(sock):
    while True:
        data, peer = sock.recvfrom(65536)
        if kind == "udp":
            sock.sendto(bytes.fromhex(argument) if argument else data, peer)
        elif kind == "dns":
            code = int(argument or "0")
            foreign = bytes([data[0] ^ 1]) + data[1:2] + b"\x81\x80" + data[4:]
            sock.sendto(foreign, peer)
            sock.sendto(data[:2] + bytes([0x81, 0x80 | code]) + data[4:], peer)


def serve(peer):
    try:
        globals()[kind](peer)
    except OSError:
        pass
    finally:
        peer.close()


isDatagram = kind in ("udp", "dns", "mute")
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if isDatagram else socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
if not isDatagram:
    listener.listen(128)
print(listener.getsockname()[1], flush=True)


def accept():
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=serve, args=(peer,), daemon=True).start()


threading.Thread(target=(lambda: datagrams(listener)) if isDatagram else accept, daemon=True).start()
sys.stdin.read()
os._exit(0)
