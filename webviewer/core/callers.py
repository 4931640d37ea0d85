"""Who may call the internal HTTP of a node: programs of ours, never a browser; and whom a listener lets near."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable
from typing import Final

from webviewer.core.errors import NotSignedIn, PermissionDenied

MONITOR_PATHS: Final = frozenset({"/metrics", "/internal/v1/health"})
"""What any program may ask of a node: a monitor cannot know the secret, and nothing in them names a person.

Who brings a token all the same is judged by it: that is how a ping finds out whether the node takes our calls.
"""

_OF_BROWSERS: Final = ("origin", "cookie", "referer", "sec-fetch-", "sec-ch-")


def refuse_browser(header_names: Iterable[str]) -> None:
    """Refuse a request with a header that browsers add to requests and no program of ours ever sends.

    The token is what proves a caller; this keeps a page away that got hold of it, or that reaches a route without one.

    Raises
    ------
    PermissionDenied
        It comes from a browser.
    """
    if any(name.lower().startswith(_OF_BROWSERS) for name in header_names):
        raise PermissionDenied("This address is for nodes of the server only, not for browsers.")


def require_token(authorization: str, token: str) -> None:
    """Refuse a request between nodes whose ``Authorization`` does not carry the internal token.

    Raises
    ------
    NotSignedIn
        It does not, or there is no token.
    """
    given = authorization.encode("utf-8", "replace")
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise NotSignedIn("This address is for the nodes of this system: a request carries the internal token.")


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a listener on the host.

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
