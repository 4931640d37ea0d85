"""Transfer functions: what colour and opacity the values of a volume have, as curves that a doctor drags.

A function is made of tissues, each a curve of opacity and a bar of colours over the values (HU, …); all that are on
show together. The device gets a `TransferTable`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from renderpool.scene.transfer_table import TransferTable
from webviewer.core.errors import InvalidInput

MAX_TISSUES = 16
MAX_POINTS = 64
MAX_NAME = 64
DEFAULT_ENTRIES = 4096
LARGEST_VALUE = 1e9
_LEAST_WIDTH = 1e-6
_FAINT = 1e-6


@dataclass(frozen=True, slots=True)
class OpacityPoint:
    """A point of the curve: ``opacity`` 0 to 1 per unit distance."""

    value: float
    opacity: float


@dataclass(frozen=True, slots=True)
class ColourPoint:
    """A point of the colour bar; red, green and blue from 0 to 1."""

    value: float
    red: float
    green: float
    blue: float


@dataclass(frozen=True, slots=True)
class Tissue:
    """One curve of opacity and one bar of colours; straight between points, level beyond the outer ones.

    Raises
    ------
    InvalidInput
        No points or more than ``MAX_POINTS``, values that do not rise, or a number out of its range; says which.
    """

    name: str
    opacity: tuple[OpacityPoint, ...]
    colour: tuple[ColourPoint, ...]
    on: bool = True

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= MAX_NAME:
            raise InvalidInput(f"A tissue's name of {len(self.name)} letters is invalid: must be 1 to {MAX_NAME}.")
        _check_points(self.name, "opacity", [(point.value, (point.opacity,)) for point in self.opacity])
        _check_points(
            self.name, "colour", [(point.value, (point.red, point.green, point.blue)) for point in self.colour]
        )

    def opacities(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the opacity of values, same shape, float64."""
        points = np.array([(point.value, point.opacity) for point in self.opacity])
        return np.asarray(np.interp(values, points[:, 0], points[:, 1]), dtype=np.float64)

    def colours(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return red, green and blue of values, (…, 3), float64."""
        points = np.array([(point.value, point.red, point.green, point.blue) for point in self.colour])
        return np.stack([np.interp(values, points[:, 0], points[:, channel]) for channel in (1, 2, 3)], axis=-1)


@dataclass(frozen=True, slots=True)
class TransferFunction:
    """Several tissues together.

    Raises
    ------
    InvalidInput
        None at all, more than ``MAX_TISSUES``, or two of one name.
    """

    tissues: tuple[Tissue, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.tissues) <= MAX_TISSUES:
            raise InvalidInput(f"{len(self.tissues)} tissues are invalid: must be 1 to {MAX_TISSUES}.")
        names = [tissue.name for tissue in self.tissues]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InvalidInput(f"Two tissues are called {twice!r}: each needs a name of its own.")

    @property
    def shown(self) -> tuple[Tissue, ...]:
        """The tissues that are on."""
        return tuple(tissue for tissue in self.tissues if tissue.on)

    def rgba(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return red, green, blue and opacity of values, (…, 4), float64; colours are not multiplied by opacity.

        Where tissues overlap they cover together what they would one after another, and colours mix by opacity.
        """
        values = np.asarray(values, dtype=np.float64)
        clear, total = np.ones(values.shape), np.zeros(values.shape)
        colour = np.zeros((*values.shape, 3))
        # Where nothing is opaque the colours of all count alike: they are what a filter between values takes in.
        for tissue in self.shown:
            share = tissue.opacities(values)
            clear *= 1.0 - share
            share = share + _FAINT
            total += share
            colour += share[..., np.newaxis] * tissue.colours(values)
        colour /= np.where(total > 0, total, 1.0)[..., np.newaxis]
        return np.concatenate((colour, (1.0 - clear)[..., np.newaxis]), axis=-1)

    def table(self, low: float, high: float, *, entries: int = DEFAULT_ENTRIES) -> TransferTable:
        """Return the table for the device.

        Parameters
        ----------
        low, high
            Values of the first and the last entry.

        Raises
        ------
        InvalidInput
            The range is empty, or there are fewer than two entries.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low < high) or entries < 2:
            raise InvalidInput(f"A table of {entries} entries from {low} to {high} is invalid: it has no values in it.")
        rgba = self.rgba(np.linspace(low, high, entries))
        return TransferTable(np.ascontiguousarray(rgba, dtype=np.float32), low, high)

    @property
    def window(self) -> tuple[float, float]:
        """Center and width of the values over which opacity changes: what a drag of the window moves and stretches.

        Of a ramp from nothing to full it is the window of the same name. Of level curves it is all of their points.
        """
        curves = [tissue.opacity for tissue in self.shown or self.tissues]
        changing = [
            value
            for points in curves
            for before, after in itertools.pairwise(points)
            if before.opacity != after.opacity
            for value in (before.value, after.value)
        ]
        values = changing or [point.value for points in curves for point in points]
        low, high = min(values), max(values)
        return (low + high) / 2, max(high - low, _LEAST_WIDTH)

    def _mapped(self, stretch: float, shift: float) -> TransferFunction:
        return TransferFunction(
            tuple(
                replace(
                    tissue,
                    opacity=tuple(replace(point, value=point.value * stretch + shift) for point in tissue.opacity),
                    colour=tuple(replace(point, value=point.value * stretch + shift) for point in tissue.colour),
                )
                for tissue in self.tissues
            )
        )

    def scaled(self, low: float, high: float) -> TransferFunction:
        """Return a function that is written in parts of a range (0 = low, 1 = high) in the values of that range.

        Raises
        ------
        InvalidInput
            The range is empty.
        """
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            raise InvalidInput(f"Values from {low} to {high} are invalid: the range must not be empty.")
        return self._mapped(high - low, low)


def curve(*points: tuple[float, float]) -> tuple[OpacityPoint, ...]:
    """Return a curve of (value, opacity)."""
    return tuple(OpacityPoint(*point) for point in points)


def colours(*points: tuple[float, float, float, float]) -> tuple[ColourPoint, ...]:
    """Return a colour bar of (value, red, green, blue)."""
    return tuple(ColourPoint(*point) for point in points)


def _check_points(name: str, what: str, points: Sequence[tuple[float, tuple[float, ...]]]) -> None:
    if not 1 <= len(points) <= MAX_POINTS:
        raise InvalidInput(f"Tissue {name!r} has {len(points)} points of {what}: must be 1 to {MAX_POINTS}.")
    before = -math.inf
    for value, parts in points:
        if not abs(value) <= LARGEST_VALUE:
            raise InvalidInput(f"Value {value} of tissue {name!r} is invalid: must be within ±{LARGEST_VALUE:.0f}.")
        if not value > before:
            raise InvalidInput(
                f"Values of tissue {name!r} do not rise: {before} is followed by {value} in its points of {what}."
            )
        before = value
        for part in parts:
            if not 0.0 <= part <= 1.0:
                raise InvalidInput(f"{what.capitalize()} {part} of tissue {name!r} is invalid: must be from 0 to 1.")
