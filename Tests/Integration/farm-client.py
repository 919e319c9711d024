"""A client of the farm. ask ADDRESS PORT COUNT [SOURCE]: so many connections, and who answered each, or -.
stay ADDRESS PORT: one connection that asks every 20 ms, a line for each answer; ends with the reason when it breaks."""
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
        try:
            while True:
                print(ask(connection), flush=True)
                time.sleep(0.02)
        except OSError as error:
            print("broken:", error, flush=True)
