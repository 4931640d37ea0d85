"""The pass of a picture stream: proves to a render node, for some seconds, whose stream a connection is.

The control node gives it to a proxy that it has told where a session's stream goes (`auth_request`); the proxy hands it
on in ``X-Webviewer-Pass``. A render node believes the session, the owner and the storage node beside it only together
with a pass that was made for just these and for itself. The key is derived from the join secret, so a pass says nothing
about that secret, and nothing else that the secret proves can be made of it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from webviewer.adapters.call_token import canonical_address

PASS_LIFE_S: Final = 30
_PURPOSE: Final = b"webviewer stream pass 2"
_MAC_CHARACTERS: Final = 64
_MAX_TIME_CHARACTERS: Final = 12


def make_pass(join_secret: str, *, session_id: int, owner_id: int, storage: str, render: str, now_s: float) -> str:
    """Return a pass that is good for `PASS_LIFE_S`.

    Parameters
    ----------
    join_secret
        The secret that all nodes share.
    session_id, owner_id
        Whose stream it is.
    storage
        Address of the storage node that holds the owner.
    render
        Address of the render node that draws, as the control node knows it: no other one takes the pass.
    now_s
        Seconds since 1970.
    """
    expires = str(int(now_s) + PASS_LIFE_S)
    return f"{expires}.{_mac(join_secret, expires, session_id, owner_id, storage, canonical_address(render))}"


def is_good_pass(
    join_secret: str, given: str, *, session_id: int, owner_id: int, storage: str, render: str, now_s: float
) -> bool:
    """Return whether a pass was made for this session, owner and these two nodes, and has not expired."""
    expires, _, mac = given.partition(".")
    if not join_secret or len(mac) != _MAC_CHARACTERS or not 0 < len(expires) <= _MAX_TIME_CHARACTERS:
        return False
    if not (expires.isascii() and expires.isdigit() and canonical_address(render)):
        return False
    wanted = _mac(join_secret, expires, session_id, owner_id, storage, canonical_address(render))
    is_ours = hmac.compare_digest(mac.encode("utf-8", "replace"), wanted.encode())
    # One that would be good for longer than we ever make them comes from a clock that is wrong.
    return is_ours and now_s <= int(expires) <= now_s + 2 * PASS_LIFE_S


def _mac(join_secret: str, *facts: str | int) -> str:
    key = hmac.new(join_secret.encode(), _PURPOSE, hashlib.sha256).digest()
    said = "\0".join(str(fact) for fact in facts)
    return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
