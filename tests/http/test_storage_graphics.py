"""Overlay bits and references of presentation states over the storage node's internal HTTP."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from tests.http.test_storage_api import ROOT, node, only_series, own_node, shared_nodes
from tests.support.overlay_files import add_overlay
from tests.support.phantom_files import data_set_bytes, make_grey, to_bytes
from tests.support.presentation_state_files import BLENDING, make_presentation_state, referenced_image
from tests.support.storage_http import TOKEN, StorageHttp
from webviewer.adapters.db.engine import make_engine
from webviewer.adapters.db.unit_of_work import SqlStorageUnitOfWorkFactory
from webviewer.adapters.nodes import StorageClient
from webviewer.archive import OwnerId, SeriesId
from webviewer.core import errors
from webviewer.core.regular_file import open_regular
from webviewer.usecases.read_presentation_states import PresentationStateReader
from webviewer.usecases.stored_files import StoredFiles

__all__ = ["node", "own_node", "shared_nodes"]  # fixtures


def test_overlay_bits_come_by_frame_from_the_file_as_it_is_stored(node: StorageHttp) -> None:
    rng = np.random.default_rng(3)
    planes = {0x6000: rng.integers(0, 2, (9, 11)).astype(bool), 0x6004: rng.integers(0, 2, (2, 5, 5)).astype(bool)}

    def with_overlays(number: int) -> Dataset:
        ds = make_grey(np.zeros((3, 9, 11), np.uint16), instance_number=number)
        add_overlay(ds, planes[0x6000])
        add_overlay(ds, planes[0x6002 + 2], group=0x6004, image_frame_origin=2)
        return add_overlay(ds, planes[0x6000], group=0x6006, data=b"\0\0")  # too short: it has no bits to send

    deflated, swapped = with_overlays(2), with_overlays(3)
    deflated.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    swapped.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    for group in (0x6000, 0x6004):
        data = swapped[group, 0x3000].value
        swapped[group, 0x3000].value = np.frombuffer(data, "<u2").astype(">u2").tobytes()
    files = [to_bytes(ds) for ds in (with_overlays(1), deflated, swapped)]
    files.append(data_set_bytes(with_overlays(4)))  # gets file meta information when it is stored
    for data in files:
        assert node.upload(data)["state"] == "done"
    series = only_series(node)
    frames = node.session.get(f"{node.owner()}/series/{series['series_id']}").json()["frames"]
    instances = sorted({frame["instance_id"] for frame in frames})
    assert len(instances) == 4
    client = StorageClient(node.base_url, TOKEN)
    for instance in instances:
        for number, expected in ((1, [0x6000]), (2, [0x6000, 0x6004]), (3, [0x6000, 0x6004])):
            found = dict(client.overlays(1, (instance, number)))
            assert list(found) == expected
            for group, bits in found.items():
                plane = planes[group] if planes[group].ndim == 2 else planes[group][number - 2]
                unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), count=plane.size, bitorder="little")
                assert np.array_equal(unpacked.reshape(plane.shape), plane)
    with pytest.raises(errors.NotFound):
        list(client.overlays(2, (instances[0], 1)))
    with pytest.raises(errors.NotFound):
        list(client.overlays(1, (10**6, 1)))
    client.close()


def test_overlays_of_a_damaged_file_are_refused_like_its_pixels(own_node: StorageHttp) -> None:
    ds = add_overlay(make_grey(np.zeros((9, 11), np.uint16)), np.ones((9, 11)))
    assert own_node.upload(to_bytes(ds))["state"] == "done"
    series = only_series(own_node)
    (frame,) = own_node.session.get(f"{own_node.owner()}/series/{series['series_id']}").json()["frames"]
    (file,) = own_node.stored_files()
    os.truncate(file, 500)
    client = StorageClient(own_node.base_url, TOKEN)
    with pytest.raises(errors.DataError) as caught:
        list(client.overlays(1, (frame["instance_id"], 1)))
    assert caught.value.code == "stored_file_size"
    file.unlink()
    with pytest.raises(errors.DataError) as caught:
        list(client.overlays(1, (frame["instance_id"], 1)))
    assert caught.value.code == "stored_file_missing"
    client.close()


@pytest.mark.parametrize("frame_number", [0, 2, 99])
def test_overlays_of_a_frame_that_an_image_does_not_have_are_not_found(node: StorageHttp, frame_number: int) -> None:
    assert node.upload(to_bytes(add_overlay(make_grey(np.zeros((9, 11), np.uint16)), np.ones((9, 11)))))["stored"] == 1
    series = only_series(node)
    (frame,) = node.session.get(f"{node.owner()}/series/{series['series_id']}").json()["frames"]
    url = f"{node.owner()}/instances/{frame['instance_id']}/frames"
    assert node.session.get(f"{url}/{frame_number}/overlays").status_code == 404
    assert node.session.get(f"{url}/1/overlays").status_code == 200


def test_a_frame_whose_overlay_ends_early_gets_no_record_and_no_error(node: StorageHttp) -> None:
    ds = add_overlay(make_grey(np.zeros((5, 9, 11), np.uint16)), np.ones((3, 9, 11)), frames=5)
    assert node.upload(to_bytes(ds))["stored"] == 1
    series = only_series(node)
    frames = node.session.get(f"{node.owner()}/series/{series['series_id']}").json()["frames"]
    client = StorageClient(node.base_url, TOKEN)
    found = [list(client.overlays(1, (frames[0]["instance_id"], number))) for number in (1, 3, 4, 5)]
    assert [[group for group, _ in one] for one in found] == [[0x6000], [0x6000], [], []]
    client.close()


def test_a_series_tells_the_presentation_states_that_refer_to_its_images(node: StorageHttp) -> None:
    image, other = make_grey(np.zeros((9, 11), np.uint16)), f"{ROOT}.77"
    series_uid = image.SeriesInstanceUID
    own = [referenced_image(image.SOPInstanceUID, [1])]
    states = [
        make_presentation_state({series_uid: own}, series_uid=f"{ROOT}.88", instance_number=1),
        make_presentation_state(
            {series_uid: []}, series_uid=f"{ROOT}.88", instance_number=2, sop_class_uid=BLENDING, ContentLabel="ALL"
        ),
        make_presentation_state({other: own}, series_uid=f"{ROOT}.88", instance_number=3),  # for another series
        make_presentation_state({series_uid: own}, series_uid=f"{ROOT}.99", study_uid=f"{ROOT}.98"),  # another study
    ]
    for ds in (image, *states):
        assert node.upload(to_bytes(ds))["state"] == "done"
    found = {}
    for study in node.session.get(f"{node.owner()}/studies").json()["studies"]:
        for series in node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()["series"]:
            found[series["series_instance_uid"]] = series
    series = found[series_uid]
    url = f"{node.owner()}/series/{series['series_id']}/presentation_states"
    named = {"description": "A description", "created_date": "2024-03-07", "created_time": "10:15:00"}
    expected = {
        "presentation_states": [
            {"label": "ALL", **named, "images": None},
            {
                "label": "LABEL",
                **named,
                "images": [{"sop_instance_uid": image.SOPInstanceUID, "frame_numbers": [1]}],
            },
        ],
        "unread": 0,
        "left_out": 0,
    }
    assert node.session.get(url).json() == expected
    assert node.session.get(url, params={"study_id": series["study_id"]}).json() == expected
    assert node.session.get(url, params={"study_id": series["study_id"] + 1}).status_code == 404
    assert node.session.get(url.replace("owners/1", "owners/2")).status_code == 404


def test_a_presentation_state_that_cannot_be_read_is_counted(own_node: StorageHttp) -> None:
    image = make_grey(np.zeros((9, 11), np.uint16))
    state = make_presentation_state(
        {image.SeriesInstanceUID: [referenced_image(image.SOPInstanceUID)]}, series_uid=f"{ROOT}.88"
    )
    assert own_node.upload(to_bytes(state))["state"] == "done"
    (file,) = own_node.stored_files()
    os.truncate(file, file.stat().st_size - 20)
    assert own_node.upload(to_bytes(image))["state"] == "done"
    study = own_node.session.get(f"{own_node.owner()}/studies").json()["studies"][0]
    detail = own_node.session.get(f"{own_node.owner()}/studies/{study['study_id']}").json()
    (series,) = [one for one in detail["series"] if one["has_images"]]
    answer = own_node.session.get(f"{own_node.owner()}/series/{series['series_id']}/presentation_states")
    assert answer.json() == {"presentation_states": [], "unread": 1, "left_out": 0}


def test_a_presentation_state_is_read_again_when_its_file_could_not_be_opened(own_node: StorageHttp) -> None:
    image = make_grey(np.zeros((9, 11), np.uint16))
    state = make_presentation_state(
        {image.SeriesInstanceUID: [referenced_image(image.SOPInstanceUID)]}, series_uid=f"{ROOT}.88"
    )
    assert own_node.upload(to_bytes(state))["state"] == "done"
    (file,) = own_node.stored_files()
    assert own_node.upload(to_bytes(image))["state"] == "done"
    study = own_node.session.get(f"{own_node.owner()}/studies").json()["studies"][0]
    detail = own_node.session.get(f"{own_node.owner()}/studies/{study['study_id']}").json()
    (series,) = [one for one in detail["series"] if one["has_images"]]
    url = f"{own_node.owner()}/series/{series['series_id']}/presentation_states"
    away = file.rename(file.with_suffix(".away"))
    assert own_node.session.get(url).json() == {"presentation_states": [], "unread": 1, "left_out": 0}
    away.rename(file)
    answer = own_node.session.get(url).json()
    assert (len(answer["presentation_states"]), answer["unread"]) == (1, 0)


def series_url(node: StorageHttp) -> str:
    study = node.session.get(f"{node.owner()}/studies").json()["studies"][0]
    detail = node.session.get(f"{node.owner()}/studies/{study['study_id']}").json()
    (series,) = [one for one in detail["series"] if one["has_images"]]
    return f"{node.owner()}/series/{series['series_id']}/presentation_states"


def states_of_many_references(series_uid: str, count: int) -> list[bytes]:
    """Return states of four images with 4,997 frame numbers each: 19,992 references."""
    items = [referenced_image(f"1.2.3.{k}", list(range(1, 4_998))) for k in range(4)]
    ds = make_presentation_state({series_uid: items}, series_uid=f"{ROOT}.88")
    found = []
    for k in range(count):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(f"{ROOT}.88.{k + 1}")
        found.append(to_bytes(ds))
    return found


def test_states_beyond_the_limit_of_one_answer_are_said_to_be_left_out(own_node: StorageHttp) -> None:
    image = make_grey(np.zeros((9, 11), np.uint16))
    for data in states_of_many_references(image.SeriesInstanceUID, 8):
        assert own_node.upload(data)["stored"] == 1
    files = own_node.stored_files()
    assert own_node.upload(to_bytes(image))["stored"] == 1
    url = series_url(own_node)
    first = own_node.session.get(url).json()
    # 5 x 19,992 references are below 100,000.
    assert (len(first["presentation_states"]), first["unread"], first["left_out"]) == (5, 0, 3)
    for state in first["presentation_states"]:
        assert [image["sop_instance_uid"] for image in state["images"]] == [f"1.2.3.{k}" for k in range(4)]
        assert all(image["frame_numbers"] == list(range(1, 4_998)) for image in state["images"])
    # The next answer is the same and needs no file.
    for file in files:
        file.unlink()
    assert own_node.session.get(url).json() == first


def test_a_damaged_state_among_large_ones_is_counted_as_damaged(own_node: StorageHttp) -> None:
    image = make_grey(np.zeros((9, 11), np.uint16))
    damaged, *large = states_of_many_references(image.SeriesInstanceUID, 5)
    assert own_node.upload(damaged)["stored"] == 1
    (file,) = own_node.stored_files()
    os.truncate(file, file.stat().st_size - 20)
    for data in (*large, to_bytes(image)):
        assert own_node.upload(data)["stored"] == 1
    answer = own_node.session.get(series_url(own_node)).json()
    assert (len(answer["presentation_states"]), answer["unread"], answer["left_out"]) == (4, 1, 0)


def test_one_reading_of_states_of_an_owner_goes_on_at_a_time(own_node: StorageHttp) -> None:
    image = make_grey(np.zeros((9, 11), np.uint16))
    (state,) = states_of_many_references(image.SeriesInstanceUID, 1)
    assert own_node.upload(state)["stored"] == 1
    assert own_node.upload(to_bytes(image))["stored"] == 1
    series_id = SeriesId(int(series_url(own_node).split("/")[-2]))
    engine, disk = make_engine(own_node.database), threading.Event()

    def open_file(name: str) -> int:
        assert disk.wait(30)  # a disk that hangs
        return open_regular(own_node.data / name)

    reader = PresentationStateReader(SqlStorageUnitOfWorkFactory(engine), StoredFiles(open_file))
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(reader.read, OwnerId(1), series_id) for _ in range(2)]
        refused = next(as_completed(answers, timeout=30)).exception()
        assert isinstance(refused, errors.LimitExceeded)
        assert refused.resets_in_s == 5.0
        disk.set()
        assert sorted(answer.exception(30) is None for answer in answers) == [False, True]
    engine.dispose()
