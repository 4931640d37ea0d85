"""Shaders of volumes are ready before a doctor opens one, and lie in memory only where the driver cannot keep them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from renderpool.engine.renderer import Renderer
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_warm_up import VolumeWarmUp

# One process as a node: the compiler first, then the warm-up of the drawing thread. Prints how many shaders it made.
PROGRAM = """
import time
from renderpool.engine.renderer import Renderer
from renderpool.session.volume_painter import VolumePainter
from renderpool.session.volume_warm_up import ShaderCompiler, VolumeWarmUp

compiler = ShaderCompiler(None)
compiler.start()
while compiler.is_running:
    time.sleep(0.05)
painter, warm_up = VolumePainter(Renderer(None)), VolumeWarmUp(lambda: compiler.is_running)
while not warm_up.is_done:
    warm_up.step(painter)
print(warm_up.taken)
compiler.close()
"""


def shaders_made(**environ: str) -> int:
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, env={**os.environ, **environ}, check=True, capture_output=True, text=True)
    return int(done.stdout)


@pytest.fixture
def painter(renderer: Renderer) -> Iterator[VolumePainter]:
    made = VolumePainter(renderer)
    yield made
    made.close()


def taken(painter: VolumePainter, step_cpu_s: float) -> int:
    """Return how many steps a warm-up takes, each of so much CPU time."""
    ticks = itertools.count()
    warm_up = VolumeWarmUp(cpu_clock_s=lambda: next(ticks) * step_cpu_s)
    while not warm_up.is_done:
        warm_up.step(painter)
    return warm_up.taken


def test_a_driver_that_has_the_shaders_on_its_disk_is_asked_for_two(painter: VolumePainter) -> None:
    assert taken(painter, 0.002) == 2


def test_a_driver_that_compiles_is_asked_for_all(painter: VolumePainter) -> None:
    steps = sum(1 for _ in painter.warm_up_steps())
    assert steps > 20
    assert taken(painter, 0.04) == steps + 1, "the last step finds that there are no more"


def test_nothing_is_prepared_while_another_process_compiles_the_same(painter: VolumePainter) -> None:
    compiles = [True]
    warm_up = VolumeWarmUp(lambda: compiles[0])
    warm_up.step(painter)
    assert (warm_up.taken, warm_up.is_done) == (0, False)
    compiles[0] = False
    warm_up.step(painter)
    assert warm_up.taken == 1


def test_what_the_compiler_leaves_on_the_disk_is_not_compiled_again(tmp_path: Path) -> None:
    assert shaders_made(MESA_SHADER_CACHE_DIR=str(tmp_path)) == 2
    assert any(tmp_path.rglob("*"))


def test_without_a_cache_on_the_disk_the_node_compiles_all(renderer: Renderer) -> None:
    if renderer.context.software:  # other drivers have their own word for it
        assert shaders_made(MESA_SHADER_CACHE_DISABLE="true") > 20
