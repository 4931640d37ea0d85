"""Where a proxy takes a page's picture stream: it asks with the handshake's headers, and goes there past Python."""

from __future__ import annotations

from flask import request

from functions.common.peer import Peers
from functions.common.placed import at_render_node
from functions.common.sockets import offered_ticket
from webviewer.accounts import TicketPurpose
from webviewer.adapters.node_clients import knock
from webviewer.adapters.stream_pass import make_pass
from webviewer.bootstrap import Services
from webviewer.core.errors import NotSignedIn, PermissionDenied


def stream_headers(services: Services, peers: Peers) -> dict[str, str]:
    """Use the ticket of the handshake up and return where the stream goes and what proves whose it is.

    Raises
    ------
    NotSignedIn, PermissionDenied
        There is no good ticket, or a page of another site offers it.
    Unavailable
        No render node can be reached, or the storage node is gone.
    """
    ticket = offered_ticket(request)
    if ticket is None:
        raise NotSignedIn("A ticket must be offered among the subprotocols.")
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        raise PermissionDenied("A page of another site may not do this.", code="cross_origin")
    origin = request.headers.get("Origin")
    who = services.tickets.redeem(ticket, TicketPurpose.RENDER, origin, origin_is_own=peers.is_own_origin(request))
    storage = services.placement.storage_node(who.session_id)
    # The proxy could only tell the page that nobody is there: so somebody is looked for before.
    tls = services.node_clients.tls
    (host, port), render = at_render_node(
        services, who.session_id, lambda node: (knock(node.address, tls), node.address)
    )
    return {
        "X-Webviewer-Upstream": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "X-Webviewer-Owner": str(who.user_id),
        "X-Webviewer-Session": str(who.session_id),
        "X-Webviewer-Storage": storage.address,
        "X-Webviewer-Pass": make_pass(
            services.settings.internal_token,
            session_id=who.session_id,
            owner_id=who.user_id,
            storage=storage.address,
            render=render,
            now_s=services.clock().timestamp(),
        ),
    }
