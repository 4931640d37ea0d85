"""Who is at the other end: the client's address behind proxies, and whether a page is our own."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Request

from webviewer.core.errors import PermissionDenied

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Peers:
    """Reads a request as proxies passed it on.

    Parameters
    ----------
    trusted
        Networks of the proxies that are believed.
    count
        How many of them a request passes one after the other. Each appends one address to ``X-Forwarded-For``, so at
        most this many are read, from the right: the client wrote the ones before.
    """

    trusted: tuple[IpNetwork, ...]
    count: int = 1

    @classmethod
    def of(cls, networks: Sequence[str], count: int = 1) -> Peers:
        """Return the reader for networks such as ``127.0.0.0/8``."""
        return cls(tuple(ipaddress.ip_network(network, strict=False) for network in networks), count)

    def address(self, request: Request) -> str:
        """Return the client's address: the last one that no trusted proxy wrote itself."""
        return self.client(request.environ.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", ""))

    def client(self, address: str, forwarded: str) -> str:
        """Return the client's address.

        Parameters
        ----------
        address
            Of the peer.
        forwarded
            ``X-Forwarded-For``, several of them joined by commas.

        Examples
        --------
        >>> Peers.of(["127.0.0.0/8"]).client("127.0.0.1", "10.9.9.9, 127.0.0.4, 127.0.0.3")
        '127.0.0.3'
        >>> Peers.of(["127.0.0.0/8"], count=2).client("127.0.0.1", "10.9.9.9, 127.0.0.4, 127.0.0.3")
        '127.0.0.4'
        """
        hops = [hop.strip() for hop in forwarded.rsplit(",", maxsplit=self.count)[-self.count :]]
        while hops and self.trusts(address) and _is_address(hop := hops.pop()):
            address = hop
        return _plain(address)

    def is_https(self, request: Request) -> bool:
        """Return whether the browser speaks HTTPS, be it to us or to a trusted proxy."""
        if request.scheme == "https":
            return True
        behind = self.trusts(request.environ.get("REMOTE_ADDR", ""))
        return behind and request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip().lower() == "https"

    def is_own_origin(self, request: Request) -> bool:
        """Return whether the request has no ``Origin`` or our own.

        A proxy that passes ``Host`` on without the port (the documented files do) leaves only the name to compare.
        """
        origin = request.headers.get("Origin")
        if origin is None:
            return True
        host = request.headers.get("Host", "")
        forwarded = request.headers.get("X-Forwarded-Host")
        if forwarded and self.trusts(request.environ.get("REMOTE_ADDR", "")):
            host = forwarded.split(",")[0].strip()
        try:
            theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
            their_port, our_port = theirs.port or _DEFAULT_PORTS.get(theirs.scheme), ours.port
        except ValueError:
            return False
        if theirs.scheme not in _DEFAULT_PORTS or not theirs.hostname or theirs.hostname != ours.hostname:
            return False
        return our_port is None or our_port == their_port

    def refuse_foreign_page(self, request: Request) -> None:
        """Refuse a request that a page of another site makes.

        Raises
        ------
        PermissionDenied
            Its ``Origin`` is not ours, or the browser says that it crosses sites.
        """
        if request.headers.get("Sec-Fetch-Site") == "cross-site" or not self.is_own_origin(request):
            raise PermissionDenied("A page of another site may not do this.", code="cross_origin")

    def trusts(self, address: str) -> bool:
        """Return whether this is the address of a proxy that is believed."""
        if not address:
            return True  # a Unix socket: whoever reaches it is on this machine
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self.trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _plain(address: str) -> str:
    """Return the address in its one spelling, so that counters by address cannot be dodged by another one."""
    try:
        parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address[:64]
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
