"""The render node's HTTP and WebSocket side (aiohttp). No OpenGL calls and no decisions about pixels in here.

::

    app.py       the application: who may ask, error shape, routes, closing
    callers.py   the token, the pass of a stream, and the headers that say whose it is
    connections.py  limits on connections
    control.py   what the control node tells this one: close a session's streams, drain; and what this one reports
    stream.py    WebSocket `/internal/v1/render/stream`
    streams.py   all open streams
    pictures.py  thumbnails and rendered frames
    status.py    health, status, metrics
    storage.py   the storage nodes, each a `FrameSource` by its HTTP
"""

from renderpool.server.app import create_app
from renderpool.server.connections import DOOR, KEEP_ALIVE_S, listening
from renderpool.server.control import Description, Heartbeats
from renderpool.server.node import RenderNode
from renderpool.server.storage import StorageNodes, http_source
from renderpool.server.streams import STREAMS

__all__ = [
    "DOOR",
    "KEEP_ALIVE_S",
    "STREAMS",
    "Description",
    "Heartbeats",
    "RenderNode",
    "StorageNodes",
    "create_app",
    "http_source",
    "listening",
]
