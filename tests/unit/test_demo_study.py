"""The demo study: valid DICOM, the same at each try, and a profile that is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
from pydicom.dataset import Dataset

from tests.support.waiting import eventually
from tools.chest_phantom import Chest
from tools.demo_study import SERIES, SLICES, Plan, _ct, _Maker, _plan_from, _scout, _write_state, new_plan
from tools.evaluation import write_configuration
from webviewer.config import load_configuration
from webviewer.core.callers import is_loopback
from webviewer.core.uid import is_valid_uid

PLAN = Plan("2.25.1230000", "20260131", "101500")


@pytest.fixture(scope="module")
def maker() -> _Maker:
    return _Maker()


def mean_hu(pixels: np.ndarray, row: int, column: int) -> float:
    return float(pixels[row - 2 : row + 3, column - 2 : column + 3].mean())


def test_a_slice_is_the_same_at_each_try(maker: _Maker) -> None:
    first, _ = maker.slice_pixels(60)
    second, _ = maker.slice_pixels(60)
    assert all(np.array_equal(first[series.number], second[series.number]) for series in SERIES)
    assert _ct(PLAN, SERIES[0], 60, first[2]) == _ct(PLAN, SERIES[0], 60, second[2])


def test_tissues_have_believable_values() -> None:
    pixels = Chest(3).clean_slice(150.0)
    assert mean_hu(pixels, 10, 10) == pytest.approx(-1000, abs=1)  # air around the patient
    assert -920 < mean_hu(pixels, 200, 150) < -780  # right lung
    assert 200 < mean_hu(pixels, 313, 286) < 280  # descending aorta with contrast medium
    assert pixels.max() > 600  # bone


@pytest.mark.parametrize("which", ["ct", "scout"])
def test_objects_are_valid_dicom(tmp_path: Path, maker: _Maker, which: str) -> None:
    ds: Dataset
    if which == "ct":
        ds = _ct(PLAN, SERIES[1], 60, maker.slice_pixels(60)[0][3])
    else:
        ds = _scout(PLAN, np.full((SLICES, 512), 200_000, np.float32))
    ds.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    result = subprocess.run(["dciodvfy", str(tmp_path / "x.dcm")], capture_output=True, text=True, check=False)
    assert [line for line in result.stderr.splitlines() if line.startswith("Error")] == []


def test_uids_are_valid_and_differ() -> None:
    plan = new_plan(datetime(2026, 1, 31, 10, 15, tzinfo=UTC))
    uids = [plan.study_instance_uid, plan.uid(1), plan.uid(9)]
    uids += [plan.uid(series, instance) for series in (1, 2, 3) for instance in range(1, SLICES + 1)]
    assert len(set(uids)) == len(uids)
    assert all(is_valid_uid(uid) for uid in uids)
    assert plan.date == "20260131"


def test_an_interrupted_study_goes_on_with_the_same_uids(tmp_path: Path) -> None:
    state = tmp_path / "demo-study.json"
    _write_state(state, PLAN, "sending")
    assert _plan_from(state, datetime(2027, 5, 5, tzinfo=UTC)) == PLAN


def test_the_profile_is_valid_and_kept(tmp_path: Path) -> None:
    config_file = write_configuration(tmp_path / "var")
    configuration = load_configuration(config_file, environ={})
    assert configuration.warnings == ()
    (tmp_path / "var" / "control.json").write_text(json.dumps({"port": 8123}))
    write_configuration(tmp_path / "var")
    assert load_configuration(config_file, environ={}).settings.control.port == 8123


def test_only_addresses_of_this_machine_are_loopback() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1", "pacs")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_painters_leave_with_a_killed_sender(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tools.demo_study", "write", str(tmp_path / "study")],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as sender:
        family: list[psutil.Process] = []
        try:
            eventually(lambda: any((tmp_path / "study").glob("*.dcm")), 90, "the first image")
            family = psutil.Process(sender.pid).children(recursive=True)
            assert len(family) >= 2
            os.kill(sender.pid, signal.SIGKILL)
            gone, alive = psutil.wait_procs(family, timeout=15)
            assert alive == []
            assert len(gone) == len(family)
        finally:
            for process in family:
                if process.is_running():
                    process.kill()
