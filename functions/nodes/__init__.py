"""The control node's internal port: what storage and render nodes, Nginx, the controller and a monitor ask."""

from functions.nodes.app import create_app

__all__ = ["create_app"]
