"""Draws an image on a canvas and reads it back. Made and used in one thread, the one whose context is current."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from renderpool.engine.device import Context
from renderpool.engine.devices import OpenContext
from renderpool.engine.framebuffer import Framebuffer
from renderpool.engine.gl import check_gl
from renderpool.engine.program import Program, Programs
from renderpool.engine.textures import LUT_ROW, Texture, TextureCache, lut_texture
from renderpool.scene.grey import GreyMap, VoiFunction
from renderpool.scene.view import ResolvedView
from webviewer.core.errors import RenderError

_SOFTWARE_TEXTURES_BYTES = 96 * 1024**2  # textures of llvmpipe are main memory
_HARDWARE_TEXTURES_BYTES = 1024**3
_LUTS_BYTES = 4 * 1024**2
MOST_FIXED_SAMPLES = 2
"""Up to so many samples have a program of their own: most pictures; software needs a third less for them."""


class Renderer:
    """The drawing of 2D images.

    Parameters
    ----------
    device_index
        As in `renderpool.engine.device.Context`.
    debug
        Check OpenGL's error state after each step, not only after each picture.
    textures_bytes
        How much is kept of images that were drawn; 0 = only the one drawn last, None = what suits the device.
    opened
        As in `renderpool.engine.device.Context`.
    """

    def __init__(
        self,
        device_index: int | None = None,
        *,
        debug: bool = False,
        textures_bytes: int | None = None,
        opened: OpenContext | None = None,
    ) -> None:
        self.context = Context(device_index, opened=opened)
        self._debug = debug
        suitable = _SOFTWARE_TEXTURES_BYTES if self.context.software else _HARDWARE_TEXTURES_BYTES
        self.textures = TextureCache(suitable if textures_bytes is None else textures_bytes)
        self._luts = TextureCache(_LUTS_BYTES)
        self._programs = Programs("canvas.vert.glsl", "image.frag.glsl")
        self._mask_programs = Programs("canvas.vert.glsl", "mask.frag.glsl")
        self._grey, self._colour = Framebuffer(1), Framebuffer(3)
        names = (ctypes.c_uint * 1)()
        gl.GL_3_0.glGenVertexArrays(1, names)  # core profile draws nothing without one, even without attributes
        self._vertex_array = int(names[0])
        gl.GL_3_0.glBindVertexArray(self._vertex_array)
        gl.GL_1_0.glDisable(gl.GL_1_0.GL_DITHER)
        check_gl("preparing the renderer")

    def draw_grey(
        self,
        key: Hashable,
        load_values: Callable[[], NDArray[np.float32]],
        view: ResolvedView,
        grey: GreyMap,
        *,
        interpolation: str = "bilinear",
        samples: int = 1,
        is_padded: bool = False,
    ) -> NDArray[np.uint8]:
        """Return the picture of modality values, (height, width) uint8; black outside and where pixels are absent.

        Parameters
        ----------
        key
            Names the values for the texture cache; ``load_values`` is called when they are not there: (rows, columns)
            float32.
        samples
            n of the n × n samples of a canvas pixel; see `renderpool.scene.view.supersampling`.
        is_padded
            Values are (rows, columns, 2): value and 1 of present pixels, 0 and 0 of absent ones.

        Raises
        ------
        RenderError
            Larger than the device's textures, or OpenGL reports an error.
        """
        defines = {"VOI_FUNCTION": int(grey.function)} | ({"PADDED": 1} if is_padded else {})
        program = self._program(defines, interpolation, samples)
        program.use()
        program.set_float("u_window_center", grey.center)
        program.set_float("u_window_width", grey.width)
        if grey.function is VoiFunction.LUT and grey.table is not None:
            table = grey.table
            gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE1)
            self._luts.get(table.tobytes(), lambda: lut_texture(table)).bind()
            program.set_int("t_lut", 1)
            program.set_int("u_lut_entries", len(table))
            program.set_float("u_lut_first_mapped", grey.first_mapped)
        return self._draw(program, self._grey, key, load_values, view, samples=samples, inverted=grey.inverted)

    def draw_colour(
        self,
        key: Hashable,
        load_values: Callable[[], NDArray[np.uint8]],
        view: ResolvedView,
        *,
        inverted: bool = False,
        interpolation: str = "bilinear",
        samples: int = 1,
    ) -> NDArray[np.uint8]:
        """Return the picture of RGB values, (height, width, 3) uint8; parameters and errors as `draw_grey`."""
        program = self._program({"COLOUR": 1}, interpolation, samples)
        program.use()
        return self._draw(program, self._colour, key, load_values, view, samples=samples, inverted=inverted)

    def draw_mask(
        self,
        key: Hashable,
        mask: NDArray[np.uint8],
        view: ResolvedView,
        *,
        origin: tuple[int, int],
        image_size: tuple[int, int],
        samples: int = 1,
    ) -> NDArray[np.uint8]:
        """Return the shares of each canvas pixel that bits of a mask take, (height, width, 3) uint8: 255 = all of it.

        Parameters
        ----------
        key
            Names the mask for the texture cache.
        mask
            (rows, columns) uint8. Bit 0, drawn to channel 0: lines, which count n times, so that a line of one image
            pixel stays whole where n image pixels fall into one canvas pixel. Bit 1, drawn to channel 1: areas of the
            image. Channel 2 is 0.
        origin
            Column and row of the mask's first pixel in the image, from 0.
        image_size
            Columns and rows of the image.
        samples
            As in `draw_grey`. Errors as there, too.
        """
        program = self._mask_programs.get({})
        program.use()
        gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0)
        self.textures.get(key, lambda: self._upload(mask)).bind()
        self._check("uploading a mask")
        program.set_int("t_mask", 0)
        program.set_mat3("u_image_from_canvas", view.image_from_canvas)
        program.set_vec2("u_origin", *origin)
        program.set_vec2("u_image_size", *image_size)
        program.set_int("u_samples", samples)
        self._check("setting uniforms")
        self._colour.begin(view.width_px, view.height_px)
        gl.GL_1_1.glDrawArrays(gl.GL_1_0.GL_TRIANGLES, 0, 3)
        self._check("drawing")
        shares = self._colour.read(view.width_px, view.height_px)
        check_gl("drawing a mask")
        return shares

    def _draw(
        self,
        program: Program,
        target: Framebuffer,
        key: Hashable,
        load_values: Callable[[], NDArray[Any]],
        view: ResolvedView,
        *,
        samples: int,
        inverted: bool,
    ) -> NDArray[np.uint8]:
        gl.GL_1_3.glActiveTexture(gl.GL_1_3.GL_TEXTURE0)
        texture = self.textures.get(key, lambda: self._upload(load_values()))
        texture.bind()
        self._check("uploading an image")
        program.set_int("t_image", 0)
        program.set_mat3("u_image_from_canvas", view.image_from_canvas)
        program.set_vec2("u_image_size", texture.columns, texture.rows)
        program.set_int("u_samples", samples)
        program.set_int("u_inverted", int(inverted))
        self._check("setting uniforms")
        target.begin(view.width_px, view.height_px)
        gl.GL_1_1.glDrawArrays(gl.GL_1_0.GL_TRIANGLES, 0, 3)
        self._check("drawing")
        pixels = target.read(view.width_px, view.height_px)
        check_gl("drawing an image")
        return pixels

    def _upload(self, values: NDArray[Any]) -> Texture:
        largest = max(values.shape[:2])
        if largest > self.context.max_texture_px:
            raise RenderError(
                f"An image of {values.shape[1]} × {values.shape[0]} pixels is larger than this server can draw: "
                f"at most {self.context.max_texture_px} a side."
            )
        return Texture(values)

    def _program(self, kind: dict[str, int], interpolation: str, samples: int) -> Program:
        if interpolation == "nearest":
            filtering = "INTERPOLATE_NEAREST"
        elif self.context.software and "COLOUR" not in kind:
            filtering = "INTERPOLATE_BILINEAR_SAMPLER"
        else:
            filtering = "INTERPOLATE_BILINEAR_EXACT"
        fixed = samples if samples <= MOST_FIXED_SAMPLES else 0
        return self._programs.get(kind | {filtering: 1, "LUT_ROW": LUT_ROW, "FIXED_SAMPLES": fixed})

    def _check(self, what: str) -> None:
        if self._debug:
            check_gl(what)

    def close(self) -> None:
        """Delete everything and the context."""
        self._programs.close()
        self._mask_programs.close()
        self.textures.close()
        self._luts.close()
        self._grey.close()
        self._colour.close()
        gl.GL_3_0.glDeleteVertexArrays(1, (ctypes.c_uint * 1)(self._vertex_array))
        self.context.close()
