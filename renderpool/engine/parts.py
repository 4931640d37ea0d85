"""Parts of a canvas: a picture that takes long is drawn in several, so that others have a turn in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from renderpool.engine import gl
from webviewer.core.errors import RenderError

Part = tuple[int, int, int, int]
"""Of a canvas: left, top, width and height in pixels."""


@contextmanager
def drawing_in(part: Part | None, width_px: int, height_px: int) -> Iterator[Part]:
    """Have only a part of a canvas drawn; gives the part, the whole canvas for None.

    Raises
    ------
    RenderError
        The part is not inside the canvas.
    """
    if part is None:
        yield (0, 0, width_px, height_px)
        return
    left_px, top_px, part_width_px, part_height_px = part
    right_px, bottom_px = left_px + part_width_px, top_px + part_height_px
    if not (0 <= left_px < right_px <= width_px and 0 <= top_px < bottom_px <= height_px):
        raise RenderError(f"Part {part} is not inside a canvas of {width_px} × {height_px} pixels.")
    gl.GL_1_0.glScissor(left_px, top_px, part_width_px, part_height_px)
    gl.GL_1_0.glEnable(gl.GL_1_0.GL_SCISSOR_TEST)
    try:
        yield part
    finally:
        gl.GL_1_0.glDisable(gl.GL_1_0.GL_SCISSOR_TEST)
