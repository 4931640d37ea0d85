"""Where the corners of clipping boxes lie in the patient: written from SciPy, read by the pages' tests.

``python -m tests.contract.clip_boxes`` writes ``fixtures/clip_boxes.json``; `test_clip_boxes.py` says whether it is up
to date. That the server draws what lies between these corners is proven in ``tests/render/test_camera_painting.py``.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from tests.contract.cameras import GRIDS

TARGET = Path(__file__).parent / "fixtures" / "clip_boxes.json"
DIGITS = 9

Triple = tuple[float, float, float]
BOXES: list[tuple[str, Triple, Triple, Triple]] = [
    ("axial", (0, 10, 20), (500, 400.5, 250), (0, 0, 0)),
    ("axial", (-0.5, -0.5, -0.5), (511.5, 511.5, 299.5), (0, 0, 90)),
    ("thick", (20, 30, 4), (120, 150.25, 20), (25, -40, 10)),
    ("sagittal_sheared", (5, 10, 6), (70, 100, 50), (-60, 15, 120)),
]


def clip_boxes() -> list[dict[str, Any]]:
    """Return the cases, as they stand in the file; the column of the corners runs fastest, then the row."""
    cases = []
    for name, low, high, turn_deg in BOXES:
        shape, rows = GRIDS[name]
        matrix = np.array(rows)
        turn = Rotation.from_rotvec(turn_deg, degrees=True)
        middle = matrix @ [*((np.array(shape[::-1]) - 1) / 2), 1]
        corners = [
            turn.apply(matrix @ [column, row, slice_, 1] - middle) + middle
            for slice_, row, column in itertools.product(*zip(low[::-1], high[::-1], strict=True))
        ]
        cases.append(
            {
                "grid": {"shape": list(shape), "lps_from_index": [float(value) for row in rows for value in row]},
                "box": {"low_index": list(low), "high_index": list(high), "turn_deg": list(turn_deg)},
                "corners": [[round(float(value), DIGITS) + 0.0 for value in corner] for corner in corners],
            }
        )
    return cases


def main() -> None:
    """Write the file."""
    rows = ",\n".join(json.dumps(case) for case in clip_boxes())
    TARGET.write_text(f"[\n{rows}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
