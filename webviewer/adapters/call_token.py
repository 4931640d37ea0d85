"""What proves a call to a node: a token for the address that is dialled and for some minutes, never the join secret.

The address of a node is what an administrator types or what a header names, so whoever listens there learns what the
call carries. The token opens nothing but the node at this very address: its key is derived from the join secret and it
says nothing about that, no other node takes it, and the control node takes none at all. The pass of a picture stream
(`webviewer.adapters.stream_pass`) is bound in the same way.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from webviewer.core.callers import require_token
from webviewer.core.errors import NotSignedIn

logger = logging.getLogger(__name__)

LIFE_S: Final = 600
CLOCK_DIFFERENCE_S: Final = 600
ANOTHER_ADDRESS: Final = "another_address"
CLOCKS_DIFFER: Final = "clocks_differ"
_PURPOSE: Final = b"webviewer node call 1"
_SCHEME: Final = "Bearer call."
_MAC_CHARACTERS: Final = 64
_MAX_TIME_CHARACTERS: Final = 12
_ON_ITS_WAY_S: Final = 5
_KNOWN_FOR_S: Final = 30.0
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def canonical_address(text: str) -> str:
    """Return the one spelling of ``http(s)://host:port``, empty for what is no address; no name is looked up.

    Examples
    --------
    >>> canonical_address("HTTP://Storage-0.Example:80/"), canonical_address("https://[FD00:0::7]")
    ('http://storage-0.example:80', 'https://[fd00::7]:443')
    >>> canonical_address("http://localhost:8081") == canonical_address("http://127.0.0.1:8081")
    False
    """
    try:
        parts = urlsplit(text)
        host, default = parts.hostname or "", _DEFAULT_PORTS[parts.scheme]
        port = parts.port or default
    except (ValueError, KeyError):
        return ""
    return _spelled(parts.scheme, host, port) if host else ""


def arrived_at(socket_name: object, *, is_tls: bool) -> str:
    """Return the address of this node's end of a connection, empty of one that is no TCP connection.

    Examples
    --------
    >>> arrived_at(("10.0.0.7", 8081), is_tls=False), arrived_at(("fd00::7", 8080, 0, 0), is_tls=True)
    ('http://10.0.0.7:8081', 'https://[fd00::7]:8080')
    """
    if not isinstance(socket_name, tuple) or len(socket_name) < 2:
        return ""
    return _spelled("https" if is_tls else "http", str(socket_name[0]), int(socket_name[1]))


def _spelled(scheme: str, host: str, port: int) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"{scheme}://{host}:{port}"
    plain = str(getattr(address, "ipv4_mapped", None) or address)
    return f"{scheme}://[{plain}]:{port}" if ":" in plain else f"{scheme}://{plain}:{port}"


def call_authorization(join_secret: str, address: str, now_s: float | None = None) -> str:
    """Return the ``Authorization`` of a call to the node at an address.

    Parameters
    ----------
    join_secret
        The secret that all nodes share.
    address
        ``http(s)://host:port`` that is dialled.
    now_s
        Seconds since 1970; by this machine's clock if left out.
    """
    expires = str(int(time.time() if now_s is None else now_s) + LIFE_S)
    return f"{_SCHEME}{expires}.{_mac(join_secret, expires, canonical_address(address))}"


def _mac(join_secret: str, expires: str, address: str) -> str:
    key = hmac.digest(join_secret.encode(), _PURPOSE, hashlib.sha256)
    return hmac.digest(key, f"{expires}\0{address}".encode(), hashlib.sha256).hex()


@dataclass(frozen=True, slots=True)
class _Token:
    expires: str
    mac: str

    def is_for(self, join_secret: str, address: str) -> bool:
        return bool(address) and hmac.compare_digest(self.mac, _mac(join_secret, self.expires, address))

    def is_good_at(self, now_s: float) -> bool:
        # Made for LIFE_S by a clock that may be late or early.
        left_s = int(self.expires) - now_s
        return -_ON_ITS_WAY_S <= left_s <= LIFE_S + CLOCK_DIFFERENCE_S + _ON_ITS_WAY_S


def _token_in(authorization: str) -> _Token | None:
    if not authorization.isascii() or not authorization.startswith(_SCHEME):
        return None
    expires, _, mac = authorization.removeprefix(_SCHEME).partition(".")
    if not expires.isdigit() or len(expires) > _MAX_TIME_CHARACTERS or len(mac) != _MAC_CHARACTERS:
        return None
    return _Token(expires, mac)


class OwnAddresses:
    """The addresses under which calls to this node are good: where they arrive, and what the node calls itself.

    Parameters
    ----------
    announced
        Returns what it registers; may raise OSError while that cannot be known.
    """

    def __init__(self, announced: Callable[[], str]) -> None:
        self._announced = announced
        self._known, self._known_until_s = "", 0.0

    def of(self, arrived: str) -> Iterator[str]:
        """Yield them, for a call that arrived at an address; what has to be looked up comes last."""
        yield arrived
        yield self.announced()

    def announced(self) -> str:
        """Return what the node registers, empty if nobody knows; a name may be looked up for it, so not each time."""
        if time.monotonic() >= self._known_until_s:
            self._known_until_s = time.monotonic() + _KNOWN_FOR_S
            try:
                self._known = canonical_address(self._announced())
            except OSError as exc:
                logger.info("own_address_unknown", extra={"reason": str(exc)})
        return self._known


def require_call(authorization: str, join_secret: str, own: OwnAddresses, *, arrived: str, host: str) -> None:
    """Refuse a call that carries neither the join secret nor a token that was made for this node.

    Parameters
    ----------
    authorization
        The header.
    join_secret
        The secret that all nodes share.
    own
        This node's addresses.
    arrived
        `arrived_at` of the connection.
    host
        The ``Host`` header, which says whom the caller dialled. It is not believed: it only helps to say what is wrong.

    Raises
    ------
    NotSignedIn
        It does not.
    """
    token = _token_in(authorization)
    if token is None or not join_secret:
        require_token(authorization, join_secret)
        return
    if any(token.is_for(join_secret, address) for address in own.of(arrived)):
        if not token.is_good_at(time.time()):
            words = f"The clocks of two nodes differ by more than {CLOCK_DIFFERENCE_S // 60} minutes: set them."
            raise NotSignedIn(words, code=CLOCKS_DIFFER)
        return
    for scheme in _DEFAULT_PORTS:
        dialled = canonical_address(f"{scheme}://{host}")
        if token.is_for(join_secret, dialled):
            words = f"This node calls itself {own.announced() or arrived}: register it under this address"
            raise NotSignedIn(f"{words}, not under {dialled}.", code=ANOTHER_ADDRESS)
    require_token("", join_secret)
