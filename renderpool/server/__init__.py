"""The render node's HTTP and WebSocket side (aiohttp). No OpenGL calls and no decisions about pixels in here.

::

    app.py       the application: token, error shape, routes, closing
    stream.py    WebSocket `/internal/v1/render/stream`
    pictures.py  thumbnails and rendered frames
    status.py    health, status, metrics
    storage.py   `FrameSource` by the storage node's HTTP
"""

from renderpool.server.app import create_app
from renderpool.server.node import RenderNode

__all__ = ["RenderNode", "create_app"]
