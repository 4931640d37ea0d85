"""The whole chain, from a file's bytes to the canvas, against the NumPy reference: at most one grey level."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from numpy.typing import NDArray

from renderpool.engine.renderer import Renderer
from renderpool.session.images import LoadedImage
from renderpool.session.painter import choose_voi, paint
from tests.support import phantom_files, shared_data
from tests.support.reference_pixels import (
    ReferenceView,
    ReferenceVoi,
    canvas_grey8,
    canvas_rgb8,
    image_points,
    modality,
    modality_by_table,
)
from webviewer.core.errors import DataError, InvalidInput
from webviewer.dicom.attributes import ImageAttributes
from webviewer.dicom.decode import decode_frame
from webviewer.dicom.encapsulation import frame_bytes
from webviewer.dicom.header import read_image
from webviewer.dicom.lut import VoiChoice
from webviewer.protocol.messages import View, WindowFullDynamic, WindowRecommended, WindowValues

_LARGEST_PIXELS = 3_000_000  # the reference is plain NumPy
_PER_FOLDER = {"ct_series": 2, "mr_series": 2, "nm_pet": 3, "gantry_tilt_oblique": 2, "rt": 4, "seg": 2, "dicomdir": 1}

# Those that come with the package: its own helper would download the others.
PYDICOM_FILES = sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm"))

WISHES: dict[str, dict[str, Any]] = {
    "fit": {"width_px": 157, "height_px": 131},
    "one to one": {"width_px": 120, "height_px": 90, "zoom": 1.0},
    "turned": {"width_px": 133, "height_px": 121, "zoom": 1.7, "rotation_deg": 33.0, "flip_horizontal": True},
    "nearest, inverted": {
        "width_px": 90,
        "height_px": 77,
        "zoom": 2.3,
        "rotation_deg": 90.0,
        "interpolation": "nearest",
        "invert": True,
    },
}


def _shared() -> Iterator[Any]:
    seen: dict[str, int] = {}
    for name in sorted(shared_data.expected()["files"]):
        folder = name.split("/", 1)[0]
        if folder in ("broken", "video", "charset"):
            continue
        seen[folder] = seen.get(folder, 0) + 1
        if seen[folder] <= _PER_FOLDER.get(folder, 1000):
            yield pytest.param(shared_data.path_of(name), id=name)


def _phantoms() -> dict[str, Any]:
    rng = np.random.default_rng(11)
    signed = rng.integers(-2048, 2047, (41, 37)).astype(np.int16)
    return {
        "ct": phantom_files.make_ct(),
        "mr": phantom_files.make_mr(),
        "rgb": phantom_files.make_rgb(),
        "palette": phantom_files.make_palette(),
        "monochrome1": phantom_files.make_monochrome1(),
        "enhanced": phantom_files.make_enhanced_ct(),
        "8 bits": phantom_files.make_grey(rng.integers(0, 255, (33, 50)).astype(np.uint8)),
        "12 bits": phantom_files.make_grey(rng.integers(0, 4095, (33, 50)).astype(np.uint16), bits_stored=12),
        "16 bits": phantom_files.make_grey(rng.integers(0, 65535, (33, 50)).astype(np.uint16)),
        "signed": phantom_files.make_grey(signed),
        "odd aspect": phantom_files.make_grey(signed, PixelAspectRatio=[3, 2]),
        "sigmoid": phantom_files.make_grey(signed, WindowCenter=40, WindowWidth=900, VOILUTFunction="SIGMOID"),
        "linear exact": phantom_files.make_grey(
            signed, WindowCenter=40, WindowWidth=900, VOILUTFunction="LINEAR_EXACT"
        ),
        "rescaled": phantom_files.make_grey(signed, RescaleSlope="0.37", RescaleIntercept="-812.5"),
    }


def _image_of(data: bytes) -> tuple[LoadedImage, int] | None:
    """Return the last frame, decoded; None if there are no pixels or they are refused (that is proven elsewhere)."""
    file = io.BytesIO(data)
    try:
        header = read_image(file)
        if header is None or header.attributes.refusal:
            return None
        attributes = header.attributes
        if attributes.rows * attributes.columns > _LARGEST_PIXELS:
            return None
        number = attributes.number_of_frames
        decoded = decode_frame(frame_bytes(file, header, attributes, number), attributes, number)
    except (DataError, InvalidInput):
        return None
    return LoadedImage((1, number), decoded, attributes), number


def _modality(image: LoadedImage, number: int) -> NDArray[np.float64]:
    attributes: ImageAttributes = image.attributes
    if attributes.modality_lut is not None:
        return modality_by_table(image.stored, attributes.modality_lut.data, attributes.modality_lut.first_mapped)
    frame = attributes.frame(number)
    return modality(image.stored, frame.rescale_slope, frame.rescale_intercept)


def _reference_voi(voi: VoiChoice) -> ReferenceVoi:
    if voi.lut is not None:
        return ReferenceVoi(lut=voi.lut.data, lut_first_mapped=voi.lut.first_mapped, lut_bits=voi.lut.bits)
    return ReferenceVoi(voi.center, voi.width, voi.function)


def _undecided(image: LoadedImage, view: ReferenceView) -> NDArray[np.bool_]:
    """Canvas pixels whose centre lies on a line where float32 and float64 may decide otherwise."""
    x, y, _ = image_points(image.rows, image.columns, image.pixel_aspect, view)
    near = 2e-3
    if view.interpolation == "nearest":
        return (np.abs(x - np.rint(x)) < near) | (np.abs(y - np.rint(y)) < near)
    on_x = (np.abs(x) < near) | (np.abs(x - image.columns) < near)
    return on_x | (np.abs(y) < near) | (np.abs(y - image.rows) < near)


def _check(
    renderer: Renderer, image: LoadedImage, number: int, wish: dict[str, Any], window: Any, *, slack: float
) -> None:
    view = View(cell=0, revision=1, window=window, **wish)
    renderer.textures.close()
    painting = paint(renderer, image, view)
    names = ("width_px", "height_px", "zoom", "rotation_deg", "flip_horizontal", "interpolation")
    reference_view = ReferenceView(**{name: getattr(view, name) for name in names})
    if image.is_colour:
        expected = canvas_rgb8(
            image.stored, reference_view, pixel_aspect=image.pixel_aspect, inverted=view.invert
        ).astype(int)
    else:
        inverted = (
            image.attributes.photometric_interpretation == "MONOCHROME1"
            or image.attributes.presentation_lut_shape == "INVERSE"
        ) != view.invert
        voi = _reference_voi(choose_voi(image, window))
        expected = canvas_grey8(
            _modality(image, number), voi, reference_view, pixel_aspect=image.pixel_aspect, inverted=inverted
        ).astype(int)
    assert painting.pixels.shape == expected.shape
    differs = np.abs(painting.pixels.astype(int) - expected) > 1
    differs[_undecided(image, reference_view)] = False
    assert differs.mean() <= slack, (
        f"{differs.sum()} pixels differ, at most by {np.abs(painting.pixels - expected).max()}"
    )


def _steepness(image: LoadedImage, window: Any) -> float:
    """Return the grey levels that one unit of the value makes."""
    if image.is_colour:
        return 0.0
    voi = choose_voi(image, window)
    if voi.lut is not None:
        table = np.array(voi.lut.data, dtype=np.float64) / (2**voi.lut.bits - 1) * 255
        return float(np.abs(np.diff(table)).max()) if len(table) > 1 else 0.0
    return 255.0 / voi.width if voi.width > 1 else 255.0


def _check_all(renderer: Renderer, image: LoadedImage, number: int, wish: dict[str, Any]) -> None:
    windows: list[Any] = [WindowRecommended()]
    if not image.is_colour:
        windows += [WindowRecommended(index=index) for index in range(1, min(3, len(image.recommended)))]
        windows.append(WindowFullDynamic())
        middle = float(np.median(image.grey_values()))
        windows += [
            WindowValues(center=middle, width=max(2.0, image.full_dynamic.width / 3), function=function)
            for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
        ]
    for window in windows:
        # A VOI LUT or threshold with steps of several grey levels: values just at a step may fall to either side.
        slack = 0.002 if _steepness(image, window) > 2 else 0.0
        _check(renderer, image, number, wish, window, slack=slack)


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
@pytest.mark.parametrize("name", _phantoms().keys())
def test_phantoms_are_drawn_as_the_reference_draws_them(renderer: Renderer, name: str, wish: dict[str, Any]) -> None:
    found = _image_of(phantom_files.to_bytes(_phantoms()[name]))
    assert found is not None
    _check_all(renderer, *found, wish)


@pytest.mark.parametrize("path", PYDICOM_FILES, ids=lambda path: path.name)
def test_pydicom_s_own_files_are_drawn_as_the_reference_draws_them(renderer: Renderer, path: Path) -> None:
    found = _image_of(path.read_bytes())
    if found is not None:
        for wish in ("fit", "turned"):
            _check_all(renderer, *found, WISHES[wish])


@pytest.mark.parametrize("path", list(_shared()))
def test_shared_files_are_drawn_as_the_reference_draws_them(renderer: Renderer, path: Path) -> None:
    found = _image_of(path.read_bytes())
    if found is not None:
        for wish in WISHES.values():
            _check_all(renderer, *found, wish)


def test_most_of_the_shared_files_are_really_drawn() -> None:
    """The tests above pass over what has no pixels: this one sees that they do not pass over everything."""
    files = [parameter.values[0] for parameter in _shared()]
    drawn = sum(_image_of(path.read_bytes()) is not None for path in files)
    assert drawn >= len(files) * 0.6


def test_values_that_are_no_number_are_dark_and_do_not_spread() -> None:
    from renderpool.session.images import _FAR
    from tests.render.sources import attributes
    from webviewer.dicom.decode import DecodedFrame

    stored = np.array([[np.nan, np.inf], [-np.inf, 1.0]], dtype=np.float32)
    values = LoadedImage((1, 1), DecodedFrame(stored, is_colour=False), attributes(2, 2)).grey_values()
    assert values.tolist() == np.float32([[-_FAR, _FAR], [-_FAR, 1.0]]).tolist()
