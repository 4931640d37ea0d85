"""Display shutters: shapes from the header, and the pixels of an image that they cover.

References
----------
PS3.3 C.7.6.11 (Display Shutter), C.8.19.6.12 (Frame Display Shutter, of enhanced XA).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import Shutter
from webviewer.dicom.dataset import DataSet

MAX_VERTICES = 1024
_FAR = 2**24  # a number beyond is none of any image
_D50 = np.array([0.9642, 1.0, 0.8249])
# Of linear sRGB, adapted from D65 to D50 (Bradford).
_SRGB_FROM_XYZ_D50 = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
_EDGES = (
    tags.SHUTTER_UPPER_HORIZONTAL_EDGE,
    tags.SHUTTER_LOWER_HORIZONTAL_EDGE,
    tags.SHUTTER_LEFT_VERTICAL_EDGE,
    tags.SHUTTER_RIGHT_VERTICAL_EDGE,
)


def read_shutter(ds: DataSet) -> Shutter | None:
    """Return the shutter of a data set or of an item, None if it states no shape.

    A shape whose numbers are missing or cannot be true is left out: the image stays visible there.
    """
    shapes = {shape.upper() for shape in ds.texts(tags.SHUTTER_SHAPE)[:16]} & {"RECTANGULAR", "CIRCULAR", "POLYGONAL"}
    if not shapes:
        return None
    rectangle = _rectangle(ds) if "RECTANGULAR" in shapes else None
    circle = _circle(ds) if "CIRCULAR" in shapes else None
    polygon = _polygon(ds) if "POLYGONAL" in shapes else ()
    value = ds.integer(tags.SHUTTER_PRESENTATION_VALUE)
    colour = ds.numbers(tags.SHUTTER_PRESENTATION_COLOR_CIELAB)
    is_colour = colour is not None and len(colour) == 3 and all(0 <= part <= 65535 for part in colour)
    return Shutter(
        rectangle=rectangle,
        circle=circle,
        polygon=polygon,
        presentation_value=value if value is not None and 0 <= value <= 65535 else None,
        presentation_color=(int(colour[0]), int(colour[1]), int(colour[2])) if colour and is_colour else None,
        is_doubtful=len(shapes) > sum((rectangle is not None, circle is not None, bool(polygon))),
    )


def _rectangle(ds: DataSet) -> tuple[int, int, int, int] | None:
    upper, lower, left, right = (_integers(ds, tag, 1) for tag in _EDGES)
    if upper is None or lower is None or left is None or right is None:
        return None
    first_row, last_row, first_column, last_column = upper[0], lower[0], left[0], right[0]
    # Edges that were exchanged still name one rectangle.
    return (
        min(first_row, last_row),
        max(first_row, last_row),
        min(first_column, last_column),
        max(first_column, last_column),
    )


def _circle(ds: DataSet) -> tuple[int, int, int] | None:
    center, radius = (
        _integers(ds, tags.CENTER_OF_CIRCULAR_SHUTTER, 2),
        _integers(ds, tags.RADIUS_OF_CIRCULAR_SHUTTER, 1),
    )
    return None if center is None or radius is None or radius[0] < 1 else (center[0], center[1], radius[0])


def _polygon(ds: DataSet) -> tuple[int, ...]:
    numbers = _integers(ds, tags.VERTICES_OF_THE_POLYGONAL_SHUTTER, None)
    if numbers is None or len(numbers) % 2 or not 3 <= len(numbers) // 2 <= MAX_VERTICES:
        return ()
    rows, columns = np.array(numbers[::2], np.float64), np.array(numbers[1::2], np.float64)
    area = np.sum(columns * np.roll(rows, -1) - np.roll(columns, -1) * rows) / 2
    return tuple(numbers) if area else ()


def _integers(ds: DataSet, tag: int, count: int | None) -> list[int] | None:
    numbers = ds.numbers(tag)
    if numbers is None or (count is not None and len(numbers) < count) or any(abs(n) >= _FAR for n in numbers):
        return None
    return [round(number) for number in numbers[:count]]


def shade_of_shutter(shutter: Shutter, *, is_grey: bool) -> tuple[int, int, int]:
    """Return sRGB of a shutter, 0 to 255: its P-Value over grey images, its colour over others; black without any."""
    value, colour = shutter.presentation_value, shutter.presentation_color
    if colour is not None and not (is_grey and value is not None):
        return _srgb(colour)
    grey = round((value or 0) / 257)
    return grey, grey, grey


def _srgb(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return CIELab of 16 bits (PS3.3 C.10.7.1.1, white point D50) as sRGB (IEC 61966-2-1)."""
    lightness, a, b = colour[0] * 100 / 65535, colour[1] * 255 / 65535 - 128, colour[2] * 255 / 65535 - 128
    y = (lightness + 16) / 116
    cubes = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(cubes > 6 / 29, cubes**3, 3 * (6 / 29) ** 2 * (cubes - 4 / 29)) * _D50
    linear = np.clip(_SRGB_FROM_XYZ_D50 @ xyz, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(encoded * 255).astype(int).tolist()
    return red, green, blue


def visible_pixels(shutter: Shutter, rows: int, columns: int, pixel_aspect: float = 1.0) -> NDArray[np.bool_]:
    """Return the pixels that no shape covers, (rows, columns): those whose centre lies inside or on the edge of all.

    Parameters
    ----------
    pixel_aspect
        Height of a pixel / its width: a circle is round in the picture, and its radius counts columns.
    """
    visible = np.ones((rows, columns), np.bool_)
    row, column = np.arange(1, rows + 1)[:, None], np.arange(1, columns + 1)[None, :]
    if shutter.rectangle is not None:
        first_row, last_row, first_column, last_column = shutter.rectangle
        visible &= (row >= first_row) & (row <= last_row) & (column >= first_column) & (column <= last_column)
    if shutter.circle is not None:
        center_row, center_column, radius = shutter.circle
        across, down = (column - center_column) / radius, (row - center_row) * pixel_aspect / radius
        visible &= across**2 + down**2 <= 1.0
    if shutter.polygon:
        visible &= _inside(shutter.polygon, rows, columns)
    return visible


def _inside(polygon: tuple[int, ...], rows: int, columns: int) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies inside a polygon (even-odd rule) or on its edge."""
    crossed = np.zeros((rows, columns + 1), np.bool_)
    on_edge = np.zeros((rows, columns), np.bool_)
    vertices = list(zip(polygon[::2], polygon[1::2], strict=True))
    for (row_a, column_a), (row_b, column_b) in zip(vertices, vertices[1:] + vertices[:1], strict=True):
        height, width = row_b - row_a, column_b - column_a
        at = np.arange(max(min(row_a, row_b), 1), min(max(row_a, row_b), rows) + 1)
        if not height:
            left, right = sorted((column_a, column_b))
            on_edge[at - 1, max(left - 1, 0) : max(right, 0)] = True
            continue
        along, rest = np.divmod((at - row_a) * width, height)
        x = column_a + along
        met = (rest == 0) & (x >= 1) & (x <= columns)
        on_edge[at[met] - 1, x[met] - 1] = True
        is_crossed = at < max(row_a, row_b)  # the end of an edge belongs to the next one
        first_inside = x[is_crossed] + (rest[is_crossed] != 0)
        crossed[at[is_crossed] - 1, np.clip(first_inside - 1, 0, columns)] ^= True
    return np.asarray(np.logical_xor.accumulate(crossed, axis=1)[:, :columns] | on_edge)
