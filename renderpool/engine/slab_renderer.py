"""Draws planes and slabs of a volume and reads them back. Used in one thread, the one whose context is current."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from renderpool.engine.framebuffer import Framebuffer
from renderpool.engine.gl import check_gl
from renderpool.engine.parts import Part, drawing_in
from renderpool.engine.program import Program, Programs
from renderpool.engine.renderer import MOST_FIXED_SAMPLES
from renderpool.engine.textures import LUT_ROW, TextureCache, lut_texture
from renderpool.engine.volume_mask import pack
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.grey import GreyMap, VoiFunction
from renderpool.scene.plane_canvas import PlaneCanvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode, sample_offsets_mm
from webviewer.core.errors import RenderError
from webviewer.dicom.volume import VolumeGrid

_VOLUME_UNIT, _LUT_UNIT = 0, 1
_LUTS_BYTES = 4 * 1024**2
_STORED_MAX = 65535.0
_THRESHOLD_WIDTH = 1e-12
# Numbers of shaders/slab.frag.glsl.
_MODES = {SlabMode.PLANE: 0, SlabMode.MAXIMUM: 1, SlabMode.MINIMUM: 2, SlabMode.AVERAGE: 3}


class SlabRenderer:
    """The drawing of planes and slabs.

    Parameters
    ----------
    software
        Whether the device is software (`renderpool.engine.device.Context.software`): its own filter is exact.
    debug
        Check OpenGL's error state after each step, not only after each picture.
    """

    def __init__(self, *, software: bool, debug: bool = False) -> None:
        self._software = software
        self._debug = debug
        self._programs = Programs("canvas.vert.glsl", "slab.frag.glsl")
        self._plain = Programs("plane.vert.glsl", "plane.frag.glsl")
        self._luts = TextureCache(_LUTS_BYTES)
        self._target, self._numbers = Framebuffer(1), Framebuffer(4)

    def draw(
        self,
        volume: VolumeTexture,
        grid: VolumeGrid,
        view: PlaneCanvas,
        slab: Slab,
        grey: GreyMap,
        *,
        samples: int = 1,
        part: Part | None = None,
    ) -> NDArray[np.uint8]:
        """Return the picture, (height, width) uint8; black outside of the volume and where it is absent.

        Parameters
        ----------
        grid
            Where the volume lies; of the same shape.
        samples
            n of the n × n places of a canvas pixel that are averaged; see
            `renderpool.scene.plane_canvas.places_of_pixel`. Of the nearest voxel always 1.
        part
            Draw and return only this part of the canvas: the same bytes as in the whole picture. None = all of it.

        Raises
        ------
        RenderError
            The grid is another volume's, the canvas is out of range, the part outside of it, or OpenGL reports an
            error.
        """
        if self._is_plain(slab, grey, samples) and volume.defines in ({}, {"PADDED": 1}):
            self._begin_plain(volume, grid, view, grey)
        else:
            self._begin(
                volume, grid, view, slab, defines={"VOI_FUNCTION": int(grey.function)}, samples=samples, grey=grey
            )
        with drawing_in(part, view.width_px, view.height_px) as (left_px, top_px, width_px, height_px):
            self._draw(self._target, view)
        pixels = self._target.read(width_px, height_px, left_px, top_px)
        check_gl("drawing a plane")
        return pixels

    def stored_values(
        self, volume: VolumeTexture, grid: VolumeGrid, view: PlaneCanvas, slab: Slab, *, part: Part | None = None
    ) -> NDArray[np.float32]:
        """Return what the pixels show of stored values, (height, width) float32, NaN where there is nothing.

        Parameters and errors as `draw`.
        """
        self._begin(volume, grid, view, slab, defines={"NUMBERS": 1})
        with drawing_in(part, view.width_px, view.height_px) as (left_px, top_px, width_px, height_px):
            self._draw(self._numbers, view)
        numbers = self._numbers.read_numbers(width_px, height_px, left_px, top_px)
        check_gl("taking the values of a plane")
        return np.where(numbers[..., 1] > 0, numbers[..., 0], np.float32(np.nan))

    def _is_plain(self, slab: Slab, grey: GreyMap, samples: int) -> bool:
        is_linear = grey.function in {VoiFunction.LINEAR, VoiFunction.LINEAR_EXACT}
        is_trilinear = slab.interpolation is Interpolation.TRILINEAR
        return self._software and slab.is_plane and is_trilinear and samples == 1 and is_linear

    def _begin_plain(self, volume: VolumeTexture, grid: VolumeGrid, view: PlaneCanvas, grey: GreyMap) -> None:
        _check_shapes(volume, grid)
        program = self._plain.get(volume.defines)
        program.use()
        volume.bind(_VOLUME_UNIT)
        program.set_int("t_volume", _VOLUME_UNIT)
        canvas_from_clip = np.diag([view.width_px / 2, view.height_px / 2, 1.0, 1.0])
        canvas_from_clip[:2, 3] = view.width_px / 2, view.height_px / 2
        size = np.array(grid.shape[::-1], dtype=np.float64)
        texture_from_index = np.diag([*(1.0 / size), 1.0])
        texture_from_index[:3, 3] = 0.5 / size
        program.set_mat4("u_texture_from_clip", texture_from_index @ view.index_from_canvas(grid) @ canvas_from_clip)
        program.set_vec3("u_grey", *_grey_line(volume, grey))
        program.set_vec3("u_volume_size", *size.tolist())
        volume.set_presence(program)
        self._check("setting uniforms")

    def _begin(
        self,
        volume: VolumeTexture,
        grid: VolumeGrid,
        view: PlaneCanvas,
        slab: Slab,
        *,
        defines: dict[str, int],
        samples: int = 1,
        grey: GreyMap | None = None,
    ) -> None:
        _check_shapes(volume, grid)
        samples = 1 if slab.interpolation is Interpolation.NEAREST else samples
        offsets_mm = sample_offsets_mm(slab, grid)
        mode = 0 if len(offsets_mm) == 1 else _MODES[slab.mode]
        program = self._program(mode, slab.interpolation, samples, defines | volume.defines)
        program.use()
        volume.set_uniforms(program, _VOLUME_UNIT)
        program.set_mat4("u_index_from_canvas", view.index_from_canvas(grid))
        program.set_int("u_samples", samples)
        if mode:
            program.set_float("u_first_mm", float(offsets_mm[0]))
            program.set_float("u_part_mm", float(offsets_mm[1] - offsets_mm[0]))
            program.set_float("u_last_part", float(len(offsets_mm) - 1))
        if grey is not None:
            self._set_grey(program, grey)
        self._check("setting uniforms")

    def _draw(self, target: Framebuffer, view: PlaneCanvas) -> None:
        target.begin(view.width_px, view.height_px)
        gl.GL_1_1.glDrawArrays(gl.GL_1_0.GL_TRIANGLES, 0, 3)
        self._check("drawing")

    def warm_up_steps(self) -> Iterator[None]:
        """Have the shaders of planes and slabs compiled before somebody waits for them, one between two steps."""
        shape = (2, 8, 12)
        grid, canvas = VolumeGrid(shape, np.eye(4)), PlaneCanvas(4, 4, np.eye(4))
        slabs = [(Slab(), 1), (Slab(), 2)]
        slabs += [(Slab(mode, 4.0), 1) for mode in (SlabMode.MAXIMUM, SlabMode.AVERAGE, SlabMode.MINIMUM)]
        nothing = pack(np.zeros(shape, np.bool_))
        functions = (VoiFunction.LINEAR, VoiFunction.LINEAR_EXACT)
        for present, function in itertools.product((None, nothing), functions):
            for slab, samples in slabs:
                texture = VolumeTexture(shape)
                texture.upload_slices(0, np.zeros(shape, np.uint16), present)
                try:
                    self.draw(texture, grid, canvas, slab, GreyMap(function, 0.0, 1.0), samples=samples)
                finally:
                    texture.close()
                yield

    def _set_grey(self, program: Program, grey: GreyMap) -> None:
        program.set_float("u_window_center", grey.center)
        program.set_float("u_window_width", grey.width)
        program.set_int("u_inverted", int(grey.inverted))
        if grey.function is VoiFunction.LUT and grey.table is not None:
            table = grey.table
            gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0 + _LUT_UNIT)
            self._luts.get(table.tobytes(), lambda: lut_texture(table)).bind()
            program.set_int("t_lut", _LUT_UNIT)
            program.set_int("u_lut_entries", len(table))
            program.set_float("u_lut_first_mapped", grey.first_mapped)

    def _program(self, mode: int, interpolation: Interpolation, samples: int, defines: dict[str, int]) -> Program:
        defines = {
            **defines,
            "SLAB_MODE": mode,
            "LUT_ROW": LUT_ROW,
            "FIXED_SAMPLES": samples if samples <= MOST_FIXED_SAMPLES else 0,
        }
        if interpolation is Interpolation.NEAREST:
            defines["INTERPOLATE_NEAREST"] = 1
        elif not self._software:
            defines["INTERPOLATE_EXACT"] = 1
        return self._programs.get(defines)

    def _check(self, what: str) -> None:
        if self._debug:
            check_gl(what)

    def close(self) -> None:
        """Delete everything of the renderer; volumes are their owner's."""
        self._programs.close()
        self._plain.close()
        self._luts.close()
        self._target.close()
        self._numbers.close()


def _check_shapes(volume: VolumeTexture, grid: VolumeGrid) -> None:
    if volume.shape != grid.shape:
        raise RenderError(f"A volume of {volume.shape} does not lie on a grid of {grid.shape}.")


def _grey_line(volume: VolumeTexture, grey: GreyMap) -> tuple[float, float, float]:
    """Return a value as the texture has it, 0 to 1, the slope of the window's line, and its grey at the value."""
    center, width, middle = grey.center, grey.width, 0.5
    if grey.function is VoiFunction.LINEAR:
        center, width = center - 0.5, width - 1.0
        if width <= 0.0:  # a threshold, as in voi.glsl: black up to it, white beyond
            width, middle = _THRESHOLD_WIDTH, 0.0
    sign, middle = (-1.0, 1.0 - middle) if grey.inverted else (1.0, middle)
    slope = sign * _STORED_MAX * volume.slope / width
    return (center - volume.intercept) / volume.slope / _STORED_MAX, slope, middle
