"""The cameras that the pages' tests read are those of NumPy, and say what the pose of the wire means."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.contract.cameras import TARGET, cameras

KEPT: list[dict[str, Any]] = json.loads(TARGET.read_text(encoding="utf-8"))


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [part for key in sorted(value) for part in (key, *flat(value[key]))]
    if isinstance(value, list | tuple):
        return [part for entry in value for part in flat(entry)]
    return [value]


def test_the_file_is_what_numpy_says() -> None:
    for kept, made in zip(KEPT, cameras(), strict=True):
        found, wanted = flat(kept), flat(made)
        assert [part for part in found if not isinstance(part, float | int)] == [
            part for part in wanted if not isinstance(part, float | int)
        ], kept["name"]
        assert [part for part in found if isinstance(part, float | int)] == pytest.approx(
            [part for part in wanted if isinstance(part, float | int)], rel=1e-9, abs=1e-8
        ), kept["name"]


@pytest.mark.parametrize("case", KEPT, ids=lambda case: str(case["name"]))
def test_a_pose_says_where_every_pixel_lies_in_the_words_of_the_contract(case: dict[str, Any]) -> None:
    """The words of `CameraPose`, said a second time without a camera: rays through the eye, or parallel ones."""
    pose = case["pose"]
    target, right, down = (np.array(pose[key]) for key in ("target_lps_mm", "right_lps", "down_lps"))
    away = np.cross(right, down)
    for row in case["seen"]:
        offset = np.array(row["point"]) - target
        share = 1.0
        if pose["eye_distance_mm"] is not None:
            in_front = pose["eye_distance_mm"] + offset @ away
            if in_front <= 0:
                assert row["at"] is None
                continue
            share = pose["eye_distance_mm"] / in_front
        middle = np.array(case["canvas"]) / 2 + pose["offset_px"]
        found = middle + share * np.array([offset @ right, offset @ down]) / pose["mm_per_px"]
        assert row["at"] is not None
        assert row["at"][:2] == pytest.approx(found, rel=1e-6, abs=1e-5)
