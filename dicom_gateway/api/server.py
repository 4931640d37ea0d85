"""Serves the internal HTTP: gunicorn with one process of threads, a child of the storage node's main process."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http import get_parser
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn, ThreadWorker

from dicom_gateway.api.app import create_api
from dicom_gateway.api.parts import ApiParts
from webviewer.adapters.limited_socket import LimitedSocket, answer_to_no_request, is_drained
from webviewer.adapters.tls import server_context
from webviewer.adapters.wsgi import connection_of, with_checked_bodies
from webviewer.config import TlsSettings
from webviewer.core.connections import ConnectionLimits, Connections
from webviewer.core.errors import WebviewerError
from webviewer.core.system import open_files_limit

_log = logging.getLogger(__name__)

THREADS = 48  # uploads and archives together take at most 32 of them (`dicom_gateway.api.parts`)
RECEIVE_SILENCE_S = 20  # a caller that says nothing for so long in the middle of a request is let go
SEND_SILENCE_S = 60  # and one that takes nothing of its answer for so long
CONNECTIONS = 1024
_HEAD_PIECE_BYTES = 8 * 1024
_MAX_HEAD_BYTES = 64 * 1024
_NO_DESCRIPTOR_PAUSE_S = 0.05
_GOODBYE_S = 0.5
_GOODBYE_PIECE_BYTES = 64 * 1024
KEEP_ALIVE_S = 75  # longer than the pools of our clients keep a connection, so that they never send into a closed one


def serve(
    listener: socket.socket,
    make_parts: Callable[[str], ApiParts],
    *,
    threads: int = THREADS,
    tls: TlsSettings | None = None,
    writer: str = "0",
    writer_ended: Callable[[str], None] = lambda _writer: None,
) -> None:
    """Serve until SIGTERM; must run in the main thread of a process of its own.

    Parameters
    ----------
    listener
        A bound and listening socket; whoever bound it says in words when the port is taken.
    make_parts
        Makes the services; called in the worker after the fork, so that no database connection crosses it. Gets the
        name of the worker as a writer of objects.
    threads
        Requests served at the same time.
    tls
        What the listener speaks TLS with; plain HTTP without a certificate.
    writer
        Name of this process as a writer; its workers have names that are parts of it.
    writer_ended
        Called with the name of a worker that has ended.

    Notes
    -----
    The worker leaves by itself when this process is gone (gunicorn looks at its parent every second); this process is
    to call `webviewer.core.process.leave_with_parent` before.
    """
    # Connections inherit the limits; the kernel keeps them for every read and write, the head of a request included.
    for option, seconds in ((socket.SO_RCVTIMEO, RECEIVE_SILENCE_S), (socket.SO_SNDTIMEO, SEND_SILENCE_S)):
        listener.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))
    _Application(listener, make_parts, threads, tls, _WorkerNames(writer, writer_ended)).run()


class _ToOurLog(Logger):  # type: ignore[misc]
    """Hands gunicorn's messages to the log that the process has; requests are not logged."""

    def setup(self, cfg: Any) -> None:
        """Keep handlers off gunicorn's loggers."""
        self.cfg = cfg
        self._access_log_enabled = False
        self.loglevel = logging.WARNING
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.CRITICAL)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Tell a failure; a caller that stood still is none, and needs no traceback."""
        if isinstance(sys.exc_info()[1], BlockingIOError):
            _log.warning("a caller of the internal HTTP stood still and was let go")
            return
        super().exception(msg, *args, **kwargs)


class _PatientSocket(ssl.SSLSocket):
    """A TLS connection that never waits for ever: TLS asks the kernel again and again, past the kernel's own limit."""

    def settimeout(self, value: float | None) -> None:
        """Set the limit of a wait; None means the longest that there is here."""
        super().settimeout(RECEIVE_SILENCE_S if value is None else value)

    def setblocking(self, flag: bool) -> None:
        """Wait, or do not wait at all."""
        self.settimeout(None if flag else 0.0)


class _Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection within the limits, whose head is collected without a thread.

    Parameters
    ----------
    cfg, sock, client, server
        As gunicorn gives them.
    connections
        Open connections of the server.
    """

    def __init__(self, cfg: Any, sock: socket.socket, client: Any, server: Any, connections: Connections) -> None:
        limited = LimitedSocket(sock)
        limited.connection = connections.open(client[0], limited.close_line)
        super().__init__(cfg, limited, client, server)
        self.initialized = False
        self._head = bytearray()

    def init(self) -> None:
        """Begin in a thread: TLS where it is spoken, then the head that has been collected."""
        if not self.initialized:
            self.sock.setblocking(True)
            if self.cfg.is_ssl:
                tls = ssl_wrap_socket(self.sock.plain, self.cfg)
                self.sock.replace(tls)  # before the handshake, which has the deadline of a head
                tls.do_handshake()
            self.parser = get_parser(self.cfg, self.sock, self.client)
            self.initialized = True
        if self._head:
            self.parser.unreader.unread(bytes(self._head))
            self._head.clear()

    def collect_head(self) -> bool:
        """Take what has arrived; return whether a thread has something to do with it."""
        if self.cfg.is_ssl:
            return True
        try:
            piece = self.sock.recv(_HEAD_PIECE_BYTES)
        except BlockingIOError:
            return False
        except (OSError, WebviewerError):
            return True  # the thread meets the same error, and answers
        self._head += piece
        return not piece or b"\r\n\r\n" in self._head or len(self._head) > _MAX_HEAD_BYTES


class _Worker(ThreadWorker):  # type: ignore[misc]
    """A worker of threads whose listening loop never waits for a caller.

    A thread gets a connection when the head of a request has arrived, not before: clients that send nothing, or a head
    without end, cost no thread. gunicorn ends a connection in the loop that also accepts and hands out all others, and
    waits up to two seconds for the caller to end it too. Here the thread of the request waits, and briefly.
    """

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and wait for its head in the poller."""
        try:
            sock, address = listener.accept()
        except OSError as exc:
            if exc.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                # The connection still waits in the queue, so the poller would call again at once.
                self.app.connections.no_descriptors()
                time.sleep(_NO_DESCRIPTOR_PAUSE_S)
                return
            if exc.errno in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                return
            raise
        self.nr_conns += 1
        connection = _Connection(self.cfg, sock, address, listener.getsockname(), self.app.connections)
        connection.set_timeout()
        self.pending_conns.append(connection)
        self.poller.register(connection.sock, EVENT_READ, partial(self.on_pending_socket_readable, connection))

    def on_pending_socket_readable(self, conn: _Connection, client: Any) -> None:
        """Go on with a new connection once its first head is here."""
        if conn.collect_head():
            super().on_pending_socket_readable(conn, client)

    def on_client_socket_readable(self, conn: _Connection, client: Any) -> None:
        """Go on with a kept connection once its next head is here."""
        if conn.collect_head():
            super().on_client_socket_readable(conn, client)

    def handle(self, conn: _Connection) -> Any:
        """Handle a request; a connection that is not to be kept has ended on both sides when this returns."""
        keep = super().handle(conn)
        if not keep:
            _end(conn.sock)
        return keep

    def handle_request(self, req: Any, conn: _Connection) -> Any:
        """Answer a request."""
        connection = conn.sock.connection
        connection.begin_request()
        try:
            return super().handle_request(req, conn) and is_drained(req.body, connection)
        finally:
            connection.end_request()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a head that was too slow in the one shape of errors; leave the rest to gunicorn."""
        if isinstance(exc, WebviewerError):
            with suppress(OSError):
                client.sendall(answer_to_no_request(exc))
        else:
            super().handle_error(req, client, addr, exc)


def _ending_anonymous(app: Callable[..., Any]) -> Callable[..., Any]:
    """Let an anonymous connection end with its first answer.

    One answer to a monitor fits into the kernel's buffer. Many answers that nobody reads would hold the thread.
    """

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            connection = connection_of(environ)
            if connection is not None and connection.key is None:
                start_response.__self__.force_close()  # of gunicorn's response
            return start_response(status, headers, exc_info)

        return app(environ, start)

    return answer


def _end(connection: socket.socket) -> None:
    """End the sending side, read what is still on its way, so that our answer is not lost, and end the other side."""
    deadline = time.monotonic() + _GOODBYE_S
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(_GOODBYE_PIECE_BYTES):
                break
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _WorkerNames:
    """Names of the workers as writers of objects; a name is never given twice."""

    def __init__(self, writer: str, ended: Callable[[str], None]) -> None:
        self._writer = writer
        self._ended = ended
        self.current = writer

    def before_fork(self, _server: Any, worker: Any) -> None:
        """Name a worker; `age` counts all workers that this process has started."""
        self.current = f"{self._writer}-{worker.age}"
        worker.writer = self.current

    def after_exit(self, _server: Any, worker: Any) -> None:
        """Tell that a worker has ended, in the process that started it."""
        self._ended(worker.writer)


class _Application(BaseApplication):  # type: ignore[misc]
    def __init__(
        self,
        listener: socket.socket,
        make_parts: Callable[[str], ApiParts],
        threads: int,
        tls: TlsSettings | None,
        names: _WorkerNames,
    ) -> None:
        self._listener = listener
        self._make_parts = make_parts
        self._threads = threads
        self._tls = tls
        self._names = names
        self._parts: ApiParts | None = None
        self.connections = Connections(
            ConnectionLimits.within(connections=CONNECTIONS, per_address=CONNECTIONS, open_files=open_files_limit())
        )
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, object] = {
            "bind": f"fd://{self._listener.fileno()}",
            "worker_class": _Worker,
            "workers": 1,
            "threads": self._threads,
            "keepalive": KEEP_ALIVE_S,
            "timeout": 60,  # of the worker's own loop, not of a request
            "graceful_timeout": 3,
            "worker_connections": 2 * CONNECTIONS,  # never reached: older connections are ended before
            "logger_class": _ToOurLog,
            "control_socket_disable": True,
            "worker_exit": self._close,
            "pre_fork": self._names.before_fork,
            "child_exit": self._names.after_exit,
            "forwarded_allow_ips": "",  # no node of ours is asked for by a proxy's headers
            "proc_name": "webviewer-storage-http",
        }
        context = None if self._tls is None else server_context(self._tls)
        if self._tls is not None and context is not None:
            context.sslsocket_class = _PatientSocket
            # The name of the file is what tells gunicorn that the listener speaks TLS.
            settings |= {"certfile": str(self._tls.certificate), "ssl_context": lambda _conf, _default: context}
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        self._parts = self._make_parts(self._names.current)
        self.connections.start_sweeping()
        api = with_checked_bodies(create_api(self._parts, self.connections), (ParseException, NoMoreData))
        return _ending_anonymous(api)

    def _close(self, _server: Any, _worker: Any) -> None:
        if self._parts is not None:
            self._parts.uploads.close()
