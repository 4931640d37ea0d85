"""Every frame against the NumPy reference, to at most one grey level."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.scene.grey import GreyMap, VoiFunction, grey_map
from renderpool.scene.view import ImageExtent, Placement, resolve, supersampling
from tests.render.reference_view import (
    Look,
    canvas_values,
    grey_linear,
    grey_linear_exact,
    grey_sigmoid,
    worst,
)
from webviewer.core.errors import RenderError
from webviewer.dicom.attributes import LookupTable
from webviewer.dicom.lut import VoiChoice

_KEYS = itertools.count()


def ct_like(rows: int, columns: int, seed: int = 5) -> NDArray[np.float32]:
    """Hounsfield units with sharp edges, from -1024 to 3071."""
    rng = np.random.default_rng(seed)
    values = rng.normal(40, 60, (rows, columns))
    values[: rows // 3] = -1024
    values[rows // 2 :, columns // 2 :] = 3071
    values[rows // 4, ::2] = 1500
    return np.round(values).astype(np.float32)


def draw(renderer: Renderer, values: NDArray[Any], look: Look, grey: GreyMap | None) -> NDArray[np.uint8]:
    extent = ImageExtent(values.shape[1], values.shape[0], look.pixel_aspect)
    view = resolve(
        extent,
        Placement(
            look.width_px,
            look.height_px,
            look.zoom,
            look.center_x,
            look.center_y,
            look.rotation_deg,
            look.flip_horizontal,
        ),
    )
    samples = supersampling(look.zoom) if look.interpolation == "bilinear" else 1
    if grey is None:
        return renderer.draw_colour(
            next(_KEYS), lambda: values, view, interpolation=look.interpolation, samples=samples
        )
    return renderer.draw_grey(
        next(_KEYS), lambda: values, view, grey, interpolation=look.interpolation, samples=samples
    )


def straight(values: NDArray[Any]) -> Look:
    """One canvas pixel for each image pixel."""
    rows, columns = values.shape[:2]
    return Look(columns, rows, 1.0, columns / 2, rows / 2)


REFERENCES = {
    VoiFunction.LINEAR: grey_linear,
    VoiFunction.LINEAR_EXACT: grey_linear_exact,
    VoiFunction.SIGMOID: grey_sigmoid,
}


@pytest.mark.parametrize("function", list(REFERENCES), ids=lambda function: function.name)
@pytest.mark.parametrize(
    ("center", "width"), [(40, 400), (50, 80), (-600, 1500), (0.5, 1), (300.25, 2.5), (1024, 4096)]
)
def test_every_voi_function_maps_values_as_the_standard_says(
    renderer: Renderer, function: VoiFunction, center: float, width: float
) -> None:
    values = np.linspace(-1100, 3100, 61 * 47).round().astype(np.float32).reshape(47, 61)
    pixels = draw(renderer, values, straight(values), GreyMap(function, center, width))
    assert worst(pixels, REFERENCES[function](values.astype(np.float64), center, width)) <= 1


def test_inverting_turns_grey_over(renderer: Renderer) -> None:
    values = ct_like(40, 50)
    pixels = draw(renderer, values, straight(values), GreyMap(VoiFunction.LINEAR, 40, 400, inverted=True))
    assert worst(pixels, 255 - grey_linear(values.astype(np.float64), 40, 400)) <= 1


@pytest.mark.parametrize(("bits", "entries", "first"), [(8, 256, 0), (16, 4096, -1024), (12, 300, 17), (16, 65536, 0)])
def test_a_voi_lut_is_looked_up_by_value_and_clamped_at_its_ends(
    renderer: Renderer, bits: int, entries: int, first: int
) -> None:
    data = np.round((np.linspace(0, 1, entries) ** 2) * (2**bits - 1)).astype(int)
    table = LookupTable(first, bits, tuple(data.tolist()))
    values = np.linspace(first - 50, first + entries + 50, 90 * 70).round().astype(np.float32).reshape(70, 90)
    pixels = draw(renderer, values, straight(values), grey_map(VoiChoice(lut=table), inverted=False))
    expected = data[np.clip(values.astype(int) - first, 0, entries - 1)] / (2**bits - 1) * 255
    assert worst(pixels, expected) <= 1


LOOKS = {
    "fit": Look(300, 300, 2.3, 64.0, 50.5),
    "magnified": Look(257, 123, 7.7, 60.25, 47.5),
    "minified to a half": Look(64, 51, 0.5, 64.0, 50.5),
    "minified to a third": Look(40, 33, 1 / 3, 63.3, 50.1),
    "minified to 0.13": Look(31, 29, 0.13, 64.0, 50.5),
    "quarter turn": Look(101, 128, 1.0, 64.0, 50.5, rotation_deg=90),
    "turned by 30": Look(200, 150, 1.4, 60.0, 50.0, rotation_deg=30),
    "turned by -77.5, flipped": Look(151, 203, 1.9, 70.2, 40.7, rotation_deg=-77.5, flip_horizontal=True),
    "flipped": Look(128, 101, 1.0, 64.0, 50.5, flip_horizontal=True),
    "flat pixels": Look(128, 60, 1.0, 64.0, 50.5, pixel_aspect=0.5),
    "tall pixels, turned": Look(220, 240, 1.1, 64.0, 50.5, pixel_aspect=2.4, rotation_deg=45),
    "panned far out": Look(90, 90, 3.0, 1.0, 100.0),
    "outside": Look(20, 20, 1.0, 500.0, 500.0),
    "one pixel": Look(1, 1, 1.0, 64.0, 50.5),
}


def at_the_border(look: Look, inside: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Canvas pixels whose centre lies on the image's border to within float32: in or out is no matter of right."""
    from tests.render.reference_view import points_of

    x, y = points_of(look)
    near = 1e-3
    on_x = (np.abs(x) < near) | (np.abs(x - shape[1]) < near)
    on_y = (np.abs(y) < near) | (np.abs(y - shape[0]) < near)
    near_an_edge: NDArray[np.bool_] = on_x | on_y
    return near_an_edge


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
@pytest.mark.parametrize("exact_filter", [False, True], ids=["as on llvmpipe", "as on hardware"])
def test_every_placement_matches_the_reference(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch, look: Look, exact_filter: bool
) -> None:
    if exact_filter:
        monkeypatch.setattr(renderer.context, "software", False)
    values = ct_like(101, 128)
    pixels = draw(renderer, values, look, GreyMap(VoiFunction.LINEAR, 40, 400))
    averages, inside = canvas_values(values, look)
    expected = np.where(inside, grey_linear(averages, 40, 400), 0)
    undecided = at_the_border(look, inside, values.shape)
    assert worst(np.where(undecided, 0, pixels), np.where(undecided, 0, expected)) <= 1
    assert undecided.sum() <= look.width_px + look.height_px


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270, -90, 31])
def test_nearest_shows_whole_pixels(renderer: Renderer, rotation_deg: float) -> None:
    values = ct_like(37, 23)
    look = Look(200, 220, 5.0, 11.37, 18.61, rotation_deg=rotation_deg, interpolation="nearest")
    pixels = draw(renderer, values, look, GreyMap(VoiFunction.LINEAR, 40, 400))
    averages, inside = canvas_values(values, look)
    differs = np.abs(pixels.astype(int) - np.where(inside, grey_linear(averages, 40, 400), 0)) > 1
    # On the line between two pixels either is right; float32 decides otherwise than float64 for a handful.
    assert differs.mean() < 0.002


def test_a_quarter_turn_is_clockwise_and_loses_nothing(renderer: Renderer) -> None:
    values = ct_like(30, 20)
    look = Look(30, 20, 1.0, 10.0, 15.0, rotation_deg=90)
    pixels = draw(renderer, values, look, GreyMap(VoiFunction.LINEAR, 40, 400))
    assert worst(pixels, np.rot90(grey_linear(values.astype(np.float64), 40, 400), -1)) <= 1


def test_flipping_comes_before_turning(renderer: Renderer) -> None:
    values = ct_like(30, 20)
    look = Look(30, 20, 1.0, 10.0, 15.0, rotation_deg=90, flip_horizontal=True)
    pixels = draw(renderer, values, look, GreyMap(VoiFunction.LINEAR, 40, 400))
    assert worst(pixels, np.rot90(np.fliplr(grey_linear(values.astype(np.float64), 40, 400)), -1)) <= 1


def test_a_thin_bright_line_survives_minifying(renderer: Renderer) -> None:
    values = np.full((512, 512), -1000, dtype=np.float32)
    values[:, 201] = 3000
    pixels = draw(renderer, values, Look(128, 128, 0.25, 256, 256), GreyMap(VoiFunction.LINEAR, 0, 2000))
    assert pixels[64, 50] == pytest.approx(127.5, abs=1)  # (3 × -1000 + 3000) / 4 = 0
    assert pixels[64, 49] == 0


@pytest.mark.parametrize("look", list(LOOKS.values())[:9], ids=list(LOOKS)[:9])
def test_colour_matches_the_reference_in_each_channel(renderer: Renderer, look: Look) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 256, (101, 128, 3)).astype(np.uint8)
    pixels = draw(renderer, values, look, None)
    for channel in range(3):
        averages, inside = canvas_values(values[..., channel], look)
        undecided = at_the_border(look, inside, values.shape[:2])
        expected = np.where(inside & ~undecided, averages, 0)
        assert worst(np.where(undecided, 0, pixels[..., channel]), expected) <= 1


def test_values_of_32_bits_keep_one_grey_level(renderer: Renderer) -> None:
    stored = np.linspace(0, 2**32 - 1, 64 * 64).astype(np.uint32).reshape(64, 64)
    center, width = 2.0**31, 2.0**32
    pixels = draw(
        renderer, stored.astype(np.float32), straight(stored), GreyMap(VoiFunction.LINEAR_EXACT, center, width)
    )
    assert worst(pixels, grey_linear_exact(stored.astype(np.float64), center, width)) <= 1


def test_a_picture_does_not_show_the_one_before(renderer: Renderer) -> None:
    bright = np.full((50, 50), 1000, dtype=np.float32)
    draw(renderer, bright, Look(400, 300, 10.0, 25, 25), GreyMap(VoiFunction.LINEAR, 0, 100))
    small = draw(renderer, bright, Look(100, 80, 1.0, 25, 25), GreyMap(VoiFunction.LINEAR, 0, 100))
    assert small.shape == (80, 100)
    assert small[0, 0] == 0
    assert small[40, 50] == 255


def test_a_texture_is_uploaded_once(renderer: Renderer) -> None:
    uploads = []
    values = ct_like(20, 20)
    view = resolve(ImageExtent(20, 20), Placement(40, 40))

    def load() -> NDArray[np.float32]:
        uploads.append(1)
        return values

    for _ in range(3):
        renderer.draw_grey("once", load, view, GreyMap(VoiFunction.LINEAR, 40, 400))
    assert uploads == [1]


def test_textures_stay_within_their_budget(renderer: Renderer) -> None:
    from renderpool.engine.textures import Texture, TextureCache

    cache = TextureCache(budget_bytes=3 * 40 * 40 * 4)
    for number in range(10):
        cache.get(number, lambda: Texture(np.zeros((40, 40), dtype=np.float32)))
    assert (len(cache), cache.size_bytes) == (3, 3 * 40 * 40 * 4)
    cache.close()
    assert (len(cache), cache.size_bytes) == (0, 0)


def test_an_image_over_the_device_s_limit_is_refused_in_words(renderer: Renderer) -> None:
    values = np.zeros((1, renderer.context.max_texture_px + 1), dtype=np.float32)
    with pytest.raises(RenderError, match=r"larger than this server can draw"):
        draw(renderer, values, replace(straight(values), width_px=10, height_px=10), GreyMap(VoiFunction.LINEAR, 0, 1))


def test_a_canvas_out_of_range_is_refused(renderer: Renderer) -> None:
    values = ct_like(20, 20)
    with pytest.raises(RenderError, match="9000 × 10 is out of range 1 to 8192"):
        draw(renderer, values, Look(9000, 10, 1, 10, 10), GreyMap(VoiFunction.LINEAR, 0, 1))
