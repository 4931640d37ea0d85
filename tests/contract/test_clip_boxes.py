"""The clipping boxes that the pages' tests read are those of SciPy."""

from __future__ import annotations

import json

import pytest

from tests.contract.clip_boxes import TARGET, clip_boxes


def test_the_file_is_what_scipy_says() -> None:
    kept, made = json.loads(TARGET.read_text(encoding="utf-8")), clip_boxes()
    assert [(case["grid"], case["box"]) for case in kept] == [
        (json.loads(json.dumps(case["grid"])), json.loads(json.dumps(case["box"]))) for case in made
    ]
    for before, now in zip(kept, made, strict=True):
        for corner, expected in zip(before["corners"], now["corners"], strict=True):
            assert corner == pytest.approx(expected, abs=1e-7)
