"""Draws a volume by rays and reads the picture back. Used in one thread, the one whose context is current."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from renderpool.engine.bricks import BRICK_VOXELS, BrickRanges, Interval, distance_field
from renderpool.engine.faint_light import FAINT_OPACITY, FARTHEST_VOXELS, FaintLight, share_of_faint_bricks
from renderpool.engine.field_texture import ColourTable, FieldTexture
from renderpool.engine.framebuffer import Framebuffer
from renderpool.engine.gl import check_gl
from renderpool.engine.mask_texture import MaskTextures
from renderpool.engine.parts import Part, drawing_in
from renderpool.engine.program import Program, Programs
from renderpool.engine.rays import RayLook, RayMode, RayView, rays_in_index_space
from renderpool.engine.volume_mask import VolumeMask, pack
from renderpool.engine.volume_texture import VolumeTexture
from renderpool.scene.transfer_table import TransferTable
from webviewer.core.errors import RenderError

_STORED_MAX = 65535
_KEPT = 16  # of tables and of facts of bricks: some 200 kB each
_AFAR_MM = -1e7
_FAR_STEPS = 1e6
_LIT = (RayMode.COMPOSITE, RayMode.ISOSURFACE)
_SEEN = 0.02  # of a ray covered: less is hardly seen, and no point to pick
_WARM_UP_SIDES = (2 * BRICK_VOXELS, 5 * BRICK_VOXELS)  # with bricks, and words of masks, of the same kind
_WARM_UP: tuple[tuple[RayMode, bool, bool, bool, bool], ...] = (  # mode, what edits left, a box, padding, faint
    (RayMode.COMPOSITE, False, False, False, False),
    (RayMode.COMPOSITE, False, False, False, True),
    (RayMode.MAXIMUM, False, False, False, False),
    (RayMode.ISOSURFACE, False, False, False, False),
    (RayMode.AVERAGE, False, False, False, False),
    (RayMode.COMPOSITE, True, False, False, False),
    (RayMode.COMPOSITE, False, True, False, False),
    (RayMode.MINIMUM, False, False, False, False),
    (RayMode.MAXIMUM, True, False, False, False),
    (RayMode.ISOSURFACE, True, False, False, False),
    (RayMode.AVERAGE, True, False, False, False),
    (RayMode.MINIMUM, True, False, False, False),
    (RayMode.COMPOSITE, True, True, False, False),
    (RayMode.ISOSURFACE, False, True, False, False),
    *((mode, False, False, True, False) for mode in RayMode),
)
_VOLUME_UNIT, _FIELD_UNIT, _TABLE_UNIT, _MASK_UNIT = 0, 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class RayVolume:
    """A volume in the device and where it lies; owned and closed by whoever keeps volumes.

    Parameters
    ----------
    texture, bricks
        Of the same stored values, filled together.
    lps_from_index
        (4, 4), float64, affine; may be sheared and mirrored.
    """

    texture: VolumeTexture
    bricks: BrickRanges
    lps_from_index: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.texture.shape != self.bricks.volume_shape:
            raise RenderError(f"Bricks of {self.bricks.volume_shape} are not of this volume: {self.texture.shape}.")


_Made = TypeVar("_Made", FieldTexture, ColourTable)


class _Kept(Generic[_Made]):
    """Textures by key; the one not used for longest goes."""

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, _Made] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        if key not in self._entries:
            self._entries[key] = make()
            if len(self._entries) > _KEPT:
                self._entries.popitem(last=False)[1].close()
        self._entries.move_to_end(key)
        return self._entries[key]

    def close(self) -> None:
        while self._entries:
            self._entries.popitem()[1].close()


class RayCaster:
    """The drawing of volumes by rays.

    Parameters
    ----------
    software
        Whether the device is software, whose own filter is exact: what is left of a filtered value without absent
        voxels needs it so.
    debug
        Check OpenGL's error state after each step, not only after each picture.
    """

    def __init__(self, *, software: bool = True, debug: bool = False) -> None:
        self._software = software
        self._debug = debug
        self._programs = Programs("canvas.vert.glsl", "ray_cast.frag.glsl")
        self._target, self._numbers = Framebuffer(3), Framebuffer(4)
        self._fields: _Kept[FieldTexture] = _Kept()
        self._tables: _Kept[ColourTable] = _Kept()
        self._masks = MaskTextures()
        self._faint_light = FaintLight()

    def draw(
        self,
        volume: RayVolume,
        look: RayLook,
        view: RayView,
        *,
        mask: VolumeMask | None = None,
        part: Part | None = None,
        skip: bool = True,
    ) -> NDArray[np.uint8]:
        """Return the picture, (height, width, 3) uint8.

        Parameters
        ----------
        mask
            What cuts left of the volume: the rest is not there. None = all of it. It is in the device from its first
            picture on, until it is not used for long or nobody has it any more.
        part
            Draw and return only this part of the canvas: the same bytes as in the whole picture, for a picture that
            takes so long that others should have a turn before it is done. None = all of it.
        skip
            False = sample also where nothing shows: the same picture to the bit, slower; for tests.

        Raises
        ------
        RenderError
            A canvas out of range, a part outside of it, a mask of another volume, or OpenGL reports an error.
        """
        with drawing_in(part, view.width_px, view.height_px) as (left_px, top_px, width_px, height_px):
            self._cast(self._target, volume, look, view, mask, skip=skip)
        pixels = self._target.read(width_px, height_px, left_px, top_px)
        check_gl("drawing a volume")
        return pixels

    def pick(
        self,
        volume: RayVolume,
        look: RayLook,
        view: RayView,
        x_px: float,
        y_px: float,
        *,
        mask: VolumeMask | None = None,
    ) -> NDArray[np.float64] | None:
        """Return the point of the patient that is seen at a point of the canvas, (3,) LPS mm.

        It is the sample that a composite's pixel owes the most to, the highest or lowest one of a projection, the
        point of an isosurface. None where (nearly) nothing is seen, and always of an average. What a mask, the box and
        the plane of the view take away is not seen.

        Raises
        ------
        RenderError
            A mask of another volume, or OpenGL reports an error.
        """
        if look.mode is RayMode.AVERAGE:
            return None
        moved = np.eye(4)
        moved[:2, 3] = x_px - 0.5, y_px - 0.5
        one_pixel = replace(
            view, width_px=1, height_px=1, lps_from_canvas=view.lps_from_canvas @ moved, jitter=0.0, phase=0.0
        )
        self._cast(self._numbers, volume, look, one_pixel, mask, skip=True)
        *p_index, seen = self._numbers.read_numbers(1, 1)[0, 0].tolist()
        check_gl("picking in a volume")
        if seen < _SEEN:
            return None
        return np.asarray((volume.lps_from_index @ np.array([*p_index, 1.0]))[:3], dtype=np.float64)

    def warm_up(self) -> None:
        """Take all `warm_up_steps`."""
        for _ in self.warm_up_steps():
            pass

    def warm_up_steps(self) -> Iterator[None]:
        """Have shaders compiled before somebody waits for them, one between two steps: what is used most first.

        One takes a quarter of a second in software that has none on its disk, which makes its code when first drawn
        with, anew for textures whose sides are powers of two.
        """
        for mode, is_masked, is_cut, is_padded, is_faint in _WARM_UP:
            ends = [[1, 1, 1, FAINT_OPACITY / 2]] * 2 if is_faint else [[1, 1, 1, 0], [1, 1, 1, 1]]
            table = TransferTable(np.array(ends, dtype=np.float32), 0.0, 1.0)
            for side in _WARM_UP_SIDES:
                shape = (3 * BRICK_VOXELS, side, side)
                texture, bricks = VolumeTexture(shape), BrickRanges(shape)
                if is_padded:
                    texture.upload_slices(
                        0, np.zeros((1, side, side), np.uint16), pack(np.zeros((1, side, side), np.bool_))
                    )
                mask = VolumeMask.from_kept(np.ones(shape, dtype=np.bool_)) if is_masked else None
                box = ((0.0, 0.0, 0.0), (4.0, 4.0, 4.0)) if is_cut else None
                view = RayView(4, 4, np.eye(4), step_mm=1.0, box_index=box)
                try:
                    self.draw(RayVolume(texture, bricks, np.eye(4)), RayLook(mode, table), view, mask=mask)
                finally:
                    texture.close()
                yield

    def _cast(
        self,
        target: Framebuffer,
        volume: RayVolume,
        look: RayLook,
        view: RayView,
        mask: VolumeMask | None,
        *,
        skip: bool,
    ) -> None:
        if mask is not None and mask.shape != volume.texture.shape:
            raise RenderError(f"A mask of {mask.shape} is not of this volume: {volume.texture.shape}.")
        shown = _shown_stored(volume.texture, look)
        # Made before anything is bound: what is made is bound, too, to whichever unit is the active one.
        field = self._field_of(volume, look, shown, mask, skip=skip)
        kept = self._masks.get(mask) if mask else None
        defines = {"MODE": int(look.mode)} | ({} if look.shading else {"UNSHADED": 1}) | ({"MASKED": 1} if mask else {})
        faces = _faces_of(volume, view) if look.shading and look.mode in _LIT else None
        defines |= ({"CLIPPED": 1} if faces else {}) | ({"TURNED": 1} if _is_turned(view) else {})
        is_whole = not (mask or faces or volume.texture.is_padded)
        if is_whole and target is not self._numbers and self._shares_light(volume, look, view, shown):
            defines |= {"PAIRED": 1}
        if volume.texture.is_padded and not self._software:
            defines |= {"INTERPOLATE_EXACT": 1}
        program = self._programs.get(
            defines | volume.texture.defines | ({"PICK": 1} if target is self._numbers else {})
        )
        program.use()
        volume.texture.set_uniforms(program, _VOLUME_UNIT)
        if field is not None:
            field.bind(_FIELD_UNIT)
            program.set_int("t_distance", _FIELD_UNIT)
            program.set_int("t_brick_extreme", _FIELD_UNIT)
        if kept is not None:
            kept.set_uniforms(program, _MASK_UNIT)
        if volume.texture.is_padded:
            program.set_float("u_lowest_stored", float(volume.bricks.lowest_present))
        self._set_look(program, volume.texture, look, view, shown)
        _set_view(program, volume, view)
        if faces is not None:
            program.set_vec3("u_face_low", *faces.low.tolist())
            program.set_vec3("u_face_high", *faces.high.tolist())
            program.set_vec4("u_face_plane", *faces.plane.tolist())
        self._check("setting uniforms")
        target.begin(view.width_px, view.height_px)
        gl.GL_1_1.glDrawArrays(gl.GL_1_0.GL_TRIANGLES, 0, 3)
        self._check("drawing")

    def _shares_light(self, volume: RayVolume, look: RayLook, view: RayView, shown: list[Interval]) -> bool:
        longest_mm = FARTHEST_VOXELS * float(np.linalg.norm(volume.lps_from_index[:3, :3], axis=0).min())
        if look.mode is not RayMode.COMPOSITE or not look.shading or view.step_mm > longest_mm:
            return False
        texture, table = volume.texture, _of_a_step(look, view)
        key = (volume.bricks.version, _digest(table), table.low, table.high)
        return self._faint_light.is_shared(
            key, lambda: share_of_faint_bricks(volume.bricks, shown, table, texture.slope, texture.intercept)
        )

    def _field_of(
        self, volume: RayVolume, look: RayLook, shown: list[Interval], mask: VolumeMask | None, *, skip: bool
    ) -> FieldTexture | None:
        """Return what the bricks tell a ray of this look."""
        bricks = volume.bricks
        version = (bricks.version, mask.version if mask else None)
        if look.mode is RayMode.MAXIMUM or look.mode is RayMode.MINIMUM:
            highest = look.mode is RayMode.MAXIMUM
            if not skip:
                everything = np.full(bricks.shape, _STORED_MAX if highest else 0, dtype=np.uint16)
                return self._fields.get((bricks.shape, highest), lambda: FieldTexture(everything))
            return self._fields.get((version, highest), lambda: FieldTexture(_extremes(bricks, mask, highest=highest)))
        if look.mode is RayMode.AVERAGE and mask is None and not volume.texture.is_padded:
            return None
        if not skip:
            return self._fields.get(bricks.shape, lambda: FieldTexture(np.zeros(bricks.shape, dtype=np.uint8)))
        if look.mode is RayMode.AVERAGE:
            shown = [(-np.inf, np.inf)]
        return self._fields.get(
            (version, tuple(shown)), lambda: FieldTexture(distance_field(_occupied(bricks, mask, shown)))
        )

    def _set_look(
        self, program: Program, texture: VolumeTexture, look: RayLook, view: RayView, shown: list[Interval]
    ) -> None:
        of_values = _of_a_step(look, view) if look.mode is RayMode.COMPOSITE else look.table
        table, low_value, high_value = of_values.rgba, of_values.low, of_values.high
        self._tables.get(_digest(of_values), lambda: ColourTable(table)).bind(_TABLE_UNIT)
        program.set_int("t_table", _TABLE_UNIT)
        # The first entry's middle is table_low, the last one's table_high.
        scale = (len(table) - 1) / (high_value - low_value) / len(table)
        offset = (texture.intercept - low_value) * scale + 0.5 / len(table)
        program.set_vec2("u_table_from_stored", texture.slope * scale, offset)
        low, high = (shown[0][0], shown[-1][1]) if shown else (_STORED_MAX + 1.0, -1.0)
        program.set_vec2("u_shown", max(low, -1.0), min(high, _STORED_MAX + 1.0))
        program.set_float("u_enough_opacity", look.enough_opacity)
        program.set_float("u_iso_stored", (look.iso_value - texture.intercept) / texture.slope)
        shading = look.shading
        if shading:
            program.set_vec4("u_shading", shading.ambient, shading.diffuse, shading.specular, shading.shininess)

    @property
    def mask_bytes(self) -> int:
        """What masks take of the device."""
        return self._masks.size_bytes

    def sweep(self) -> None:
        """Give back masks that nobody has any more."""
        self._masks.sweep()

    def _check(self, what: str) -> None:
        if self._debug:
            check_gl(what)

    def close(self) -> None:
        """Delete everything of the caster; volumes are their owner's."""
        self._programs.close()
        self._fields.close()
        self._tables.close()
        self._masks.close()
        self._target.close()
        self._numbers.close()


def _of_a_step(look: RayLook, view: RayView) -> TransferTable:
    """Return the table of a composite with the opacity of one sample, not of a unit of length."""
    rgba = look.table.rgba.copy()
    # Of a shorter step less, so that what is covered stays the same.
    rgba[:, 3] = 1.0 - (1.0 - np.clip(rgba[:, 3], 0.0, 1.0)) ** (view.step_mm / look.opacity_unit_mm)
    return replace(look.table, rgba=rgba)


def _digest(table: TransferTable) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(table.rgba).tobytes(), digest_size=16).digest()


def _extremes(bricks: BrickRanges, mask: VolumeMask | None, *, highest: bool) -> NDArray[np.uint16]:
    """Return a bound of the values of each brick; where nothing of it is there, one that no other brick has."""
    if mask is None and not bricks.is_padded:
        return bricks.highest if highest else bricks.lowest
    is_some = bricks.has_present if mask is None else bricks.has_present & mask.bricks
    if highest:
        return np.where(is_some, np.maximum(bricks.highest, 1), 0).astype(np.uint16)
    return np.where(is_some, np.minimum(bricks.lowest, _STORED_MAX - 1), _STORED_MAX).astype(np.uint16)


def _occupied(bricks: BrickRanges, mask: VolumeMask | None, shown: list[Interval]) -> NDArray[np.bool_]:
    occupied = bricks.occupied(shown)
    return occupied if mask is None else occupied & mask.bricks


def _shown_stored(texture: VolumeTexture, look: RayLook) -> list[Interval]:
    """Return between which stored values something changes the picture."""

    def stored(value: float) -> float:
        return (value - texture.intercept) / texture.slope

    if look.mode is RayMode.ISOSURFACE:
        # Met where the value is not under the level; an interval excludes its ends.
        return [(float(np.nextafter(np.float32(stored(look.iso_value)), np.float32(-np.inf))), np.inf)]
    table = look.table
    values = table.visible_ranges if look.mode is RayMode.COMPOSITE else ((table.low, table.high),)  # beyond: level
    return [(stored(low), stored(high)) for low, high in values]


@dataclass(frozen=True, slots=True, eq=False)
class _Faces:
    """Where a view cuts a volume, as ``shading.glsl`` has it."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    plane: NDArray[np.float64]


def _faces_of(volume: RayVolume, view: RayView) -> _Faces | None:
    """Return where box and plane of a view cut a volume; None = nowhere.

    A face up to the centres of the outer voxels is where the volume ends: light knows that without a cut.
    """
    low, high = _box_of(volume, view)
    outer_low, outer_high = _outer_faces(volume)
    outer_low, outer_high = outer_low + 0.5, outer_high - 0.5
    if _is_turned(view):  # each of its faces may cut
        outer_low, outer_high = np.full(3, -np.inf), np.full(3, np.inf)
    is_cut = view.plane_lps is not None or bool((low > outer_low).any() or (high < outer_high).any())
    if not is_cut:
        return None
    plane = _plane_of(volume, view)
    steepness = float(np.linalg.norm(plane[:3]))
    return _Faces(
        np.where(low > outer_low, low, -_FAR_STEPS),
        np.where(high < outer_high, high, _FAR_STEPS),
        plane / steepness if steepness > 0 else np.array([0.0, 0.0, 0.0, _FAR_STEPS]),
    )


def _outer_faces(volume: RayVolume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    slices, rows, columns = volume.texture.shape
    return np.full(3, -0.5), np.array([columns, rows, slices]) - 0.5


def _box_of(volume: RayVolume, view: RayView) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of what a view shows of a volume: in index space, of a box that is turned in the box's own."""
    low, high = _outer_faces(volume)
    if view.box_index is None:
        return low, high
    if _is_turned(view):
        _, steepness = _turned_box(volume, view)
        return np.array(view.box_index[0]) / steepness, np.array(view.box_index[1]) / steepness
    return np.clip(view.box_index[0], low, high), np.clip(view.box_index[1], low, high)


def _is_turned(view: RayView) -> bool:
    return view.box_index is not None and view.box_turn is not None


def _turned_box(volume: RayVolume, view: RayView) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (4, 4), index space to that of the turned box, and by how much its axes were made shorter, (3,).

    In it a step along an axis is one of index space towards the face.
    """
    turn_back, middle = np.eye(4), np.eye(4)
    if view.box_turn is not None:
        turn_back[:3, :3] = view.box_turn.T
    low, high = _outer_faces(volume)
    middle[:3, 3] = (volume.lps_from_index @ np.append((low + high) / 2, 1.0))[:3]
    lps_back = middle @ turn_back @ np.linalg.inv(middle)
    matrix = np.linalg.inv(volume.lps_from_index) @ lps_back @ volume.lps_from_index
    steepness = np.linalg.norm(matrix[:3, :3], axis=1)
    matrix[:3] /= steepness[:, None]
    return np.asarray(matrix, dtype=np.float64), np.asarray(steepness, dtype=np.float64)


def _plane_of(volume: RayVolume, view: RayView) -> NDArray[np.float64]:
    """Return (a, b, c, d): shown is where a column + b row + c slice + d is not under 0."""
    plane = np.array(view.plane_lps if view.plane_lps is not None else (0.0, 0.0, 0.0, 1.0))
    return np.asarray(plane @ volume.lps_from_index, dtype=np.float64)


def _set_view(program: Program, volume: RayVolume, view: RayView) -> None:
    lps_from_index = volume.lps_from_index
    index_from_lps = np.asarray(np.linalg.inv(lps_from_index), dtype=np.float64)
    rays = rays_in_index_space(index_from_lps, view.lps_from_canvas, (view.width_px / 2, view.height_px / 2))
    program.set_mat3("u_origin_from_canvas", rays.origin_from_canvas)
    program.set_mat3("u_direction_from_canvas", rays.direction_from_canvas)
    program.set_float("u_nearest_mm", 0.0 if rays.from_origin else _AFAR_MM)
    program.set_mat3("u_lps_from_index", lps_from_index[:3, :3])
    program.set_mat3("u_lps_from_index_gradient", index_from_lps[:3, :3].T)
    low, high = _box_of(volume, view)
    program.set_vec3("u_box_low", *low.tolist())
    program.set_vec3("u_box_high", *high.tolist())
    if _is_turned(view):
        program.set_mat4("u_box_from_index", _turned_box(volume, view)[0])
    program.set_vec4("u_plane_index", *_plane_of(volume, view).tolist())
    program.set_float("u_step_mm", view.step_mm)
    program.set_float("u_jitter", view.jitter)
    program.set_float("u_phase", view.phase)
    program.set_vec3("u_background", *view.background)
