"""Makes a storage or render node known to the control node: registers, sends heartbeats, and says goodbye.

A thread of its own does all of it, so that a control node that is away or hangs never holds up what the node is for.
"""

from __future__ import annotations

import ipaddress
import logging
import random
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from webviewer.adapters.nodes import NodeClient, Unreachable
from webviewer.core.errors import Unavailable, WebviewerError

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 2.0
READ_TIMEOUT_S: Final = 5.0
LEAVE_TIMEOUT_S: Final = 1.0
_FIRST_RETRY_S: Final = 0.2
_LONGEST_RETRY_S: Final = 3.0  # nodes are taken as dead after 10 s: those that live must be back before
_LEAST_HEARTBEAT_S: Final = 0.1
_MOST_HEARTBEAT_S: Final = 60.0
_PATH: Final = "/internal/v1/nodes"
_NOWHERE: Final = "192.0.2.1"  # of no network (RFC 5737): the address that would be used to reach it is our own


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """What the control node says to a heartbeat."""

    node_id: int
    is_active: bool
    heartbeat_s: float
    owners_digest: str | None  # of the list of users that a storage node is to hold


class NodeAgent:
    """The thread of one node.

    Parameters
    ----------
    control_url
        Root of the control node's internal HTTP; several replicas may stand behind it.
    token
        The join secret.
    report
        Makes the body of a heartbeat; called in the thread.
    take
        Takes each answer, and a client for further questions; called in the thread. What it raises is told in the log
        and it is asked again with the next answer.
    tls
        How an ``https`` control node is believed.
    """

    def __init__(
        self,
        control_url: str,
        token: str,
        report: Callable[[], Mapping[str, object]],
        take: Callable[[HeartbeatAnswer, NodeClient], None],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._control_url = control_url
        self._token = token
        self._tls = tls
        self._report = report
        self._take = take
        self._client = self._new_client(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="node-agent", daemon=True)
        self._failures = 0
        self._told = ""  # the trouble that the log has
        self._registered = False

    def _new_client(self, connect_s: float, read_s: float) -> NodeClient:
        return NodeClient(
            self._control_url,
            self._token,
            node="control node",
            connections=1,
            connect_timeout_s=connect_s,
            read_timeout_s=read_s,
            tls=self._tls,
            is_control=True,
        )

    def start(self) -> None:
        """Begin to register."""
        self._thread.start()

    def leave(self) -> None:
        """Stop, and tell the control node that this node goes; takes two or three seconds at most."""
        self._stop.set()
        if self._thread.is_alive():
            # A heartbeat under way would make the node known again after the goodbye.
            self._thread.join(LEAVE_TIMEOUT_S)
        if self._registered:  # else it would send away the node whose name this one has
            self._say_goodbye()
        self._client.close()

    def _say_goodbye(self) -> None:
        try:
            said = self._report()
            goodbye = {"kind": said["kind"], "identity": said["identity"]}
            client = self._new_client(LEAVE_TIMEOUT_S, LEAVE_TIMEOUT_S)
            client.json("POST", f"{_PATH}/leave", value=goodbye, repeatable=False)
            client.close()
        except (WebviewerError, OSError) as exc:
            logger.info("node_left_unheard", extra={"reason": _words(exc)})

    # -- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self._beat())

    def _beat(self) -> float:
        """Send one heartbeat; returns how long to wait until the next."""
        try:
            # A replica that stops drops its connections: the next one behind the same address is asked at once.
            told = self._client.json("POST", _PATH, value=dict(self._report()), repeatable=True)
            answer = _answer_of(told)
        except (WebviewerError, OSError) as exc:
            is_silent = isinstance(exc, Unreachable | OSError)
            return self._trouble("control_node_does_not_answer" if is_silent else "control_node_refuses", exc)
        except Exception as exc:
            logger.exception("heartbeat_failed")
            return self._trouble("control_node_does_not_answer", exc)
        try:
            self._take(answer, self._client)
        except (WebviewerError, OSError) as exc:
            return self._trouble("control_node_not_followed", exc)
        except Exception as exc:
            logger.exception("heartbeat_answer_failed")
            return self._trouble("control_node_not_followed", exc)
        if self._told:
            logger.info("control_node_is_back", extra={"node_id": answer.node_id, "tries": self._failures})
        elif not self._registered:
            logger.info("node_registered", extra={"node_id": answer.node_id, "control_url": self._control_url})
        self._failures, self._told, self._registered = 0, "", True
        return min(max(answer.heartbeat_s, _LEAST_HEARTBEAT_S), _MOST_HEARTBEAT_S)

    def _trouble(self, event: str, exc: Exception) -> float:
        words = _words(exc)
        if f"{event} {words}" != self._told and not self._stop.is_set():  # once, not every second for a night
            self._told = f"{event} {words}"
            logger.warning(event, extra={"reason": words, "control_url": self._control_url})
        self._failures += 1
        longest = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 10))
        # Half of it is chance, so that the nodes of a house do not all come back in the same moment.
        return longest * (0.5 + random.random() / 2)  # noqa: S311  no secret


def _answer_of(told: Any) -> HeartbeatAnswer:
    try:
        digest = told.get("owners_digest")
        return HeartbeatAnswer(
            node_id=int(told["node_id"]),
            is_active=bool(told["active"]),
            heartbeat_s=float(told["heartbeat_s"]),
            owners_digest=None if digest is None else str(digest),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise Unavailable("The control node answered a heartbeat with something else than it should.") from exc


def _words(exc: BaseException) -> str:
    return exc.message if isinstance(exc, WebviewerError) else f"{type(exc).__name__}: {exc}"


def own_address(host: str, port: int, *, control_url: str = "", is_tls: bool = False) -> str:
    """Return under which address other nodes reach a listener of this machine.

    Parameters
    ----------
    host, port
        Where it listens. Of one that listens everywhere it is the address by which this machine reaches the control
        node.
    control_url
        The control node; may be empty.
    is_tls
        Whether the listener speaks TLS.

    Raises
    ------
    OSError
        The control node's name cannot be resolved.

    Examples
    --------
    >>> own_address("10.0.0.7", 8081), own_address("fd00::7", 8080, is_tls=True)
    ('http://10.0.0.7:8081', 'https://[fd00::7]:8080')
    """
    shown = host
    if _is_everywhere(host):
        towards = urlsplit(control_url).hostname or _NOWHERE
        shown = _outgoing(towards, socket.AF_INET6 if ":" in towards else socket.AF_UNSPEC)
    shown = f"[{shown}]" if ":" in shown else shown
    return f"{'https' if is_tls else 'http'}://{shown}:{port}"


def _is_everywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _outgoing(towards: str, family: int) -> str:
    kind, number, protocol, _, target = socket.getaddrinfo(towards, 9, family, socket.SOCK_DGRAM)[0]
    with socket.socket(kind, number, protocol) as probe:
        try:
            probe.connect(target)  # of a datagram socket: nothing is sent
        except OSError:
            return "127.0.0.1"  # no network at all
        return str(probe.getsockname()[0])
