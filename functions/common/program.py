"""The control node as an executable; stands apart so that its database commands need not load the functions."""

from __future__ import annotations

from typing import Final

from webviewer.command_line import Program
from webviewer.config import Role

CONTROL_NODE: Final = Program(
    "ControlNode", Role.CONTROL, "Web DICOM viewer, control node.", log_file="controlnode.log", node="control"
)
