"""Colour tables against those that pydicom carries, and what lies outside of an image."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from renderpool.scene.colours import colours_of, paint_in_colours
from webviewer.protocol.windows import ColourTable

FILES: dict[ColourTable, str] = {
    "hot_iron": "hotiron",
    "pet": "pet",
    "hot_metal_blue": "hotmetalblue",
    "pet_20_step": "pet20step",
    "spring": "spring",
    "summer": "summer",
    "fall": "fall",
    "winter": "winter",
}
PALETTES = Path(pydicom.__file__).parent / "data" / "palettes"


@pytest.mark.parametrize("name", FILES)
def test_a_table_is_the_palette_of_the_standard(name: ColourTable) -> None:
    dataset = pydicom.dcmread(PALETTES / f"{FILES[name]}.dcm")
    expected = apply_color_lut(np.arange(256, dtype=np.uint8)[np.newaxis], dataset)[0]
    found = colours_of(name)
    assert found is not None
    assert np.array_equal(found, expected)


def test_every_table_of_the_contract_is_there() -> None:
    assert {*FILES, "grey"} == set(get_args(ColourTable))
    assert colours_of("grey") is None


def test_outside_stays_black_where_the_lowest_grey_has_a_colour() -> None:
    """The left half lies outside; inside, grey runs from black to white."""

    def draw(exchanged: bool) -> NDArray[np.uint8]:
        ramp = np.arange(256, dtype=np.uint8)[np.newaxis]
        return np.concatenate([np.zeros_like(ramp), 255 - ramp if exchanged else ramp], axis=1)

    for name in FILES:
        pixels = paint_in_colours(draw, name)
        assert not pixels[:, :256].any()
        table = colours_of(name)
        assert table is not None
        assert np.array_equal(pixels[0, 256:], table)
    assert np.array_equal(paint_in_colours(draw, "grey"), draw(False))
