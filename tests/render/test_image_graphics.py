"""Overlays and shutters over images, against the independent reference of `tests.support.reference_graphics`."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, JPEGLosslessSV1, JPEGLSLossless, RLELossless

from renderpool.engine.renderer import Renderer
from renderpool.session.image_graphics import has_overlay_data, make_graphics
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painter import paint
from renderpool.session.quality import LightLevel
from tests.support import phantom_files, shared_data
from tests.support.overlay_files import add_overlay, add_shutter, frame_of_lines
from tests.support.reference_graphics import overlay_pixels, packed, with_graphics
from tests.support.reference_pixels import ReferenceView, image_points
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import ImageAttributes, OverlayPlane, Tiling
from webviewer.dicom.decode import decode_frame
from webviewer.dicom.overlay import bits_of_frame, has_bits, overlay_frame
from webviewer.protocol.messages import View
from webviewer.protocol.windows import WindowValues

ROWS, COLUMNS = 60, 80
BLACK = (0, 0, 0)

WISHES: dict[str, dict[str, Any]] = {
    "fit": {"width_px": 157, "height_px": 131},
    "one to one": {"width_px": 120, "height_px": 90, "zoom": 1.0},
    "small": {"width_px": 33, "height_px": 27, "zoom": 0.3},
    "tiny": {"width_px": 20, "height_px": 20, "zoom": 0.11},
    "large": {"width_px": 101, "height_px": 97, "zoom": 7.3, "center_x": 12.3, "center_y": 9.1},
    "turned": {"width_px": 133, "height_px": 121, "zoom": 1.7, "rotation_deg": 33.0, "flip_horizontal": True},
    "nearest, inverted": {
        "width_px": 90,
        "height_px": 77,
        "zoom": 0.7,
        "rotation_deg": 90.0,
        "interpolation": "nearest",
        "invert": True,
    },
}


@dataclass(frozen=True)
class Loaded:
    """A frame as a storage node and a render node bring it, without HTTP between them."""

    ds: Dataset
    image: LoadedImage


def loaded(ds: Dataset, number: int = 1) -> Loaded:
    data = phantom_files.to_bytes(ds)
    return loaded_of(data, number, dcmread(io.BytesIO(data)))


def loaded_of(data: bytes, number: int, ds: Dataset) -> Loaded:
    file = io.BytesIO(data)
    found = read_image(file)
    assert found is not None
    attributes = found.attributes
    bits = {}
    for plane in attributes.overlays:
        frame = overlay_frame(plane, number)
        if plane.first_byte is not None and frame is not None and has_bits(plane, frame):
            start = found.data_set_offset_bytes + plane.first_byte
            octets = data[start : start + plane.length_bytes]
            if plane.is_byte_swapped:
                octets = np.frombuffer(octets, ">u2").astype("<u2").tobytes()
            count = plane.rows * plane.columns
            bits[plane.group] = bits_of_frame(octets, frame * count, count)
    stored = found.frame_bytes(file, number)
    graphics = make_graphics(stored, attributes, number, bits.items())
    key = (f"{hash(data)}", 1, number)
    return Loaded(ds, LoadedImage(key, decode_frame(stored, attributes, number), attributes, graphics))


def undecided(image: LoadedImage, view: ReferenceView) -> NDArray[np.bool_]:
    """Canvas pixels with a sample so near to a line between pixels that float32 may take the other side."""
    found = np.zeros((view.height_px, view.width_px), bool)
    zoom = image_points(image.rows, image.columns, image.pixel_aspect, view)[2]
    n = 1 if zoom >= 1 else min(int(np.ceil(1 / zoom - 1e-9)), 8)
    for j in range(n):
        for i in range(n):
            offset = ((i + 0.5) / n, (j + 0.5) / n)
            x, y, _ = image_points(image.rows, image.columns, image.pixel_aspect, view, offset)
            found |= (np.abs(x - np.rint(x)) < 2e-3) | (np.abs(y - np.rint(y)) < 2e-3)
    return found


def check(
    renderer: Renderer,
    found: Loaded,
    wish: dict[str, Any],
    overlays: list[tuple[NDArray[np.bool_], int, int]],
    *,
    covered: NDArray[np.bool_] | None = None,
    shade: tuple[int, int, int] = BLACK,
) -> None:
    """Compare with the reference over the picture without overlays and shutter, which other tests hold to theirs."""
    image = found.image
    renderer.textures.close()
    bare = paint(renderer, image, View(cell=0, revision=1, overlays=False, shutters=False, **wish)).pixels
    pixels = paint(renderer, image, View(cell=0, revision=1, **wish)).pixels
    names = ("width_px", "height_px", "zoom", "center_x", "center_y", "rotation_deg", "flip_horizontal")
    view = ReferenceView(**{name: wish[name] for name in names if name in wish})
    size = (image.rows, image.columns)
    right = with_graphics(
        bare, view, size, overlays=overlays, covered=covered, shade=shade, pixel_aspect=image.pixel_aspect
    )
    off = np.abs(pixels.astype(int) - right.astype(int))
    off = off if off.ndim == 2 else off.max(axis=2)
    off[undecided(image, view)] = 0
    # A picture that lies near the step from white to black ink may take either: it is 1 off by rounding.
    near_step = np.abs(luminance(bare) - 191) <= 1
    assert (off[~near_step] <= 1).all(), f"{(off > 1).sum()} pixels differ, at most by {off.max()}"
    assert (right != bare).any() or "zoom" in wish


def luminance(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = pixels.astype(float) if pixels.ndim == 2 else pixels @ np.array([0.299, 0.587, 0.114])
    return found


def ramp() -> NDArray[np.uint16]:
    y, x = np.mgrid[0:ROWS, 0:COLUMNS]
    values: NDArray[np.uint16] = ((x * 53 + y * 7) % 4096).astype(np.uint16)
    return values


def grey(**more: Any) -> Dataset:
    return phantom_files.make_grey(ramp(), bits_stored=12, WindowCenter=2048, WindowWidth=4096, **more)


LINES = frame_of_lines(40, 30)


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
@pytest.mark.parametrize("origin", [(1, 1), (11, 23), (-9, -14), (50, 70)])
def test_an_overlay_is_drawn_where_its_origin_says(
    renderer: Renderer, wish: dict[str, Any], origin: tuple[int, int]
) -> None:
    found = loaded(add_overlay(grey(), LINES, origin=origin))
    check(renderer, found, wish, [(LINES, *origin)])


@pytest.mark.parametrize("name", ["rgb", "palette", "monochrome1", "odd aspect"])
@pytest.mark.parametrize("wish", [WISHES["fit"], WISHES["turned"], WISHES["tiny"]])
def test_overlays_lie_over_every_kind_of_image(renderer: Renderer, name: str, wish: dict[str, Any]) -> None:
    ds = {
        "rgb": phantom_files.make_rgb,
        "palette": phantom_files.make_palette,
        "monochrome1": phantom_files.make_monochrome1,
        "odd aspect": lambda: grey(PixelAspectRatio=[3, 2]),
    }[name]()
    pixels = frame_of_lines(ds.Rows, ds.Columns)
    check(renderer, loaded(add_overlay(ds, pixels)), wish, [(pixels, 1, 1)])


def test_overlays_keep_their_shade_whatever_colours_and_window_are_chosen(renderer: Renderer) -> None:
    found = loaded(add_overlay(grey(), LINES))
    for more in ({"colours": "hot_iron"}, {"colours": "winter"}, {"window": WindowValues(center=0, width=1)}):
        check(renderer, found, {**WISHES["fit"], **more}, [(LINES, 1, 1)])


@pytest.mark.parametrize(("value", "ink"), [(0, 255), (2048, 255), (4095, 0)])
@pytest.mark.parametrize("invert", [False, True])
def test_an_overlay_is_seen_on_black_and_on_white(renderer: Renderer, value: int, ink: int, invert: bool) -> None:
    ds = phantom_files.make_grey(np.full((ROWS, COLUMNS), value, np.uint16), bits_stored=12)
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    found = loaded(add_overlay(ds, LINES))
    view = View(cell=0, revision=1, width_px=COLUMNS, height_px=ROWS, zoom=1.0, invert=invert)
    pixels = paint(renderer, found.image, view).pixels
    lines = np.zeros((ROWS, COLUMNS), bool)
    lines[:40, :30] = LINES
    expected = ink if not invert or value == 2048 else 255 - ink
    assert set(pixels[lines].tolist()) == {expected}
    assert len(set(pixels[~lines].tolist())) == 1


def test_a_line_of_one_pixel_keeps_its_strength_in_a_thumbnail(renderer: Renderer) -> None:
    lines = np.zeros((ROWS, COLUMNS), bool)
    lines[24, :] = True
    ds = phantom_files.make_grey(np.zeros((ROWS, COLUMNS), np.uint8))
    ds.WindowCenter, ds.WindowWidth = 128, 256
    found = loaded(add_overlay(ds, lines))
    pixels = paint(renderer, found.image, View(cell=0, revision=1, width_px=20, height_px=15)).pixels
    assert set(pixels[6].tolist()) == {255}
    assert set(np.delete(pixels, 6, 0).ravel().tolist()) == {0}


def test_several_overlays_lie_over_one_another(renderer: Renderer) -> None:
    other = frame_of_lines(20, 50)
    ds = add_overlay(add_overlay(grey(), LINES), other, group=0x601E, origin=(5, 9), overlay_type="R")
    check(renderer, loaded(ds), WISHES["fit"], [(LINES, 1, 1), (other, 5, 9)])


@pytest.mark.parametrize("syntax", [None, ExplicitVRBigEndian, RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("position", [12, 15])
def test_bits_beside_the_values_are_drawn_and_are_no_part_of_them(
    renderer: Renderer, syntax: str | None, position: int
) -> None:
    lines = frame_of_lines(ROWS, COLUMNS)
    ds = add_overlay(grey(), lines, allocated=16, position=position, data=None)
    words = ramp() | (lines.astype(np.uint16) << position)
    ds.PixelData = words.tobytes()
    if syntax == ExplicitVRBigEndian:
        ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
        ds.PixelData = words.astype(">u2").tobytes()
    elif syntax is not None:
        phantom_files.compress(ds, syntax)
    found = loaded(ds)
    assert np.array_equal(found.image.stored, ramp())
    assert not has_overlay_data(found.image.attributes, 1), "nothing is to be asked of the storage node"
    check(renderer, found, WISHES["fit"], [(lines, 1, 1)])


def test_bits_that_a_code_stream_did_not_keep_are_said_to_be_missing(renderer: Renderer) -> None:
    ds = phantom_files.compress(grey(), JPEGLosslessSV1)  # a stream of 12 bits
    found = loaded(add_overlay(ds, frame_of_lines(ROWS, COLUMNS), allocated=16, position=14, data=None))
    painting = paint(renderer, found.image, View(cell=0, revision=1, **WISHES["fit"]))
    assert painting.lacks_overlay
    assert np.array_equal(found.image.stored, ramp())


@pytest.mark.parametrize("vr", ["OW", "OB"])
def test_overlays_of_big_endian_objects_are_drawn_the_right_way_round(renderer: Renderer, vr: str) -> None:
    ds = add_overlay(grey(), LINES, vr=vr)
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.PixelData = ramp().astype(">u2").tobytes()
    if vr == "OW":
        ds[0x6000, 0x3000].value = np.frombuffer(ds[0x6000, 0x3000].value, "<u2").astype(">u2").tobytes()
    check(renderer, loaded(ds), WISHES["fit"], [(LINES, 1, 1)])


@pytest.mark.parametrize(("number", "frame"), [(1, None), (2, 0), (3, 1), (4, None)])
def test_each_frame_has_its_own_frame_of_a_multi_frame_overlay(
    renderer: Renderer, number: int, frame: int | None
) -> None:
    planes = np.stack([frame_of_lines(41, 31), ~frame_of_lines(41, 31)])  # a frame does not end on a byte
    ds = phantom_files.make_grey(np.stack([ramp() + k for k in range(4)]), bits_stored=12)
    found = loaded(add_overlay(ds, planes, image_frame_origin=2), number)
    if frame is None:
        assert found.image.graphics is None
    else:
        check(renderer, found, WISHES["fit"], [(planes[frame], 1, 1)])


@pytest.mark.parametrize("changes", [{"data": b"\0\0"}, {"rows": 65535, "columns": 65535}, {"rows": None}])
def test_an_overlay_that_cannot_be_drawn_is_said_to_be_missing(renderer: Renderer, changes: dict[str, Any]) -> None:
    found = loaded(add_overlay(grey(), LINES, **changes))
    painting = paint(renderer, found.image, View(cell=0, revision=1, **WISHES["fit"]))
    assert painting.lacks_overlay
    bare = paint(renderer, loaded(grey()).image, View(cell=0, revision=1, **WISHES["fit"]))
    assert not bare.lacks_overlay
    assert np.array_equal(painting.pixels, bare.pixels)


def test_an_overlay_whose_bits_did_not_come_is_said_to_be_missing() -> None:
    found = loaded(add_overlay(grey(), LINES)).image
    graphics = make_graphics(ramp().tobytes(), found.attributes, 1, [])
    assert graphics is not None
    assert (graphics.lacks_overlay, graphics.mask, graphics.has_overlays) == (True, None, False)


@pytest.mark.parametrize("origin", [(32767, 1), (-32768, 5), (1, -32768), (300, 300)])
def test_an_overlay_far_outside_makes_no_large_mask_and_is_said_to_be_missing(origin: tuple[int, int]) -> None:
    graphics = loaded(add_overlay(grey(), LINES, origin=origin)).image.graphics
    assert graphics is not None
    assert graphics.lacks_overlay
    assert graphics.mask is not None
    assert graphics.mask.size <= 4 * ROWS * COLUMNS


SIDE = 11_585
"""The largest square plane: 16 MiB of bits, 128 MiB of pixels."""


def huge_planes(count: int) -> ImageAttributes:
    planes = tuple(
        OverlayPlane(0x6000 + 2 * k, SIDE, SIDE, first_byte=0, length_bytes=-(-SIDE * SIDE // 8)) for k in range(count)
    )
    return replace(loaded(grey()).image.attributes, overlays=planes)


def test_huge_overlays_over_a_small_image_take_the_memory_of_one_packed_plane() -> None:
    attributes = huge_planes(6)
    count = -(-SIDE * SIDE // 8)
    bits = ((0x6000 + 2 * k, bytes(count)) for k in range(6))
    tracemalloc.start()
    try:
        graphics = make_graphics(None, attributes, 1, bits)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert graphics is not None
    assert graphics.has_overlays
    assert not graphics.lacks_overlay
    assert peak_bytes < 2.5 * count  # one is handed over while the next is made


@pytest.mark.parametrize("is_inside", [True, False])
def test_a_single_pixel_of_a_huge_overlay_is_drawn_or_said_to_be_cut(is_inside: bool) -> None:
    row, column = (ROWS - 1, COLUMNS - 1) if is_inside else (SIDE - 1, SIDE - 1)
    bits = bytearray(-(-SIDE * SIDE // 8))
    place = row * SIDE + column
    bits[place // 8] = 1 << place % 8
    graphics = make_graphics(None, huge_planes(1), 1, [(0x6000, bytes(bits))])
    assert graphics is not None
    assert graphics.mask is not None
    assert graphics.lacks_overlay is not is_inside
    assert graphics.mask.size <= 4 * ROWS * COLUMNS
    assert np.argwhere(graphics.mask).tolist() == ([[ROWS - 1, COLUMNS - 1]] if is_inside else [])


def test_bits_behind_the_last_pixel_of_an_overlay_are_no_part_of_it() -> None:
    attributes = replace(
        loaded(grey()).image.attributes, overlays=(OverlayPlane(0x6000, 3, 3, first_byte=0, length_bytes=2),)
    )
    graphics = make_graphics(None, attributes, 1, [(0x6000, b"\x00\xfe")])
    assert graphics is not None
    assert not graphics.lacks_overlay
    assert graphics.mask is not None
    assert not graphics.mask.any()


def test_frames_that_an_overlay_claims_without_bits_are_said_to_lack_it() -> None:
    ds = phantom_files.make_grey(np.stack([ramp()] * 5), bits_stored=12)
    add_overlay(ds, np.stack([LINES] * 3), frames=5)
    found = [loaded(ds, number).image for number in (1, 3, 4, 5)]
    assert [one.graphics is not None and one.graphics.lacks_overlay for one in found] == [False, False, True, True]
    assert [one.graphics is not None and one.graphics.has_overlays for one in found] == [True, True, False, False]
    assert [has_overlay_data(found[0].attributes, number) for number in (1, 3, 4, 5)] == [True, True, False, False]


def test_an_overlay_larger_than_its_image_is_drawn_beyond_it(renderer: Renderer) -> None:
    lines = frame_of_lines(ROWS + 20, COLUMNS + 20)
    found = loaded(add_overlay(grey(), lines, origin=(-9, -9)))
    assert found.image.graphics is not None
    assert not found.image.graphics.lacks_overlay
    check(renderer, found, {"width_px": 140, "height_px": 120, "zoom": 1.0}, [(lines, -9, -9)])


def test_an_image_without_overlays_and_shutter_has_no_mask_and_asks_for_nothing() -> None:
    found = loaded(grey()).image
    assert found.graphics is None
    assert found.size_bytes == found.stored.nbytes
    assert not has_overlay_data(found.attributes, 1)


def test_a_tile_of_a_mosaic_has_its_part_of_overlay_and_shutter() -> None:
    lines = frame_of_lines(ROWS, COLUMNS)
    ds = add_overlay(add_overlay(grey(), lines), lines, group=0x6002, allocated=16, position=15, data=None)
    words = ramp() | (np.roll(lines, 3, 1).astype(np.uint16) << 15)
    ds.PixelData = words.tobytes()
    add_shutter(ds, "CIRCULAR", **CIRCLE)
    picture = loaded(ds).image
    tiled = replace(
        picture.attributes,
        rows=ROWS // 2,
        columns=COLUMNS // 2,
        number_of_frames=4,
        frames=picture.attributes.frames,
        tiling=Tiling(ROWS, COLUMNS),
    )
    bits = {0x6000: packed(lines)}
    whole = lines | np.roll(lines, 3, 1)
    for number, (down, across) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)], 1):
        part = np.s_[down * 30 : down * 30 + 30, across * 40 : across * 40 + 40]
        graphics = make_graphics(np.ascontiguousarray(words[part]).tobytes(), tiled, number, bits.items())
        assert graphics is not None
        assert graphics.mask is not None
        assert (graphics.origin, graphics.lacks_overlay, graphics.ignores_shutter) == ((0, 0), False, False)
        assert np.array_equal(graphics.mask & 1, whole[part])
        assert np.array_equal(graphics.mask >> 1, outside_of_circle()[part])
    only_values = make_graphics(None, tiled, 1, bits.items())
    assert only_values is not None
    assert only_values.lacks_overlay


CIRCLE = {"CenterOfCircularShutter": [25, 35], "RadiusOfCircularShutter": 20}


def outside_of_circle() -> NDArray[np.bool_]:
    y, x = np.mgrid[1 : ROWS + 1, 1 : COLUMNS + 1]
    found: NDArray[np.bool_] = (y - 25) ** 2 + (x - 35) ** 2 > 400
    return found


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES)
@pytest.mark.parametrize("value", [0, 40000])
def test_a_shutter_covers_the_image_with_its_value(renderer: Renderer, wish: dict[str, Any], value: int) -> None:
    found = loaded(add_shutter(grey(), "CIRCULAR", ShutterPresentationValue=value, **CIRCLE))
    check(renderer, found, wish, [], covered=outside_of_circle(), shade=(round(value / 257),) * 3)


def test_a_shutter_of_a_color_image_has_its_color(renderer: Renderer) -> None:
    ds = add_shutter(
        phantom_files.make_rgb(),
        "RECTANGULAR",
        ShutterLeftVerticalEdge=5,
        ShutterRightVerticalEdge=20,
        ShutterUpperHorizontalEdge=4,
        ShutterLowerHorizontalEdge=9,
        ShutterPresentationColorCIELabValue=[65535, 32896, 32896],
    )
    covered = np.ones((32, 48), bool)
    covered[3:9, 4:20] = False
    check(renderer, loaded(ds), WISHES["fit"], [], covered=covered, shade=(255, 255, 255))


def test_overlays_lie_over_the_shutter(renderer: Renderer) -> None:
    found = loaded(add_overlay(add_shutter(grey(), "CIRCULAR", **CIRCLE), LINES))
    check(renderer, found, WISHES["fit"], [(LINES, 1, 1)], covered=outside_of_circle())


@pytest.mark.parametrize(("overlays", "shutters"), [(True, False), (False, True)])
def test_overlays_and_shutter_are_switched_each_by_itself(renderer: Renderer, overlays: bool, shutters: bool) -> None:
    found = loaded(add_overlay(add_shutter(grey(), "CIRCULAR", **CIRCLE), LINES))
    wish: dict[str, Any] = {"cell": 0, "revision": 1, "width_px": COLUMNS, "height_px": ROWS, "zoom": 1.0}
    pixels = paint(renderer, found.image, View(**wish, overlays=overlays, shutters=shutters)).pixels
    bare = paint(renderer, found.image, View(**wish, overlays=False, shutters=False)).pixels
    view = ReferenceView(width_px=COLUMNS, height_px=ROWS, zoom=1.0)
    drawn = [(LINES, 1, 1)] if overlays else []
    covered = outside_of_circle() if shutters else None
    right = with_graphics(bare, view, (ROWS, COLUMNS), overlays=drawn, covered=covered, shade=BLACK)
    assert np.array_equal(pixels, right)


@pytest.mark.parametrize(
    ("shape", "keywords"),
    [
        ("CIRCULAR", {"CenterOfCircularShutter": [500, 500], "RadiusOfCircularShutter": 3}),
        ("CIRCULAR", {"CenterOfCircularShutter": [5, 5], "RadiusOfCircularShutter": 0}),
        (
            "RECTANGULAR",
            {
                "ShutterLeftVerticalEdge": 0,
                "ShutterRightVerticalEdge": 0,
                "ShutterUpperHorizontalEdge": 0,
                "ShutterLowerHorizontalEdge": 0,
            },
        ),
        ("POLYGONAL", {"VerticesOfThePolygonalShutter": [1, 1]}),
    ],
)
def test_a_shutter_that_would_hide_all_or_cannot_be_true_is_not_drawn_and_said_so(
    renderer: Renderer, shape: str, keywords: dict[str, Any]
) -> None:
    found = loaded(add_shutter(grey(), shape, **keywords))
    painting = paint(renderer, found.image, View(cell=0, revision=1, **WISHES["fit"]))
    assert painting.ignores_shutter
    bare = paint(renderer, loaded(grey()).image, View(cell=0, revision=1, **WISHES["fit"]))
    assert np.array_equal(painting.pixels, bare.pixels)


def test_a_light_picture_has_overlays_and_shutter_too(renderer: Renderer) -> None:
    found = loaded(add_overlay(add_shutter(grey(), "CIRCULAR", **CIRCLE), LINES))
    view = View(cell=0, revision=1, width_px=600, height_px=450)
    pixels = paint(renderer, found.image, view, LightLevel(scale=0.5, jpeg_quality=80)).pixels
    assert pixels.shape == (256, 300)
    assert pixels[-1, -1] == 0
    assert pixels[1, 1] in (0, 255)


REAL = [
    "overlays/MR-SIEMENS-DICOM-WithOverlays.dcm",
    "overlays/examples_overlay.dcm",
    "xray_dx_cr_mg/OutOfBoundsOverlay.dcm",
]


@pytest.mark.parametrize("name", REAL if shared_data.has_shared_data() else [])
@pytest.mark.parametrize("wish", [WISHES["fit"], WISHES["turned"]])
def test_real_overlays_are_drawn_as_the_reference_draws_them(
    renderer: Renderer, name: str, wish: dict[str, Any]
) -> None:
    data = shared_data.path_of(name).read_bytes()
    ds = dcmread(io.BytesIO(data))
    groups = [group for group in range(0x6000, 0x6020, 2) if (group, 0x3000) in ds]
    overlays = [(overlay_pixels(ds, group), *ds[group, 0x0050].value) for group in groups]
    check(renderer, loaded_of(data, 1, ds), wish, overlays)


@pytest.mark.parametrize("name", ["overlays/ovly_p01.dcm"] if shared_data.has_shared_data() else [])
def test_a_real_image_shows_overlays_of_both_kinds(renderer: Renderer, name: str) -> None:
    data = shared_data.path_of(name).read_bytes()
    ds = dcmread(io.BytesIO(data))
    words = np.frombuffer(ds.PixelData, "<u2").reshape(512, 512)
    overlays = [(words >> position & 1 == 1, 1, 1) for position in (15, 14)]
    overlays += [(overlay_pixels(ds, group), 1, 1) for group in (0x6004, 0x6006)]
    found = loaded_of(data, 1, ds)
    assert found.image.stored.max() == (words & 0x0FFF).max()
    check(renderer, found, WISHES["fit"], overlays)
