"""A new series of planes looks as its source does: same windows, tables, light and dark, through a storage node."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from renderpool.engine.renderer import Renderer
from renderpool.session.device_images import DeviceImages
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.series_maker import make_planes
from renderpool.session.volume_facts import value_facts
from tests.render.test_series_maker import OWNER, Ward, shared_ward
from tests.support.phantom_files import make_ct, make_mr, to_bytes
from webviewer.core.uid import new_uid
from webviewer.protocol.questions import MakeSeries, ParallelPlanes
from webviewer.protocol.volumes import PlaneView
from webviewer.protocol.windows import WindowRecommended

__all__ = ["shared_ward"]

SLICES, ROWS, COLUMNS = 8, 40, 48


def sigmoid(ds: Dataset) -> None:
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = "200", "900", "SIGMOID"


def map_to_one(ds: Dataset) -> None:
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = "0.000244140625", "0", "0.5", "1"
    ds.VOILUTFunction = "LINEAR_EXACT"


def narrow(ds: Dataset) -> None:
    ds.RescaleSlope, ds.RescaleIntercept, ds.WindowCenter, ds.WindowWidth = "5e-7", "0", "0.001", "0.0012"


def table(ds: Dataset) -> None:
    del ds.WindowCenter, ds.WindowWidth
    item = Dataset()
    entries = (np.linspace(0, 1, 3000) ** 2 * 4095).astype("<u2")
    item.add_new("LUTDescriptor", "SS", [3000, -900, 12])
    item.add_new("LUTData", "OW", entries.tobytes())
    ds.VOILUTSequence = [item]


def light_air(ds: Dataset) -> None:
    ds.PhotometricInterpretation = "MONOCHROME1"


def inverse(ds: Dataset) -> None:
    ds.PresentationLUTShape = "INVERSE"


def nothing(ds: Dataset) -> None:
    del ds.WindowCenter, ds.WindowWidth


LOOKS = {
    ("CT", "sigmoid"): sigmoid,
    ("CT", "table"): table,
    ("CT", "light air"): light_air,
    ("CT", "nothing"): nothing,
    ("MR", "a map from 0 to 1"): map_to_one,
    ("MR", "narrow"): narrow,
    ("MR", "inverse"): inverse,
    ("MR", "nothing"): nothing,
}


def series_of(ward: Ward, modality: str, name: str) -> LoadedVolume:
    uid, random = new_uid(), np.random.default_rng(4)
    series_number = list(LOOKS).index((modality, name)) + 7
    for number in range(SLICES):
        named: dict[str, Any] = {"series_uid": uid, "series_number": series_number}
        if modality == "CT":
            values = random.integers(-1024, 2000, (ROWS, COLUMNS)).astype(np.int16)
            ds = make_ct(rows=ROWS, columns=COLUMNS, instance_number=number + 1, values_hu=values, **named)
        else:
            ds = make_mr(rows=ROWS, columns=COLUMNS, instance_number=number + 1, **named)
            ds.PixelSpacing = ["0.7", "0.7"]
        LOOKS[modality, name](ds)
        assert ward.node.upload(to_bytes(ds))["stored"] == 1
    found = next(one for one in ward.series() if one["series_number"] == series_number)
    return ward.volume_of(found["series_id"])


def picture(ward: Ward, volume: LoadedVolume, place: dict[str, Any]) -> NDArray[np.uint8]:
    wish = PlaneView(cell=0, revision=1, **place, interpolation="nearest", window=WindowRecommended())
    return ward.painter.paint_plane(volume, wish).pixels


@pytest.mark.parametrize(("modality", "name"), LOOKS)
def test_a_re_slice_is_seen_as_its_source(shared_ward: Ward, renderer: Renderer, modality: str, name: str) -> None:
    assert renderer is not None  # it looks for errors of OpenGL before and after
    ward = shared_ward
    source = series_of(ward, modality, name)
    facts = value_facts(source)
    assert facts is not None
    # Five slices of the source, pixel by pixel: the third of them is compared.
    lps_from_index = source.grid.lps_from_index
    right, down = (lps_from_index[:3, axis] / 0.7 for axis in (0, 1))
    middle = (lps_from_index @ np.array([(COLUMNS - 1) / 2, (ROWS - 1) / 2, SLICES // 2, 1.0]))[:3]
    step = source.grid.spacing_mm[0]
    place: dict[str, Any] = {
        "right_lps": tuple(right.tolist()),
        "down_lps": tuple(down.tolist()),
        "mm_per_px": 0.7,
        "width_px": COLUMNS,
        "height_px": ROWS,
    }
    first: dict[str, Any] = {"center_lps_mm": tuple((middle - 2 * step * np.cross(right, down)).tolist())}
    images_of = ParallelPlanes(**place, **first, step_mm=step, interpolation="nearest")
    wish = MakeSeries(images=images_of, count=5, series_description="Copy")
    with DeviceImages(source, ward.submit) as images:
        made = make_planes(
            source,
            wish,
            owner_id=OWNER,
            ends=(facts.lowest, facts.highest),
            take_values=images.values,
            sink=ward.client,
            on_stored=lambda _: True,
        )
    assert made is not None
    copy = ward.volume_of(made)
    seen = {**place, "center_lps_mm": tuple(middle.tolist())}
    was, now = picture(ward, source, seen).astype(int), picture(ward, copy, seen).astype(int)
    assert len(np.unique(was)) > 30, "a picture with shades"
    assert np.abs(was - now).max() <= 1
