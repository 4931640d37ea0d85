"""The storage node: ``StorageNode -c storagenodeconfig.json``, or ``python -m dicom_gateway.main``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from webviewer.command_line import Program, run
from webviewer.config import Configuration, Role

PROGRAM: Final = Program(
    "StorageNode", Role.STORAGE, "Web DICOM viewer, storage node.", log_file="storagenode.log", node="storage"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the storage node, or one of its database commands; returns the exit code."""
    return run(PROGRAM, arguments, _serve)


def _serve(configuration: Configuration, file: Path | None) -> int:
    from dicom_gateway.processes import serve  # database commands do without all that, on Windows too

    return serve(configuration, file)


if __name__ == "__main__":
    sys.exit(main())
