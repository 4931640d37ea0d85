"""What both ends of a WebSocket agree on besides the messages, whose models take a tenth of a second to load."""

from __future__ import annotations

SUBPROTOCOL = "webviewer.v1"


class CloseCode:
    """WebSocket close codes that the page understands."""

    GOING_AWAY = 1001  # node stops: reconnect at once
    BAD_MESSAGE = 4400  # contract broken: reload the page
    NOT_SIGNED_IN = 4401  # session ended: sign in again
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    TOO_MANY = 4429
    NODE_LOST = 4503  # the render node is gone: reconnect, another will take over
