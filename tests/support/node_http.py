"""Stand-ins for nodes: one that answers what a test says and remembers what it was asked, and one that hangs."""

from __future__ import annotations

import http.server
import json
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class NodeHttp:
    """A running stand-in."""

    address: str
    asked: list[tuple[str, object]] = field(default_factory=list)  # "GET /path", and the JSON of the body
    headers: list[dict[str, str]] = field(default_factory=list)

    def bodies(self, request: str) -> list[object]:
        """Return the bodies of the requests of one kind so far."""
        return [body for said, body in tuple(self.asked) if said == request]

    def wait_for(self, request: str, count: int = 1, seconds: float = 15) -> list[object]:
        """Return the bodies of the requests of one kind once there are so many."""
        deadline = time.monotonic() + seconds
        while len(self.bodies(request)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.bodies(request)


@contextmanager
def node_http(
    answers: Mapping[str, object], *, refusing: Collection[str] = (), busy_once: Collection[str] = ()
) -> Iterator[NodeHttp]:
    """Answer each "GET /path" with its JSON, others with an empty object, until the block ends.

    ``refusing`` are answered 401, as of one with another join secret; the first of each of ``busy_once`` 503.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = self.headers.get("Content-Type") == "application/json"
            said = f"{self.command} {self.path.partition('?')[0]}"
            node.headers.append(dict(self.headers.items()))
            node.asked.append((said, json.loads(content) if is_json else None))
            data = json.dumps(answers.get(said, {})).encode()
            is_busy = said in busy_once and len(node.bodies(said)) == 1
            self.send_response(401 if said in refusing else 503 if is_busy else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = answer  # noqa: N815  the library's names

        def log_message(self, *arguments: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False  # a kept connection would be waited for

    with Server(("127.0.0.1", 0), Handler) as server:
        node = NodeHttp(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield node
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def hanging_node(taken: list[socket.socket] | None = None) -> Iterator[str]:
    """Take connections and never say a word, as a machine does whose processes stand still; gives the address.

    ``taken`` is filled with the connections, for a test that counts them.
    """
    connections = [] if taken is None else taken
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)

        def take() -> None:
            while True:
                try:
                    connections.append(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in connections:
                connection.close()
