"""The console script ``ControlNode``: the standard library is patched before anything else is imported."""
# ruff: noqa: E402

from gevent import monkey

monkey.patch_all()

from functions.control_node import main

__all__ = ["main"]
