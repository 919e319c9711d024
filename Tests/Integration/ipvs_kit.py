"""What the scripts that run in a kernel of its own (scripts/uml) have in common: namespaces, servers, clients. What happens is told as one line of
JSON each."""
import ctypes, glob, http.server, json, os, socket, subprocess, sys, threading, time

ALOFT = sys.argv[2]
LIBC = ctypes.CDLL(None, use_errno=True)


def tell(name, value):
    print(json.dumps({"name": name, "value": value}), flush=True)


def run(*words, text=None):
    done = subprocess.run(words, input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def ip(*lines, inside=None):
    run("ip", *(["-n", inside] if inside else []), "-batch", "-", text="\n".join(lines) + "\n")


def setting(path, value):
    with open("/proc/sys/" + path, "w") as file:
        file.write(str(value))


def inside(name, *words):
    return run("ip", "netns", "exec", name, *words)


def wait(holds, what, limit=30, pause=0.1, told=lambda: "".join(map(read, sorted(glob.glob("/run/*/log"))))):
    """Milliseconds until something holds, since now. `told`: what is printed where it never does."""
    start = time.monotonic()
    while not holds():
        if time.monotonic() - start > limit:
            sys.exit(f"not within {limit} s: {what}\n{told()}")
        time.sleep(pause)
    return round((time.monotonic() - start) * 1000)


def start(name, file):
    """A director's daemon, in the namespace of that name."""
    output = open(f"/run/{name}/log", "w")
    words = ["ip", "netns", "exec", name, ALOFT, "run", "-n", "-l", "-f", file, "--state-dir", "/run/" + name]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)


class Inside:
    """What is opened in it is of a network namespace. Of this thread alone, which is the main one or another."""

    def __init__(self, name):
        self.path = "/run/netns/" + name

    def enter(self, descriptor):
        if LIBC.setns(descriptor, 0x40000000):
            sys.exit(f"setns {self.path}: {os.strerror(ctypes.get_errno())}")
        os.close(descriptor)

    def __enter__(self):
        self.outside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter(os.open(self.path, os.O_RDONLY))

    def __exit__(self, *_):
        self.enter(self.outside)


# -- servers and clients ---------------------------------------------------------------------------------------------------------------

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        body = self.server.label.encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 64
    daemon_threads = True

    def handle_error(self, *arguments):
        pass


def serve(number, port=80):
    with Inside(f"s{number}"):
        server = Server(("::", port), Handler)
    server.label = f"server{number}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


def end(server):
    server.shutdown()
    server.server_close()


def connect(address, port=80):
    with Inside("client"):
        connection = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    connection.settimeout(3)
    connection.connect((address, port))
    return connection


def ask(connection):
    connection.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
    data = b""
    while not data.partition(b"\r\n\r\n")[2].endswith(b"\n"):
        part = connection.recv(4096)
        if not part:
            raise ConnectionError("closed")
        data += part
    return data.split(b"\r\n\r\n", 1)[1].decode().strip()


def spread(address, count, port=80):
    """Who answered how many connections."""
    counts = {}
    for _ in range(count):
        try:
            connection = connect(address, port)
            answer = ask(connection)
            connection.close()
        except OSError as error:
            answer = str(error)
        counts[answer] = counts.get(answer, 0) + 1
    return counts


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def block(head, servers, *lines, check="", each=""):
    text = f"virtual_server {head} {{\n" + "".join(f"    {line}\n" for line in lines)
    for server in servers:
        text += f"    real_server {server} {{\n{each}{check}    }}\n"
    return text + "}\n"
