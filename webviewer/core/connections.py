"""Limits on the connections of an HTTP server: how many, of which address, and how slow each may be.

Every server of the product keeps its open connections here. The rules:

- A connection is *anonymous* until a request on it shows a session or a node's token. Anonymous and authenticated
  connections have separate seats, so anonymous ones never take the seats of authenticated ones.
- A new connection always gets a seat. When the anonymous seats are full, the address with the most anonymous
  connections loses the one that has been in its phase for the longest time. A client that sends its request at once,
  as browsers and monitors do, is therefore always served.
- The head of a request has a deadline. A body and a reply have a minimum rate with a grace period. Only the time in
  which the server waits for the client counts, never the time in which the server works.

A transport reports to its `Connection` when it starts and stops waiting. `Connection.cut` ends the connection.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final

from webviewer.core.addresses import address_group
from webviewer.core.errors import LimitExceeded, TooSlow, Unavailable, WebviewerError
from webviewer.core.system import open_files_limit

logger = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 1.0
LOG_EVERY_S: Final = 10.0
_BATCH_SHARE: Final = 64  # of the seats are cut at once, so that a flood does not search for a victim at each arrival


class Phase(Enum):
    """What a connection waits for."""

    HEAD = "head"
    REQUEST = "request"
    IDLE = "idle"
    SOCKET = "socket"


class CutReason(StrEnum):
    """Why a connection was cut; the label of a metric."""

    HEAD_LATE = "head_late"
    BODY_SLOW = "body_slow"
    REPLY_SLOW = "reply_slow"
    CROWDED = "crowded"
    ADDRESS_CROWDED = "address_crowded"
    NO_DESCRIPTORS = "no_descriptors"


@dataclass(frozen=True, slots=True)
class Pace:
    """The least that a client must do.

    Parameters
    ----------
    silence_s
        Longest single wait for it.
    grace_s
        How far it may fall behind the least rate.
    least_bytes_per_s
        The least rate.
    """

    silence_s: float
    grace_s: float
    least_bytes_per_s: float


SHORT_BODY: Final = Pace(silence_s=10.0, grace_s=10.0, least_bytes_per_s=16 * 1024)
UPLOAD_BODY: Final = Pace(silence_s=20.0, grace_s=30.0, least_bytes_per_s=3 * 1024)
UNWANTED_BODY: Final = Pace(silence_s=2.0, grace_s=3.0, least_bytes_per_s=64 * 1024)
REPLY: Final = Pace(silence_s=60.0, grace_s=60.0, least_bytes_per_s=8 * 1024)
ANONYMOUS_REPLY: Final = Pace(silence_s=20.0, grace_s=20.0, least_bytes_per_s=8 * 1024)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Numbers of one server.

    Parameters
    ----------
    most_anonymous, most_authenticated
        Seats.
    most_per_address
        Anonymous connections of one address (IPv6: of one /64). A proxy is exempt until it names its client.
    most_per_user
        Authenticated connections of one user.
    head_s
        Seconds from the first octet of a request, or from the beginning of the connection, to the end of its head.
    short_body, upload_body, unwanted_body
        Pace of a body; `Connection.expect_upload` and `Connection.refuse_body` choose the last two.
    reply, anonymous_reply
        Pace of a reply.
    """

    most_anonymous: int
    most_authenticated: int
    most_per_address: int
    most_per_user: int = 256
    head_s: float = 10.0
    short_body: Pace = SHORT_BODY
    upload_body: Pace = UPLOAD_BODY
    unwanted_body: Pace = UNWANTED_BODY
    reply: Pace = REPLY
    anonymous_reply: Pace = ANONYMOUS_REPLY

    @classmethod
    def within(cls, *, connections: int, per_address: int, open_files: int) -> ConnectionLimits:
        """Return limits that leave file descriptors for everything else: a relayed stream takes two of them.

        Examples
        --------
        >>> limits = ConnectionLimits.within(connections=8192, per_address=1000, open_files=1024)
        >>> (limits.most_anonymous, limits.most_authenticated)
        (48, 336)
        """
        fitting = max(64, min(connections, (open_files - _RESERVED_FILES) // 2))
        anonymous = fitting // _ANONYMOUS_SHARE
        return cls(anonymous, fitting - anonymous, min(per_address, anonymous))


# An anonymous connection is needed for a moment, and each that trickles takes processor time.
_ANONYMOUS_SHARE: Final = 8
_RESERVED_FILES: Final = 256  # databases, logs, files that are sent, calls to nodes


class _Transfer:
    """Accounting of one direction of a request; used by the one thread or greenlet that serves it."""

    __slots__ = ("_behind_s", "_waits_since_s", "pace")

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self._behind_s = 0.0
        self._waits_since_s: float | None = None

    def begin(self, now_s: float) -> None:
        self._waits_since_s = now_s

    def end(self, now_s: float, size_bytes: int) -> None:
        since_s = self._waits_since_s
        if since_s is None:
            return
        self._waits_since_s = None
        self._behind_s = max(0.0, self._behind_s + (now_s - since_s) - size_bytes / self.pace.least_bytes_per_s)

    @property
    def is_waiting(self) -> bool:
        return self._waits_since_s is not None

    def is_too_slow(self, now_s: float) -> bool:
        since_s = self._waits_since_s  # read once: another thread may end the wait meanwhile
        wait_s = 0.0 if since_s is None else now_s - since_s
        return wait_s > self.pace.silence_s or self._behind_s + wait_s > self.pace.grace_s


class Connection:
    """One open connection. Its methods but `cut` are called by the one thread or greenlet that serves it."""

    __slots__ = (
        "_close",
        "_limits",
        "_received",
        "_registry",
        "_sent",
        "error",
        "group",
        "has_spoken",
        "home",
        "is_proxy",
        "key",
        "phase",
        "since_s",
    )

    def __init__(
        self, registry: Connections, group: str, *, is_proxy: bool, close: Callable[[bool], None], now_s: float
    ) -> None:
        self._registry = registry
        self._limits = registry.limits
        self._close = close
        self.home = self.group = group
        self.is_proxy = is_proxy
        self.key: Hashable | None = None  # the user or node, None while anonymous
        self.phase = Phase.HEAD
        self.since_s = now_s
        self.has_spoken = False
        self.error: WebviewerError | None = None  # why it was cut
        self._received = _Transfer(self._limits.short_body)
        self._sent = _Transfer(self._limits.anonymous_reply)

    # -- reports of the transport ------------------------------------------------------------------------------------

    def receive_begins(self) -> None:
        """Note that the server waits for octets of the client."""
        self._received.begin(self._registry.clock())

    def receive_ends(self, size_bytes: int) -> None:
        """Note that this many octets came."""
        now_s = self._registry.clock()
        self._received.end(now_s, size_bytes)
        self.has_spoken = self.has_spoken or size_bytes > 0
        if self.phase is Phase.IDLE and size_bytes:
            self._registry.enter(self, Phase.HEAD)

    def send_begins(self) -> None:
        """Note that the server waits until the client takes octets."""
        self._sent.begin(self._registry.clock())

    def send_ends(self, size_bytes: int) -> None:
        """Note that this many octets were taken."""
        self._sent.end(self._registry.clock(), size_bytes)

    # -- reports of the server ---------------------------------------------------------------------------------------

    def begin_request(self, client: str | None = None) -> None:
        """Note that a whole head has come.

        Parameters
        ----------
        client
            Address of the client as a trusted proxy names it; None where that is not known.
        """
        self._received = _Transfer(self._limits.short_body)
        self._sent = _Transfer(self._limits.anonymous_reply)
        self._registry.begin(self, client)

    def expect_upload(self) -> None:
        """Let the body of this request come at the pace of a slow line."""
        self._received.pace = self._limits.upload_body

    def refuse_body(self) -> None:
        """Let the rest of the body, which no view wants, come quickly or not at all."""
        self._received = _Transfer(self._limits.unwanted_body)

    def admit(self, key: Hashable, *, is_node: bool = False) -> None:
        """Move the connection to an authenticated seat: its request has shown whose it is.

        Raises
        ------
        LimitExceeded
            The user has too many connections.
        Unavailable
            All seats are taken.
        """
        self._registry.admit(self, key, is_node=is_node)
        self._sent.pace = self._limits.reply

    def upgrade(self) -> None:
        """Note that a WebSocket begins: the client may be silent, but must read."""
        self._received = _Transfer(self._limits.short_body)
        self._registry.enter(self, Phase.SOCKET)

    def end_request(self) -> None:
        """Note that the reply is sent. Behind a proxy the next request may be another client's."""
        self._registry.end(self)

    def leave(self) -> None:
        """Give the seat back; doing so again does nothing."""
        self._registry.leave(self)

    # -- limits ------------------------------------------------------------------------------------------------------

    def too_slow(self, now_s: float) -> CutReason | None:
        """Return why the connection is too slow, None if it is not."""
        if self.phase is Phase.HEAD:
            return CutReason.HEAD_LATE if now_s - self.since_s > self._limits.head_s else None
        if self.phase is Phase.REQUEST and self._received.is_too_slow(now_s):
            return CutReason.BODY_SLOW
        if self.phase in (Phase.REQUEST, Phase.SOCKET) and self._sent.is_too_slow(now_s):
            return CutReason.REPLY_SLOW
        return None

    def cut(self, error: WebviewerError) -> None:
        """End the connection.

        Parameters
        ----------
        error
            Is the answer where the client still reads and nothing has been answered. Browsers open connections in
            advance: one that has sent nothing is closed without an answer, which no request would match.
        """
        if self.error is None:
            self.error = error
            is_asked = self.phase is Phase.REQUEST or (self.phase is Phase.HEAD and self.has_spoken)
            self._close(is_asked and not self._sent.is_waiting)


class Connections:
    """The open connections of one server; every method may be called from any thread or greenlet.

    Parameters
    ----------
    limits
        How many, and how slow.
    clock
        Seconds that only grow.
    """

    def __init__(self, limits: ConnectionLimits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.clock = clock
        self._lock = threading.Lock()
        self._all: set[Connection] = set()
        self._anonymous: dict[str, OrderedDict[Connection, None]] = {}
        self._anonymous_count = 0
        self._authenticated: Counter[Hashable] = Counter()
        self._cuts: Counter[CutReason] = Counter()
        self._unlogged: Counter[CutReason] = Counter()
        self._logged_s = clock()

    # -- coming and going ----------------------------------------------------------------------------------------------

    def open(self, address: str, close: Callable[[bool], None], *, is_proxy: bool = False) -> Connection:
        """Return the seat of a new connection; another one may be cut for it.

        Parameters
        ----------
        address
            Of the peer.
        close
            Ends the connection. Called once, from any thread; must return at once. The argument says whether an answer
            may still be sent.
        is_proxy
            Whether the peer speaks for many clients.
        """
        connection = Connection(self, address_group(address), is_proxy=is_proxy, close=close, now_s=self.clock())
        with self._lock:
            self._all.add(connection)
            self._add_anonymous(connection)
            victims = self._make_room(connection)
        self._cut_all(victims)
        return connection

    def leave(self, connection: Connection) -> None:
        """Take a connection out."""
        with self._lock:
            if connection in self._all:
                self._all.discard(connection)
                self._remove(connection)

    def enter(self, connection: Connection, phase: Phase) -> None:
        """Note the phase of a connection."""
        with self._lock:
            self._enter(connection, phase)

    def begin(self, connection: Connection, client: str | None) -> None:
        """Note that a head has come, of a client."""
        with self._lock:
            if connection not in self._all:
                return
            if connection.key is not None:
                self._remove(connection)
                connection.key = None
                self._add_anonymous(connection)
            if client is not None and (group := address_group(client)) != connection.group:
                self._remove(connection)
                connection.group = group
                self._add_anonymous(connection)
            self._enter(connection, Phase.REQUEST)
            victims = self._make_room(connection, is_named=client is not None)
        self._cut_all(victims)

    def admit(self, connection: Connection, key: Hashable, *, is_node: bool) -> None:
        """Move a connection to an authenticated seat."""
        with self._lock:
            if connection.key is not None or connection not in self._all:
                return
            if not is_node and self._authenticated[key] >= self.limits.most_per_user:
                raise LimitExceeded(
                    f"You have {self.limits.most_per_user} connections open, the most that one user may have.",
                    code="too_many_connections",
                    resets_in_s=5.0,
                )
            if self._authenticated.total() >= self.limits.most_authenticated:
                raise Unavailable("All places of this server are taken; try again soon.", code="busy")
            self._remove(connection)
            connection.key = key
            self._authenticated[key] += 1

    def end(self, connection: Connection) -> None:
        """Note the end of a request."""
        with self._lock:
            if connection not in self._all:
                return
            if connection.is_proxy:
                self._remove(connection)
                connection.key = None
                connection.group = connection.home
                self._add_anonymous(connection)
            self._enter(connection, Phase.IDLE)

    # -- limits --------------------------------------------------------------------------------------------------------

    def start_sweeping(self) -> None:
        """Sweep from a thread of its own, which ends with the process."""
        self.log_limits()

        def run() -> None:
            while True:
                time.sleep(SWEEP_EVERY_S)
                self.sweep()

        threading.Thread(target=run, name="connections", daemon=True).start()

    def log_limits(self) -> None:
        """Write into the log how many connections this server takes."""
        limits = self.limits
        facts = {"anonymous": limits.most_anonymous, "authenticated": limits.most_authenticated}
        logger.info("connection_limits", extra={**facts, "open_files": open_files_limit()})

    def sweep(self) -> None:
        """Cut what is too slow; to be called every `SWEEP_EVERY_S`."""
        now_s = self.clock()
        with self._lock:
            looked_at = tuple(self._all)
        for connection in looked_at:
            if connection.error is None and (reason := connection.too_slow(now_s)) is not None:
                self._count(reason, 1)
                connection.cut(_error_of(reason, self.limits))
        self._log(now_s)

    def no_descriptors(self) -> None:
        """Note that a connection could not be accepted: the process has as many files open as it may."""
        self._count(CutReason.NO_DESCRIPTORS, 1)

    def counts(self) -> tuple[int, int]:
        """Return how many anonymous and authenticated connections are open."""
        with self._lock:
            return self._anonymous_count, self._authenticated.total()

    def cuts(self) -> dict[CutReason, int]:
        """Return how many connections were cut, for each reason there is."""
        with self._lock:
            return {reason: self._cuts[reason] for reason in CutReason}

    def _make_room(self, newcomer: Connection, *, is_named: bool = False) -> list[tuple[Connection, CutReason]]:
        limits, victims = self.limits, list[tuple[Connection, CutReason]]()
        own = self._anonymous.get(newcomer.group, OrderedDict())
        if (is_named or not newcomer.is_proxy) and len(own) > limits.most_per_address:
            victims += self._oldest(own, len(own) - limits.most_per_address, newcomer, CutReason.ADDRESS_CROWDED)
        if self._anonymous_count > limits.most_anonymous:
            crowd = max(self._anonymous.values(), key=lambda group: (len(group), -next(iter(group)).since_s))
            most = min(max(1, limits.most_anonymous // _BATCH_SHARE), max(1, len(crowd) // 2))
            victims += self._oldest(crowd, most, newcomer, CutReason.CROWDED)
        return victims

    def _oldest(
        self, group: OrderedDict[Connection, None], count: int, newcomer: Connection, reason: CutReason
    ) -> list[tuple[Connection, CutReason]]:
        """Take the connections that have been in their phase for longest out of their seats."""
        chosen: list[tuple[Connection, CutReason]] = []
        for connection in tuple(group)[: count + 1]:
            if connection is not newcomer and len(chosen) < count:
                self._all.discard(connection)
                self._remove(connection)
                chosen.append((connection, reason))
        return chosen

    def _cut_all(self, victims: list[tuple[Connection, CutReason]]) -> None:
        for connection, reason in victims:
            self._count(reason, 1)
            connection.cut(_error_of(reason, self.limits))

    # -- with the lock held --------------------------------------------------------------------------------------------

    def _enter(self, connection: Connection, phase: Phase) -> None:
        connection.phase = phase
        connection.since_s = self.clock()
        group = self._anonymous.get(connection.group)
        if connection.key is None and group is not None and connection in group:
            group.move_to_end(connection)

    def _add_anonymous(self, connection: Connection) -> None:
        self._anonymous.setdefault(connection.group, OrderedDict())[connection] = None
        self._anonymous_count += 1

    def _remove(self, connection: Connection) -> None:
        if connection.key is not None:
            self._authenticated[connection.key] -= 1
            if not self._authenticated[connection.key]:
                del self._authenticated[connection.key]
            return
        group = self._anonymous.get(connection.group)
        if group is not None and connection in group:
            del group[connection]
            self._anonymous_count -= 1
            if not group:
                del self._anonymous[connection.group]

    # -- log and metrics -----------------------------------------------------------------------------------------------

    def _count(self, reason: CutReason, count: int) -> None:
        with self._lock:
            self._cuts[reason] += count
            self._unlogged[reason] += count

    def _log(self, now_s: float) -> None:
        with self._lock:
            if not self._unlogged or now_s - self._logged_s < LOG_EVERY_S:
                return
            counts = {reason.value: count for reason, count in self._unlogged.items()}
            self._unlogged.clear()
            self._logged_s = now_s
            anonymous, authenticated = self._anonymous_count, self._authenticated.total()
        facts = {"cuts": counts, "anonymous": anonymous, "authenticated": authenticated}
        logger.warning("connections_cut", extra=facts)


def _error_of(reason: CutReason, limits: ConnectionLimits) -> WebviewerError:
    if reason is CutReason.HEAD_LATE:
        return TooSlow(f"The head of the request did not arrive within {limits.head_s:g} s.", code="head_late")
    if reason in (CutReason.BODY_SLOW, CutReason.REPLY_SLOW):
        return TooSlow("The body of the request did not arrive in time.", code="body_slow")
    if reason is CutReason.ADDRESS_CROWDED:
        return LimitExceeded(
            f"More than {limits.most_per_address} connections of your address wait; this one was ended. Try again.",
            code="too_many_connections",
            resets_in_s=1.0,
        )
    return Unavailable("Too many connections wait; this one was ended. Try again.", code="busy")
