"""The numbers that the pages' geometry is held to are those of the server's geometry, and some of them by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.contract import planes as generator


@pytest.fixture(scope="module")
def fixture() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(generator.FIXTURE.read_text(encoding="utf-8"))
    return loaded


def _numbers(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for key, entry in value.items() for pair in _numbers(entry, f"{path}.{key}")]
    if isinstance(value, list):
        return [pair for at, entry in enumerate(value) for pair in _numbers(entry, f"{path}[{at}]")]
    return [(path, value)]


def test_the_fixture_is_what_the_geometry_says_now(fixture: dict[str, Any]) -> None:
    now = json.loads(generator.rounded_json(generator.build()))
    stored, made = _numbers(fixture), _numbers(now)
    assert [path for path, _ in stored] == [path for path, _ in made], "write it anew: python -m tests.contract.planes"
    for (path, one), (_, other) in zip(stored, made, strict=True):
        if isinstance(one, float) and isinstance(other, float):
            assert one == pytest.approx(other, abs=1e-6), path
        else:
            assert one == other, path


def test_straight_planes_of_an_even_volume_by_hand(fixture: dict[str, Any]) -> None:
    scene = next(scene for scene in fixture["scenes"] if scene["name"] == "even")
    start = scene["steps"][0]
    assert start["crossing"] == pytest.approx([-153 + 128 * 1.2, -140.5 + 128 * 1.2, -310.25 + 60 * 2.5])
    axial = next(view for view in start["views"] if view["kind"] == "axial" and view["look"]["zoom"] == 2.5)
    assert axial["letters"] == ["A", "L", "P", "R"]
    # The centre (3, -12) lies in the middle: 100 is 220 pixels to its left, 380 is 140 below it.
    assert axial["lps_at_100_380"] == pytest.approx([3 - 220 / 2.5, -12 + 140 / 2.5, start["crossing"][2]])
    # The coronal plane is a level line at its own height, from border to border.
    height = 240 + (start["crossing"][1] + 12) * 2.5
    ends = np.array(axial["lines"][0])[[1, 3]]
    assert ends == pytest.approx([height, height])
    assert sorted(np.array(axial["lines"][0])[[0, 2]]) == pytest.approx([0, 640])
    assert scene["steps"][1]["crossing"][2] == pytest.approx(start["crossing"][2] + 12.5)
