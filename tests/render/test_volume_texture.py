"""Volumes in the device: what is read back through ``volume.glsl`` is what was stored, to the last bit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from renderpool.engine import gl
from renderpool.engine.chunks import plan_chunks
from renderpool.engine.framebuffer import Framebuffer
from renderpool.engine.program import Program
from renderpool.engine.renderer import Renderer
from renderpool.engine.volume_texture import VolumeTexture, max_volume_side, volume_refusal
from webviewer.core.errors import RenderError

PROBE = """#version 330 core
#include "volume.glsl"
uniform mat4 u_index_from_canvas;
out vec4 out_color;
void main() {
    float stored = floor(stored_at((u_index_from_canvas * vec4(gl_FragCoord.xy - 0.5, 0.0, 1.0)).xyz) * 256.0 + 0.5);
    // 24 bits: what was stored, and 8 bits after the point.
    out_color = vec4(floor(stored / 65536.0), mod(floor(stored / 256.0), 256.0), mod(stored, 256.0), 255.0) / 255.0;
}
"""
VERTEX = "canvas.vert.glsl"


def probe(
    volume: VolumeTexture, index_from_canvas: NDArray[np.float64], size: tuple[int, int], defines: dict[str, int]
) -> NDArray[np.float64]:
    """Return stored values at the points of a canvas (width, height), as (height, width)."""
    from renderpool.engine.program import load_source

    sources = {name: load_source(name) for name in (VERTEX, "volume.glsl")} | {"probe.frag.glsl": PROBE}
    program, target = Program(VERTEX, "probe.frag.glsl", defines | volume.defines, sources), Framebuffer(3)
    try:
        program.use()
        volume.set_uniforms(program, linear="INTERPOLATE_NEAREST" not in defines)
        program.set_mat4("u_index_from_canvas", index_from_canvas)
        target.begin(*size)
        gl.GL_1_1.glDrawArrays(gl.GL_1_0.GL_TRIANGLES, 0, 3)
        pixels = target.read(*size).astype(np.float64)
    finally:
        program.close()
        target.close()
    return (pixels[..., 0] * 65536 + pixels[..., 1] * 256 + pixels[..., 2]) / 256


def some_volume(shape: tuple[int, int, int] = (5, 7, 11)) -> NDArray[np.uint16]:
    return np.random.default_rng(4).integers(0, 65536, shape).astype(np.uint16)


def plane(slice_index: int) -> NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[2, 3] = slice_index
    return matrix


@pytest.fixture(params=[2048, 7, 6], ids=["in one piece", "in two", "in four"])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Have volumes of `some_volume` cut into pieces, as on a device that takes no larger ones."""
    limit = int(request.param)
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: limit)
    return {2048: 1, 7: 2, 6: 4}[limit]


@pytest.mark.parametrize("way", ["", "INTERPOLATE_NEAREST", "INTERPOLATE_EXACT"])
def test_every_stored_value_comes_back_exactly(renderer: Renderer, pieces: int, way: str) -> None:
    values = some_volume()
    values[0, 0, :3] = (0, 65535, 32768)
    volume = VolumeTexture(values.shape)
    assert volume.defines.get("CHUNKS", 1) == pieces
    volume.upload_slices(0, values)
    for number in range(len(values)):
        found = probe(volume, plane(number), (11, 7), {way: 1} if way else {})
        assert np.array_equal(np.round(found), values[number])
        # The sampler takes coordinates from 0 to 1: rounded, they lie off the centre by some 10⁻⁷ of a voxel.
        assert np.abs(found - values[number]).max() <= (0 if way else 0.1)
    volume.close()


@pytest.mark.parametrize("way", ["", "INTERPOLATE_EXACT"])
def test_between_voxels_values_are_trilinear_and_the_border_goes_on(renderer: Renderer, pieces: int, way: str) -> None:
    values = some_volume()
    volume = VolumeTexture(values.shape)
    volume.upload_slices(0, values)
    oblique = np.array([[0.31, -0.12, 0, 0.2], [0.07, 0.29, 0, -0.8], [0.05, 0.11, 0, -0.6], [0, 0, 0, 1]])
    found = probe(volume, oblique, (40, 30), {way: 1} if way else {})
    y, x = np.mgrid[:30, :40]
    column, row, slice_ = np.tensordot(oblique, np.stack([x, y, 0 * x, 0 * x + 1]), 1)[:3]
    expected = map_coordinates(values.astype(np.float64), [slice_, row, column], order=1, mode="nearest")
    tolerance = 1.0 if way or renderer.context.software else 65535 / 256
    assert np.abs(found - expected).max() <= tolerance
    volume.close()


@pytest.mark.parametrize("limit", [2048, 5])
def test_slabs_come_in_any_order_and_what_has_not_come_is_empty(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr("renderpool.engine.volume_texture.max_volume_side", lambda: limit)
    values = some_volume((9, 3, 5))
    volume = VolumeTexture(values.shape)
    volume.upload_slices(6, values[6:])
    volume.upload_slices(0, values[:2])
    expected = values.copy()
    expected[2:6] = 0
    for number in range(9):
        assert np.array_equal(np.round(probe(volume, plane(number), (5, 3), {})), expected[number])
    volume.upload_slices(2, values[2:6])
    for number in range(9):
        assert np.array_equal(np.round(probe(volume, plane(number), (5, 3), {})), values[number])
    volume.close()


def test_what_the_device_s_memory_held_before_is_overwritten(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mesa clears what it hands out and other devices do not, so what is uploaded before a picture is looked at."""
    written: list[tuple[int, int, int]] = []
    upload = VolumeTexture._upload

    def spy(self: VolumeTexture, first: int, values: NDArray[np.uint16]) -> None:
        written.append((first, len(values), int(values.max())))
        upload(self, first, values)

    monkeypatch.setattr(VolumeTexture, "_upload", spy)
    volume = VolumeTexture((9, 3, 5))
    volume.upload_slices(3, np.full((2, 3, 5), 7, dtype=np.uint16))
    volume.bind()
    volume.bind()
    assert written == [(3, 2, 7), (0, 3, 0), (5, 4, 0)]
    volume.close()


def test_slices_of_an_array_with_gaps_are_taken_rightly(renderer: Renderer) -> None:
    values = some_volume((8, 6, 10))[::2, ::-1, ::2]
    volume = VolumeTexture((4, 6, 5))
    volume.upload_slices(0, values)
    assert np.array_equal(np.round(probe(volume, plane(2), (5, 6), {})), values[2])
    volume.close()


def test_a_volume_over_the_device_s_limit_is_refused_with_the_numbers(renderer: Renderer) -> None:
    limit = max_volume_side()
    assert volume_refusal((limit + 1, 3, 4)) is None
    assert volume_refusal((4 * limit - 3, 3, 4)) is None
    words = rf"of 4 × 3 × {5 * limit} voxels is larger .* at most {limit} a side, and 4 pieces of that"
    with pytest.raises(RenderError, match=words):
        VolumeTexture((5 * limit, 3, 4))
    with pytest.raises(RenderError, match="at least one a side"):
        VolumeTexture((0, 3, 4))
    assert volume_refusal((limit, 3, 4)) is None
    if renderer.context.software:
        with pytest.raises(
            RenderError, match=r"of 2048 × 2048 × 2048 voxels .* does not take 16384 MB, nor in 4 pieces"
        ):
            VolumeTexture((2048, 2048, 2048))
    with pytest.raises(RenderError, match="slope -1"):
        VolumeTexture((2, 3, 4), slope=-1)


def test_volumes_are_cut_as_little_as_they_must_be() -> None:
    def fits(limit: int, most_voxels: int = 10**12) -> Callable[[tuple[int, int, int]], bool]:
        return lambda shape: max(shape) <= limit and math.prod(shape) <= most_voxels

    for shape, limit, counts in (
        ((300, 512, 512), 2048, (1, 1, 1)),
        ((3000, 512, 512), 2048, (2, 1, 1)),
        ((60, 2457, 1890), 2048, (1, 2, 1)),
        ((60, 2457, 2457), 2048, (1, 2, 2)),
        ((8189, 512, 512), 2048, (4, 1, 1)),
    ):
        grid = plan_chunks(shape, fits(limit))
        assert grid.counts == counts
        for side, count, cells, chunk in zip(shape, counts, grid.cells, grid.chunk_shape, strict=True):
            assert chunk <= limit
            assert (count - 1) * cells + chunk >= side, "something is left out"
            assert count == 1 or chunk == cells + 1, "neighbours share a layer"
        assert len(list(grid.corners())) == grid.count
    memory = plan_chunks((1500, 1024, 1024), fits(2048, 2**29))
    assert (memory.counts, memory.chunk_shape) == ((2, 2, 1), (751, 513, 1024))


def test_slices_that_do_not_fit_are_refused(renderer: Renderer) -> None:
    volume = VolumeTexture((4, 3, 5))
    with pytest.raises(RenderError, match=r"\(1, 5, 3\) and type uint16 do not fit a volume of 5 × 3 × 4"):
        volume.upload_slices(0, np.zeros((1, 5, 3), dtype=np.uint16))
    with pytest.raises(RenderError, match="type int16"):
        volume.upload_slices(0, np.zeros((1, 3, 5), dtype=np.int16))
    with pytest.raises(RenderError, match="Slices 3 to 4 are outside 0 to 3"):
        volume.upload_slices(3, np.zeros((2, 3, 5), dtype=np.uint16))
    volume.close()
