"""New series made of a volume and stored beside their source: parallel planes or slabs, or pictures of it turning.

An image is taken from the device between the pictures of those who look at something, and stored before the next one is
begun: what was stored stays, whatever happens later.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.directions import LETTER_DIRECTIONS, turned
from renderpool.scene.plane_canvas import PlaneCanvas, check_canvas_axes, plane_canvas
from renderpool.scene.slab import Interpolation, Slab, SlabMode, voxel_step_mm
from renderpool.session.loaded_volume import LoadedVolume
from renderpool.session.series_limits import check_planes
from renderpool.session.volume_looks import recommended_grey
from webviewer.core.errors import InvalidInput
from webviewer.core.uid import new_uid
from webviewer.dicom.derived_grey import GreyLook, entries_bytes
from webviewer.protocol.questions import MakeSeries, ParallelPlanes, Turning
from webviewer.protocol.volumes import CameraPose, CameraView

_MOST_BYTES = 2 * 1024**3  # of one series: disks are the hospital's

_SLAB_WORDS = {
    SlabMode.PLANE: "planes",
    SlabMode.MAXIMUM: "maximum intensity projections",
    SlabMode.MINIMUM: "minimum intensity projections",
    SlabMode.AVERAGE: "averages",
}


class SeriesSink(Protocol):
    """Stores new objects; called from worker threads."""

    def store_derived(self, owner_id: int, series_id: int, head: Mapping[str, object], pixels: bytes) -> int:
        """Store an object made of a series and return the series it is in; raises WebviewerError."""
        ...


DrawStill = Callable[[CameraView], NDArray[np.uint8]]
"""Gives the picture of a camera in full quality, (height, width[, 3]) uint8; blocks, may raise."""
TakeValues = Callable[[PlaneCanvas, Slab], NDArray[np.float32]]
"""Gives stored values of a plane or slab, (height, width) float32, NaN outside of the volume; blocks, may raise."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How values are stored: ``value = stored * slope + intercept``.

    ``padding`` is the stored value where there is no value, and of no value; None = the lowest one stands there.
    """

    slope: float
    intercept: float
    is_signed: bool
    padding: int | None = None

    @property
    def _ends(self) -> tuple[int, int]:
        return (-32768, 32767) if self.is_signed else (0, 65535)

    def padded(self, ends: tuple[float, float]) -> _Encoding:
        """Return the encoding with a padding value: the stored value next to those of a volume's ends, low first."""
        low, high = self._ends
        first, last = (round((end - self.intercept) / self.slope) for end in ends)
        # A volume that uses all 16 bits has no value to spare: its lowest one becomes the second lowest.
        return replace(self, padding=last + 1 if first <= low and last < high else max(first - 1, low))

    def stored(self, values: NDArray[np.float64]) -> bytes:
        """Return values, NaN where there is none, row by row, little endian."""
        low, high = self._ends
        nothing = np.isnan(values)
        numbers = np.clip(np.rint((np.where(nothing, 0.0, values) - self.intercept) / self.slope), low, high)
        if self.padding is not None:
            if self.padding == low:
                numbers = np.maximum(numbers, low + 1)
            numbers[nothing] = self.padding
        return numbers.astype("<i2" if self.is_signed else "<u2").tobytes()


def make_planes(
    volume: LoadedVolume,
    wish: MakeSeries,
    *,
    owner_id: int,
    ends: tuple[float, float],
    take_values: TakeValues,
    sink: SeriesSink,
    on_stored: Callable[[int], bool],
) -> int | None:
    """Make the series of a wish; for worker threads.

    Parameters
    ----------
    volume
        Whole.
    wish
        Whose images are `ParallelPlanes`.
    ends
        The lowest and the highest value of the volume: outside of it, slices have the lowest, or of a padded volume
        Pixel Padding Value, as where nothing but padding is.
    on_stored
        Told after each object how many are stored; returns whether to go on.

    Returns
    -------
    The new series' number; None if it was given up before its first object.

    Raises
    ------
    InvalidInput
        The wish is no series of planes, or too large a one; in words with the numbers.
    WebviewerError
        A slice could not be taken or stored.
    """
    images = wish.images
    if not isinstance(images, ParallelPlanes) or volume.values is None:
        raise InvalidInput("A series of planes needs planes, and a volume that is loaded.")
    _check_size(wish, images.width_px, images.height_px, 2)
    axes = check_canvas_axes(images.right_lps, images.down_lps)
    check_planes(images, wish.count, volume.grid)
    slab = Slab(SlabMode(images.slab), images.thickness_mm, Interpolation(images.interpolation))
    slope, intercept = volume.values.slope, volume.values.intercept
    encoding = _encoding_of(slope, intercept, ends)
    is_padded = volume.presence.is_padded
    if is_padded:
        encoding = encoding.padded(ends)
    head = _head_of(volume, wish, images, slab, encoding)
    # A plane has no thickness of its own: what was measured beside it is as thick as a voxel that way.
    thickness_mm = voxel_step_mm(volume.grid, axes[:, 2]) if slab.is_plane else slab.thickness_mm
    head["content"]["slice_thickness"] = thickness_mm
    head["content"]["grey"] = _plain_grey(recommended_grey(volume, ends))

    def image(number: int) -> tuple[dict[str, Any], bytes]:
        center = np.array(images.center_lps_mm) + number * images.step_mm * axes[:, 2]
        canvas = _canvas_at(images, center)
        values = take_values(canvas, slab).astype(np.float64) * slope + intercept
        if not is_padded:
            values = np.where(np.isnan(values), ends[0], values)
        content = head["content"] | {
            "image_position_patient": (canvas.lps_from_canvas @ np.array([0.5, 0.5, 0.0, 1.0]))[:3].tolist(),
        }
        return {"content": content}, encoding.stored(values)

    return _store_all(
        wish.count, head, image, partial(sink.store_derived, owner_id, volume.series.series_id), on_stored
    )


def make_turning(
    volume: LoadedVolume,
    wish: MakeSeries,
    seen: CameraView,
    *,
    owner_id: int,
    draw_still: DrawStill,
    sink: SeriesSink,
    on_stored: Callable[[int], bool],
) -> int | None:
    """Make the pictures of a wish; for worker threads.

    Parameters
    ----------
    wish
        Whose images are `Turning`.
    seen
        What the camera sees at the first picture.

    Returns, raises and further parameters as of `make_planes`.
    """
    images = wish.images
    if not isinstance(images, Turning):
        raise InvalidInput("A series of pictures needs a model that turns.")
    _check_size(wish, images.width_px, images.height_px, 3)
    head = {
        "series_description": wish.series_description,
        "derivation_description": f"Volume rendering: {wish.count} pictures of a turn by {images.degrees:g} degrees",
        "rows": images.height_px,
        "columns": images.width_px,
        "content": {"kind": "picture"},
        **_loss_of(volume),
    }

    def image(number: int) -> tuple[dict[str, Any], bytes]:
        pose = turned_pose(seen.pose, images, images.degrees * number / wish.count)
        pixels = draw_still(seen.model_copy(update={"pose": pose, "moving": False}))
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, np.newaxis], 3, axis=2)
        return {}, pixels.tobytes()

    return _store_all(
        wish.count, head, image, partial(sink.store_derived, owner_id, volume.series.series_id), on_stored
    )


def _store_all(
    count: int,
    head: dict[str, Any],
    image: Callable[[int], tuple[dict[str, Any], bytes]],
    store: Callable[[Mapping[str, object], bytes], int],
    on_stored: Callable[[int], bool],
) -> int | None:
    """Store images one after the other; ``image`` gives what the head of one has of its own, and its pixels."""
    series_id: int | None = None
    series = head | {"series_instance_uid": new_uid(), "made_at": datetime.now(UTC).isoformat()}
    for number in range(count):
        own, pixels = image(number)
        series_id = store(series | {"sop_instance_uid": new_uid(), "instance_number": number + 1} | own, pixels)
        if not on_stored(number + 1):
            break
    return series_id


def turned_pose(pose: CameraPose, images: Turning, angle_deg: float) -> CameraPose:
    """Return a pose gone about the patient's long axis, from his front towards his left, on the canvas of a series."""
    smaller = min(images.width_px, images.height_px) / min(pose.width_px, pose.height_px)
    if not 1e-6 <= pose.mm_per_px / smaller <= 1e9 or max(map(abs, pose.offset_px)) * smaller > 1e9:
        raise InvalidInput("The model is seen too large, too small or too far off for pictures of this size.")
    axis = np.array(LETTER_DIRECTIONS["H"])
    axes = turned(check_canvas_axes(pose.right_lps, pose.down_lps), axis, angle_deg)
    x_px, y_px = pose.offset_px
    return CameraPose(
        width_px=images.width_px,
        height_px=images.height_px,
        target_lps_mm=pose.target_lps_mm,
        right_lps=_triple(axes[:, 0]),
        down_lps=_triple(axes[:, 1]),
        mm_per_px=pose.mm_per_px / smaller,
        offset_px=(x_px * smaller, y_px * smaller),
        eye_distance_mm=pose.eye_distance_mm,
    )


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = values.tolist()
    return x, y, z


def _check_size(wish: MakeSeries, width_px: int, height_px: int, bytes_each: int) -> None:
    size_bytes = bytes_each * width_px * height_px * wish.count
    if size_bytes > _MOST_BYTES:
        raise InvalidInput(
            f"A series of {wish.count} images of {width_px} × {height_px} pixels takes "
            f"{size_bytes / 1024**3:.1f} GiB: at most {_MOST_BYTES / 1024**3:.0f} are stored at once."
        )


def _canvas_at(images: ParallelPlanes, center: NDArray[np.float64]) -> PlaneCanvas:
    return plane_canvas(
        images.width_px,
        images.height_px,
        center_lps_mm=center.tolist(),
        right_lps=images.right_lps,
        down_lps=images.down_lps,
        mm_per_px=images.mm_per_px,
    )


def _encoding_of(slope: float, intercept: float, ends: tuple[float, float]) -> _Encoding:
    """Return whole numbers as they are where they fit, as CT has them; else steps as the volume has them."""
    are_whole = slope == 1.0 and math.isclose(intercept, round(intercept), abs_tol=1e-9)
    if are_whole and ends[0] >= -32768 and ends[1] <= 32767:
        return _Encoding(1.0, 0.0, is_signed=True)
    return _Encoding(slope, intercept, is_signed=False)


def _plain_grey(look: GreyLook) -> dict[str, Any]:
    """Return a look as `dicom_gateway.api.derived` reads it."""
    return {
        "windows": [
            {"center": window.center, "width": window.width, "explanation": window.explanation}
            for window in look.windows
        ],
        "function": look.function,
        "luts": [
            {
                "first_mapped": table.first_mapped,
                "bits": table.bits,
                "entries": base64.b64encode(entries_bytes(table)).decode(),
                "explanation": table.explanation,
            }
            for table in look.luts
        ],
        "is_inverted": look.is_inverted,
    }


def _loss_of(volume: LoadedVolume) -> dict[str, Any]:
    """Return what a head says of loss: nothing where there is none, as storage nodes of before understand it."""
    return {"source_lossy": True} if volume.source_lossy else {}


def _head_of(
    volume: LoadedVolume, wish: MakeSeries, images: ParallelPlanes, slab: Slab, encoding: _Encoding
) -> dict[str, Any]:
    thickness_mm = 0.0 if slab.is_plane else slab.thickness_mm
    words = f"{_SLAB_WORDS[slab.mode if thickness_mm else SlabMode.PLANE]}, {images.step_mm:g} mm apart"
    words += f", {thickness_mm:g} mm thick" if thickness_mm else ""
    return {
        "series_description": wish.series_description,
        "derivation_description": f"Multiplanar reformatting: {words}, {slab.interpolation.value} interpolation",
        "rows": images.height_px,
        "columns": images.width_px,
        **_loss_of(volume),
        "content": {
            "kind": "plane",
            "is_signed": encoding.is_signed,
            "image_orientation_patient": [*images.right_lps, *images.down_lps],
            "pixel_spacing": [images.mm_per_px, images.mm_per_px],
            "spacing_between_slices": images.step_mm,
            "rescale_slope": encoding.slope,
            "rescale_intercept": encoding.intercept,
            "rescale_type": volume.values.units[:16] if volume.values is not None else "",
            **({} if encoding.padding is None else {"pixel_padding_value": encoding.padding}),
        },
    }
