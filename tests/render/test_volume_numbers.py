"""The volumes of a series have the same numbers and names on both nodes: the page asks one, and opens in the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from dicom_gateway.api.plain import render_json, series_json
from renderpool.server.storage import StorageSource
from renderpool.session.source import SeriesFrames
from renderpool.session.volume_series import volumes_of
from tests.support.phantom_files import make_ct, make_ct_series, make_rgb, to_bytes
from tests.support.reference_volume_geometry import AXIAL, CORONAL, SAGITTAL, along, image
from tests.support.storage_http import TOKEN, StorageHttp, sqlite_settings
from webviewer.adapters.nodes import StorageClient
from webviewer.archive import InstanceId, OwnerId, Series, SeriesId, StoredInstance, StudyId
from webviewer.core.errors import NotFound
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, Technique
from webviewer.usecases.open_series import open_series, open_series_for_render
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

OWNER, SERIES = OwnerId(1), SeriesId(1)


def index_of(images: Sequence[str], random: np.random.Generator) -> StorageUnitOfWorkFactory:
    """Return an index of one series with these objects, in any order, some without Instance Number."""
    series = Series(SERIES, StudyId(1), "1.2", "MR", 1, "", "", len(images), len(images), has_images=True)
    numbers = random.permutation(len(images)).tolist()
    instances = [
        StoredInstance(
            instance_id=InstanceId(1000 - number),
            series_id=SERIES,
            sop_instance_uid=f"1.2.{number}",
            sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            instance_number=None if random.random() < 0.1 else number,
            number_of_frames=1,
            file_name=f"ab/cd/{number:032x}",
            file_bytes=1,
            data_set_offset_bytes=0,
            pixel_data_offset_bytes=0,
            pixel_data_length_bytes=1,
            image=text,
        )
        for number, text in zip(numbers, images, strict=True)
    ]
    archive: Any = SimpleNamespace(
        get_series=lambda _owner, _series: series,
        list_instances=lambda _owner, _series: tuple(instances),
        stated_patients=lambda _owner, _study: (),
    )
    return cast("StorageUnitOfWorkFactory", lambda **_options: nullcontext(SimpleNamespace(archive=archive)))


def anything(random: np.random.Generator) -> list[str]:
    """Return objects with and without a place: echoes, b-values, kinds, orientations, colours, damaged rows."""
    found: list[str] = []
    for _ in range(int(random.integers(1, 6))):
        orientation = [AXIAL, CORONAL, SAGITTAL, None][random.choice(4, p=[0.6, 0.15, 0.15, 0.1])]
        positions = random.permutation(random.choice([3.0, 4.0, 5.0]) * np.arange(random.integers(1, 8)))
        facts: dict[str, Any] = {
            "b_value": [None, 0.0, 800.0][random.integers(3)],
            "echo_time_ms": [None, 4.9, 9.8][random.integers(3)],
            "slice_thickness": [None, 3.0, 5.0][random.integers(3)],
            "technique": Technique(convolution_kernel=["", "B30f", "B70f <b>"][random.integers(3)]),
            "image_type": [(), ("ORIGINAL", "PRIMARY", "M"), ("ORIGINAL", "PRIMARY", "P")][random.integers(3)],
        }
        object_facts: dict[str, Any] = {
            "rows": [6, 6, 6, 7][random.integers(4)],
            "photometric_interpretation": ["MONOCHROME2"] * 5 + ["PALETTE COLOR"],
            "frame_of_reference_uid": ["1.1", "1.1", "1.2"][random.integers(3)],
        }
        object_facts["photometric_interpretation"] = object_facts["photometric_interpretation"][random.integers(6)]
        for x, y, z in along(positions.tolist(), [(0, 0, 1), (0, 1, 0), (1, 0, 0)][random.integers(3)]):
            frame = FrameAttributes((x, y, z), orientation, (0.5, 0.5), **facts)
            number = len(found) if random.random() < 0.9 else None
            own = image(frames=(frame,), instance_number=number, **object_facts)
            found.append(own.to_json() if random.random() < 0.97 else "{}")
    return found


def as_render_node(units: StorageUnitOfWorkFactory) -> SeriesFrames:
    plain = json.loads(render_json(open_series_for_render(units, OWNER, SERIES)))
    return SeriesFrames(
        1,
        plain["modality"],
        tuple((instance, number) for instance, number in plain["frames"]),
        {int(number): ImageAttributes.from_plain(one) for number, one in plain["instances"].items()},
        {int(number): name for number, name in plain["files"].items()},
    )


@pytest.mark.parametrize("seed", range(60))
def test_what_the_page_is_told_is_what_can_be_opened(seed: int) -> None:
    random = np.random.default_rng(seed)
    units = index_of(anything(random), random)
    page = json.loads(series_json(open_series(units, OWNER, SERIES)))
    volumes = volumes_of(as_render_node(units))
    opened = [
        {
            "number": number,
            "label": {
                "code": p.label.code,
                "numbers": list(p.label.numbers),
                "text": p.label.text,
                "texts": list(p.label.texts),
            },
        }
        for number, p in enumerate(volumes.split.plans)
    ]
    assert page["volumes"] == opened
    assert (page["volume_refusal"] is None) == bool(opened)
    if not opened:
        assert volumes.split.reason is not None
        assert page["volume_refusal"]["text"] == volumes.split.reason.text
        with pytest.raises(NotFound) as refusal:
            volumes.plan(0)
        assert refusal.value.message == page["volume_refusal"]["text"]


def test_the_series_of_the_tests_have_volumes_of_all_sorts() -> None:
    codes: set[str] = set()
    refusals: set[str] = set()
    for seed in range(60):
        random = np.random.default_rng(seed)
        detail = open_series(index_of(anything(random), random), OWNER, SERIES)
        codes.update(code for volume in detail.volumes for code in volume.label.code.split("+"))
        refusals.update([] if detail.volume_refusal is None else [detail.volume_refusal.code])
    assert {"axial", "sagittal", "coronal", "b_value", "echo_time", "magnitude", "size", "kernel", "thickness"} <= codes
    assert len(refusals) >= 2


def test_a_real_storage_node_names_the_volumes_and_the_render_node_opens_them(tmp_path: Path) -> None:
    node = StorageHttp(tmp_path / "node", sqlite_settings(tmp_path))
    node.start()
    try:
        for phase in (1, 2):
            for ds in make_ct_series(6):
                ds.AcquisitionNumber = phase
                ds.SOPInstanceUID = f"{ds.SOPInstanceUID}.{phase}"
                ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
                node.upload(to_bytes(ds))
        detail = node.session.get(f"{node.owner(1)}/series/1").json()
        source = StorageSource(StorageClient(node.base_url, TOKEN))
        plans = volumes_of(source.series(1, 1)).split.plans
        assert [volume["label"]["text"] for volume in detail["volumes"]] == [plan.label.text for plan in plans]
        assert [volume["number"] for volume in detail["volumes"]] == [0, 1]
        assert [volume["label"]["code"] for volume in detail["volumes"]] == ["axial+slices+acquisition"] * 2
        assert detail["volume_refusal"] is None
        node.upload(to_bytes(make_ct(instance_number=9, AcquisitionNumber=2)))  # what is kept of the series is outdated
        grown = node.session.get(f"{node.owner(1)}/series/1").json()["volumes"]
        assert [volume["label"]["numbers"] for volume in grown] == [[6.0, 1.0], [7.0, 2.0]]
        node.upload(to_bytes(make_rgb(series_uid="1.2.3.4", study_uid="1.2.3")))
        refused = node.session.get(f"{node.owner(1)}/series/2").json()
        assert refused["volumes"] == []
        assert refused["volume_refusal"] == {
            "code": "color+for_example",
            "numbers": [1.0, 1.0],
            "text": (
                "These images are in color; a volume is made of gray values. This concerns 1 image: instance number 1."
            ),
            "texts": [],
        }
    finally:
        node.stop()
