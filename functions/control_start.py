"""The console script ``ControlNode``: the standard library is patched before anything else is imported."""
# ruff: noqa: E402

from gevent import monkey

monkey.patch_all()

from collections.abc import Sequence
from pathlib import Path

from functions.common.program import CONTROL_NODE
from webviewer.command_line import run
from webviewer.config import Configuration


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the control node, or one of its database commands; returns the exit code."""
    return run(CONTROL_NODE, arguments, _serve)


def _serve(configuration: Configuration, file: Path | None) -> int:
    from functions.control_node import serve  # database commands do without all that

    return serve(configuration, file)
