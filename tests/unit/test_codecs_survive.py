"""Decoders are C libraries: a damaged stream must end as an error of ours, never as a crash or as seconds of work."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.damaged_streams import STREAMS
from tests.support.unified_server import ROOT

SHORT, LONG = 40, 6000


def try_damage(codec: str, first: int, count: int, timeout_s: float) -> None:
    command = [sys.executable, "-m", "tests.support.damaged_streams", codec, str(first), str(count)]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as exc:
        last = (exc.stdout or b"").decode().split()[-1:]
        pytest.fail(f"{codec}: seed {last} did not end")
    words = result.stdout.split()
    assert (result.returncode, words[-1:]) == (0, ["done"]), f"{codec}: seed {words[-1:]}\n{result.stderr[-2000:]}"
    assert len(words) == count + 1


@pytest.mark.parametrize("codec", sorted(STREAMS))
def test_a_damaged_stream_is_refused_or_decoded(codec: str) -> None:
    try_damage(codec, 0, SHORT, 60)


@pytest.mark.prove
@pytest.mark.parametrize("codec", sorted(STREAMS))
def test_thousands_of_damaged_streams_are_refused_or_decoded(codec: str) -> None:
    try_damage(codec, SHORT, LONG, 900)
