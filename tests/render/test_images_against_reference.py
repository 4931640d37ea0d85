"""The whole chain, from a file's bytes to the canvas, against the NumPy reference: at most one grey level."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.data
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from renderpool.engine.renderer import Renderer
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painter import paint
from tests.render import truth
from tests.support import phantom_files, shared_data
from tests.support.reference_pixels import (
    ReferenceView,
    ReferenceVoi,
    canvas_rgb8,
    grey8,
    image_points,
    sampled_values,
)
from tests.support.stored_image import read_image
from webviewer.core.errors import DataError, WebviewerError
from webviewer.dicom.decode import decode_frame
from webviewer.protocol.messages import View
from webviewer.protocol.windows import WindowFullDynamic, WindowRecommended, WindowValues

_FLOAT32 = 2.0**-20  # what a few operations in float32 are off at most, of the largest number
_PER_FOLDER = {"ct_series": 2, "mr_series": 2, "nm_pet": 3, "gantry_tilt_oblique": 2, "rt": 4, "seg": 2, "dicomdir": 1}

# Those that come with the package: its own helper would download the others.
PYDICOM_FILES = sorted((Path(pydicom.data.__file__).parent / "test_files").glob("*.dcm"))

# pydicom warns of what is wrong with some of the files; what it reads of their pixels is right all the same.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

# What has no picture, or none that may be shown, and the words that say so. Every other file must be drawn.
UNDRAWN = {
    "ExplVR_BigEndNoMeta.dcm": "no image",
    "ExplVR_LitEndNoMeta.dcm": "no image",
    "JPEG2000-embedded-sequence-delimiter.dcm": "more tiles than the format has",
    "MR_truncated.dcm": "62 bytes are missing",
    "SC_rgb_small_odd_big_endian.dcm": "for frames of even length only",
    "UN_sequence.dcm": "no image",
    "badVR.dcm": "Number of Frames (0028,0008) is no number",
    "empty_charset_LEI.dcm": "no image",
    "meta_missing_tsyntax.dcm": "it states no transfer syntax and holds no data set",
    "nested_priv_SQ.dcm": "Rows (0028,0010) is missing",
    "no_meta.dcm": "This is no DICOM file",
    "no_meta_group_length.dcm": "no image",
    "priv_SQ.dcm": "no image",
    "reportsi.dcm": "no image",
    "reportsi_with_empty_number_tags.dcm": "no image",
    "rtplan.dcm": "no image",
    "rtplan_truncated.dcm": "The data set is cut off",
    "rtstruct.dcm": "no image",
    "test-SR.dcm": "no image",
    "waveform_ecg.dcm": "no image",
}
UNDRAWN_SHARED = frozenset(
    {
        "ecg/synthetic_general_ecg_3lead.dcm",
        "ecg/test_ecg.dcm",
        "ecg/wave_dfl",
        "ecg/waveform_ecg.dcm",
        "key_object/synthetic_ko_ct.dcm",
        "key_object/synthetic_ko_mr.dcm",
        "pdf/sample-pdf.dcm",
        "presentation_state/prLUTs.dcm",
        "presentation_state/prOverlay.dcm",
        "rt/rtplan.dcm",
        "sr/reportsi.dcm",
        "sr/sr-circle.dcm",
        "sr/sr-roi.dcm",
        "sr/sr-ruler.dcm",
        "sr/sr.dcm",
        "sr/sr_document.dcm",
        "sr/sr_document_with_multiple_groups.dcm",
        "sr/test-SR.dcm",
    }
)

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


def _shared() -> Iterator[str]:
    seen: dict[str, int] = {}
    for name in sorted(shared_data.expected()["files"]):
        folder = name.split("/", 1)[0]
        if folder in ("broken", "video", "charset"):
            continue
        seen[folder] = seen.get(folder, 0) + 1
        if seen[folder] <= _PER_FOLDER.get(folder, 1000):
            yield name


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


@dataclass(frozen=True)
class _Object:
    """One frame as the product decoded it, and what pydicom says of its values."""

    image: LoadedImage
    number: int
    ds: Dataset
    values: NDArray[np.float64]  # after the Modality LUT or rescale; of a colour image RGB


def _object_of(data: bytes) -> _Object:
    """Return the last frame; raises WebviewerError if it cannot be shown."""
    file = io.BytesIO(data)
    found = read_image(file)
    if found is None:
        raise DataError("no image")
    attributes = found.attributes
    number = attributes.number_of_frames
    decoded = decode_frame(found.frame_bytes(file, number), attributes, number)
    image, ds = LoadedImage(("", 1, number), decoded, attributes), truth.read(data)
    values = image.stored if image.is_colour else truth.modality(ds, image.stored, number)
    return _Object(image, number, ds, values)


def _voi_of(found: _Object, window: Any) -> ReferenceVoi:
    if isinstance(window, WindowValues):
        return ReferenceVoi(window.center, window.width, window.function)
    if isinstance(window, WindowFullDynamic):
        return truth.full_dynamic(found.ds, found.image.stored, found.values)
    choices = truth.recommended(found.ds, found.number)
    if not choices:
        return truth.default(found.ds, found.image.stored, found.values, found.number)
    chosen: ReferenceVoi = choices[window.index]
    return chosen


def _undecided(image: LoadedImage, view: ReferenceView) -> NDArray[np.bool_]:
    """Canvas pixels whose centre lies on a line where float32 and float64 may decide otherwise."""
    x, y, _ = image_points(image.rows, image.columns, image.pixel_aspect, view)
    near = 2e-3
    if view.interpolation == "nearest":
        return (np.abs(x - np.rint(x)) < near) | (np.abs(y - np.rint(y)) < near)
    on_x = (np.abs(x) < near) | (np.abs(x - image.columns) < near)
    return on_x | (np.abs(y) < near) | (np.abs(y - image.rows) < near)


def _half_present(found: _Object, view: ReferenceView) -> NDArray[np.bool_]:
    """Canvas pixels of which so nearly half is present that float32 and float64 may decide otherwise."""
    present = truth.present(found.ds, found.image.stored)
    share, _ = sampled_values(present, view, found.image.pixel_aspect)
    return np.abs(share - 0.5) < 1e-3


def _check(renderer: Renderer, found: _Object, wish: dict[str, Any], window: Any) -> None:
    image = found.image
    view = View(cell=0, revision=1, window=window, **wish)
    renderer.textures.close()
    painting = paint(renderer, image, view)
    names = ("width_px", "height_px", "zoom", "rotation_deg", "flip_horizontal", "interpolation")
    reference_view = ReferenceView(**{name: getattr(view, name) for name in names})
    if image.is_colour:
        low = high = canvas_rgb8(
            image.stored, reference_view, pixel_aspect=image.pixel_aspect, inverted=view.invert
        ).astype(int)
    else:
        low, high = _grey_range(found, _voi_of(found, window), reference_view, view.invert)
    pixels = painting.pixels.astype(int)
    assert pixels.shape == low.shape
    differs = (pixels < low - 1) | (pixels > high + 1)
    differs[_undecided(image, reference_view)] = False
    if not image.is_colour:
        differs[_half_present(found, reference_view)] = False
    worst = int(np.maximum(low - pixels, pixels - high)[differs].max(initial=0))
    assert not differs.any(), f"{differs.sum()} pixels differ, at most by {worst}"


def _grey_range(
    found: _Object, voi: ReferenceVoi, view: ReferenceView, invert: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the darkest and lightest grey that is right: they differ where a value lies at a step of a steep VOI.

    There float32 may take the one side and float64 the other, so the value is right to ``_FLOAT32`` of what was
    averaged for it, and what is drawn must lie between the greys of those values: no further off than the step is high.
    """
    present = truth.present(found.ds, found.image.stored)
    sampled, inside = sampled_values(found.values, view, found.image.pixel_aspect, present)
    off = _FLOAT32 * float(np.abs(found.values).max(initial=1.0))
    inverted = truth.is_inverted(found.ds) != invert
    greys = [grey8(sampled + shift, voi, inverted=inverted).astype(int) for shift in (-off, 0.0, off)]
    low, high = np.minimum.reduce(greys), np.maximum.reduce(greys)
    return np.where(inside, low, 0), np.where(inside, high, 0)


def _check_all(renderer: Renderer, found: _Object, wish: dict[str, Any]) -> None:
    windows: list[Any] = [WindowRecommended()]
    if not found.image.is_colour:
        choices = truth.recommended(found.ds, found.number)
        windows += [WindowRecommended(index=index) for index in range(1, min(3, len(choices)))]
        windows.append(WindowFullDynamic())
        width = truth.full_dynamic(found.ds, found.image.stored, found.values).width
        windows += [
            WindowValues(center=float(np.median(found.values)), width=max(2.0, width / 3), function=function)
            for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
        ]
    for window in windows:
        _check(renderer, found, wish, window)


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
@pytest.mark.parametrize("name", _phantoms().keys())
def test_phantoms_are_drawn_as_the_reference_draws_them(renderer: Renderer, name: str, wish: dict[str, Any]) -> None:
    _check_all(renderer, _object_of(phantom_files.to_bytes(_phantoms()[name])), wish)


@pytest.mark.parametrize(
    "path", [path for path in PYDICOM_FILES if path.name not in UNDRAWN], ids=lambda path: path.name
)
def test_pydicom_s_own_files_are_drawn_as_the_reference_draws_them(renderer: Renderer, path: Path) -> None:
    found = _object_of(path.read_bytes())
    for wish in ("fit", "turned"):
        _check_all(renderer, found, WISHES[wish])


@pytest.mark.parametrize("name", [name for name in _shared() if name not in UNDRAWN_SHARED])
def test_shared_files_are_drawn_as_the_reference_draws_them(renderer: Renderer, name: str) -> None:
    found = _object_of(shared_data.path_of(name).read_bytes())
    for wish in WISHES.values():
        _check_all(renderer, found, wish)


@pytest.mark.parametrize(("name", "words"), UNDRAWN.items())
def test_what_is_not_drawn_of_pydicom_s_files_is_refused_with_words(name: str, words: str) -> None:
    path = next(path for path in PYDICOM_FILES if path.name == name)
    with pytest.raises(WebviewerError) as caught:
        _object_of(path.read_bytes())
    assert words in caught.value.message


@pytest.mark.parametrize("name", [name for name in _shared() if name in UNDRAWN_SHARED])
def test_what_is_not_drawn_of_the_shared_files_has_no_image(name: str) -> None:
    with pytest.raises(WebviewerError, match=r"^no image$"):
        _object_of(shared_data.path_of(name).read_bytes())


@pytest.mark.parametrize("wish", WISHES.values(), ids=WISHES.keys())
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("kind", ["0 among values", "a range", "all of it"])
def test_padding_is_background_and_no_part_of_any_pixel(
    renderer: Renderer, kind: str, photometric: str, wish: dict[str, Any]
) -> None:
    rng = np.random.default_rng(13)
    pixels = rng.integers(1, 968, (41, 37)).astype(np.int16)
    pixels[rng.random(pixels.shape) < 0.1], pixels[:4], pixels[20:26, 8:19] = 0, 0, 0
    ds = phantom_files.make_grey(np.zeros_like(pixels) if kind == "all of it" else pixels)
    ds.PhotometricInterpretation = photometric
    ds.add_new(0x00280120, "SS", 0)
    if kind == "a range":
        ds.add_new(0x00280121, "SS", -100)
    found = _object_of(phantom_files.to_bytes(ds))
    _check_all(renderer, found, wish)
    view = View(cell=0, revision=1, window=WindowFullDynamic(), **{**wish, "interpolation": "nearest"})
    picture = paint(renderer, found.image, view).pixels
    assert (picture == 0).mean() > 0.15, "padding is black, also where dark and bright are exchanged"


def test_full_dynamic_is_that_of_the_pixels_that_are_no_padding() -> None:
    ds = phantom_files.make_grey(np.array([[-2000, 100], [0, 900]], np.int16))
    ds.add_new(0x00280120, "SS", -2000)
    image = _object_of(phantom_files.to_bytes(ds)).image
    assert (image.full_dynamic.center, image.full_dynamic.width) == (450.0, 900.0)
    assert (image.recommended[0].center, image.recommended[0].width) == (450.0, 900.0)
    ds.add_new(0x00280121, "SS", 0)
    image = _object_of(phantom_files.to_bytes(ds)).image
    assert (image.full_dynamic.center, image.full_dynamic.width) == (500.0, 800.0)
    ds.add_new(0x00280121, "SS", 1000)
    image = _object_of(phantom_files.to_bytes(ds)).image
    assert (image.full_dynamic.center, image.full_dynamic.width) == (0.0, 1.0)


def test_values_that_are_no_number_are_dark_and_do_not_spread() -> None:
    from renderpool.session.loaded_image import _FAR
    from tests.render.sources import attributes
    from webviewer.dicom.decode import DecodedFrame

    stored = np.array([[np.nan, np.inf], [-np.inf, 1.0]], dtype=np.float32)
    values = LoadedImage(("", 1, 1), DecodedFrame(stored, is_colour=False), attributes(2, 2)).grey_values()
    assert values.tolist() == np.array([[-_FAR, _FAR], [-_FAR, 1.0]], dtype=np.float32).tolist()
