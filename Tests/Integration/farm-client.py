"""A client of the farm. ask ADDRESS PORT COUNT [SOURCE]: so many connections, and who answered each, or -.
stay ADDRESS PORT [SECONDS]: one connection that asks every 20 ms, a line for each answer; ends with the reason when it breaks, or when an
answer takes longer than so many seconds, 2 unless written."""
import socket, sys, time

MODE, ADDRESS, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])


def connect(source=None):
    return socket.create_connection((ADDRESS, PORT), 2, (source, 0) if source else None)


def ask(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: farm\r\n\r\n")
    data = b""
    while not data.partition(b"\r\n\r\n")[2].endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            raise ConnectionError("closed")
        data += part
    return data.split(b"\r\n\r\n", 1)[1].decode().strip()


if MODE == "ask":
    for _ in range(int(sys.argv[4])):
        try:
            with connect(sys.argv[5] if len(sys.argv) > 5 else None) as connection:
                print(ask(connection))
        except OSError:
            print("-")
else:
    with connect() as connection:
        connection.settimeout(float(sys.argv[4]) if len(sys.argv) > 4 else 2)
        try:
            while True:
                print(ask(connection), flush=True)
                time.sleep(0.02)
        except OSError as error:
            print("broken:", error, flush=True)
