"""pydicom's loop over a folder, as a process of its own, asked run by run: ``python volume_load_peer.py FOLDER``.

It runs in an interpreter that has ``pydicom``, ``numpy`` and, for compressed files, a plug-in for their codec, and
imports nothing of ours. Each line on stdin asks for one run: read all files, decode, stack into one array; the answer
is one line ``{"wall_ms", "cpu_ms", "peer", "plugin"}``, the last what pydicom decodes with by default.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
from pydicom.pixels.decoders.base import get_decoder


def load(paths: list[Path]) -> np.ndarray:
    """Return the stacked pixels of the files."""
    volume: np.ndarray | None = None
    for number, path in enumerate(paths):
        pixels = pydicom.dcmread(path).pixel_array
        if volume is None:
            volume = np.empty((len(paths), *pixels.shape), pixels.dtype)
        volume[number] = pixels
    assert volume is not None
    return volume


def plugin(path: Path) -> str:
    """Return the plug-in that pydicom tries first for a file, empty where it needs none."""
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    return get_decoder(syntax).available_plugins[0] if syntax.is_encapsulated else ""


def main() -> None:
    """Answer until stdin ends."""
    paths = sorted(Path(sys.argv[1]).iterdir())
    peer = {"peer": f"pydicom {pydicom.__version__}", "plugin": plugin(paths[0])}
    for _ in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        load(paths)
        took = {"wall_ms": (time.perf_counter() - wall) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}
        sys.stdout.write(json.dumps({**took, **peer}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
