"""What the removal of the table takes and what it leaves, of made-up patients and of real ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_fill_holes

from renderpool.session.cache import ImageCache
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.source import SeriesFrames
from renderpool.session.volume_cache import VolumeCache
from renderpool.session.volume_edits import VolumeEdits
from renderpool.session.volume_store import VolumeStore
from tests.render.test_volume_edits import Maker, make
from tests.render.test_volume_of_real_series import FileSource
from tests.render.volume_sources import OWNER
from tests.support import shared_data
from webviewer.protocol.volumes import RemoveTable

__all__ = ["make"]

STEPS = (RemoveTable(),)
SLICES, ROWS, COLUMNS = 16, 300, 330  # of 1.5 × 0.5 × 0.75 mm
Y, X = (np.mgrid[:ROWS, :COLUMNS] - np.array([[[110.0]], [[165.0]]])) * np.array([[[0.5]], [[0.75]]])


def patient(slice_: int) -> NDArray[np.float64]:
    """Return a trunk with lungs and a spine, and two thin arms beside it, which grow and move from slice to slice."""
    wider = 1 + 0.004 * slice_
    values = np.full((ROWS, COLUMNS), -1000.0)
    values[(X / 62) ** 2 + (Y / (40 * wider)) ** 2 < 1] = 40
    for side in (-1, 1):
        values[((X - side * 27) / 18) ** 2 + (Y / 24) ** 2 < 1] = -850
        values[((X - side * (88 + 0.1 * slice_)) / 9) ** 2 + ((Y - 12) / 10) ** 2 < 1] = 30
    values[np.hypot(X, Y - 26) < 8] = 700
    return values


def table(slice_: int) -> NDArray[np.bool_]:
    """Return a shell, closed and curved, with a thicker edge, and a bar under it; foam is in it."""
    top = 50 - 14 * (X / 110) ** 2
    outside = (np.abs(X) < 110) & (top < Y) & (top + 26 > Y)
    foam = (np.abs(X) < 107) & (top + 2.5 < Y) & (top + 23.5 > Y)
    bar = (np.abs(np.abs(X) - 60) < 4) & (np.abs(Y - 85) < 4)
    return np.asarray((outside & ~foam) | bar)


def made_up() -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return values with noise, and what of them the table is."""
    values = np.stack([patient(k) for k in range(SLICES)])
    tables = np.stack([table(k) for k in range(SLICES)]) & (values < -900)
    values[tables] = -200
    values += np.random.default_rng(9).normal(0, 15, values.shape)
    return np.clip(np.round(values / 2) * 2, -1000, 2000), tables


def kept_of(volume: LoadedVolume) -> NDArray[np.bool_]:
    edits = VolumeEdits()
    mask = edits.mask_of(volume, STEPS)
    assert mask is not None
    assert edits.note_of(STEPS) is None
    return mask.kept()


@pytest.mark.parametrize("is_prone", [False, True], ids=["on the back", "on the belly"])
def test_a_table_goes_with_all_under_it_and_the_patient_stays(make: Maker, is_prone: bool) -> None:
    values, tables = made_up()
    if is_prone:
        values, tables = values[:, ::-1], tables[:, ::-1]
    kept = kept_of(make(values))
    solid = np.stack([binary_fill_holes(slice_ > -500) for slice_ in np.where(tables, -1000, values)])
    assert kept[solid].all(), "the patient, with his lungs"
    assert not kept[tables & (values > -500)].any()
    under = slice(0, 10) if is_prone else slice(-10, None)
    assert not kept[:, under, 60:270].any()
    assert kept[:, -10:, :].all() if is_prone else kept[:, :10, :].all(), "what is not under it"


def test_a_table_against_the_skin_costs_the_patient_nothing(make: Maker) -> None:
    values, tables = made_up()
    values, bare = np.where(tables, -1000, values), values
    moved, there = np.roll(bare, -20, axis=1), np.roll(tables, -20, axis=1)
    values = np.where(there & (values < -500), moved, values)  # 10 mm up: it lies on the back
    kept = kept_of(make(values))
    assert (there & (np.stack([patient(k) for k in range(SLICES)]) > -500)).any()
    body = np.stack([binary_fill_holes(patient(k) > -500) for k in range(SLICES)])
    assert kept[body].all()
    rest = there & ~binary_dilation(body, np.ones((1, 13, 9))) & (values > -500)
    assert rest.sum() > 20_000
    assert (rest & kept).sum() <= 0.01 * rest.sum(), (rest & kept).sum() / rest.sum()


def test_without_a_table_nothing_is_cut_and_it_is_said(make: Maker) -> None:
    values, tables = made_up()
    values[tables] = -1000
    for given, modality, code in (
        (values, "CT", "no_table"),
        (np.full((9, 40, 40), -1000.0), "CT", "no_table"),
        (values[:9, ::3, ::3], "MR", "table_only_ct"),
    ):
        edits, volume = VolumeEdits(), make(given)
        volume.series = replace(volume.series, modality=modality)
        mask = edits.mask_of(volume, STEPS)
        assert mask is not None
        assert mask.kept().all()
        note = edits.note_of(STEPS)
        assert note is not None
        assert note.code == code


class CtFiles(FileSource):
    """Files that are known to be CT."""

    def series(self, owner_id: int, series_id: int) -> SeriesFrames:
        return replace(super().series(owner_id, series_id), modality="CT")


@pytest.fixture
def images() -> Iterator[ImageCache]:
    cache = ImageCache(0, 2)
    yield cache
    cache.close()


# Of the head's outline in all slices: column and row of its middle, half its width and height; and what may stay of all
# beside it, which of the last one is mostly scalp and ears.
HEADS = {
    "ct_series/philips_bone_1mm_30": ((250, 240, 165, 215), 0.01),
    "ct_series/philips_brain_1mm_140": ((250, 240, 165, 215), 0.03),
    "gantry_tilt_oblique/ge_hispeed_gantry_tilt_18deg": ((260, 245, 170, 215), 0.9),
}


@shared_data.required
@pytest.mark.parametrize("directory", HEADS)
def test_a_real_head_loses_its_holder_only(images: ImageCache, directory: str) -> None:
    source = CtFiles(shared_data.files_under(directory))
    store = VolumeStore(VolumeCache(2**30), images, source, "storage")
    with store.open(OWNER, source.series(OWNER, 1), 0, lambda _done, _total: None) as use:
        use.volume.wait(60)
        assert use.volume.values is not None
        solid = use.volume.voxels * use.volume.values.slope + use.volume.values.intercept > -300
        kept = kept_of(use.volume)
    store.close()
    (column, row, half_width, half_height), left = HEADS[directory]
    y, x = np.mgrid[: solid.shape[1], : solid.shape[2]]
    head = ((x - column) / half_width) ** 2 + ((y - row) / half_height) ** 2 < 1
    assert (solid & head).sum() > 50_000
    assert kept[solid & head].all()
    holder = solid & ~head
    assert holder.sum() > 10_000
    assert (holder & kept).sum() <= left * holder.sum(), (holder & kept).sum() / holder.sum()
