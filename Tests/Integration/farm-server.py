"""A server of the farm: HTTP/1.1 with keep-alive on port 8080 (or argv[2]) of both families. Every answer is its name.
/status/NNN answers with that status; /hang never answers."""
import http.server, socket, sys, threading

NAME = sys.argv[1]
PORT = int(sys.argv[2]) if len(sys.argv) > 2 else 8080


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        if self.path.startswith("/hang"):
            threading.Event().wait()
        body = NAME.encode() + b"\n"
        status = int(self.path.split("/")[2]) if self.path.startswith("/status/") else 200
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 128


with Server(("::", PORT), Handler) as server:
    print("ready", flush=True)
    server.serve_forever()
