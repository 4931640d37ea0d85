"""How a computed series is shown: with the windows and tables of its source, light and dark as there.

References
----------
PS3.3 C.11.2 (VOI LUT), C.7.6.3.1.2 (Photometric Interpretation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from webviewer.core.errors import InvalidInput
from webviewer.dicom.attributes import LookupTable, VoiWindow
from webviewer.dicom.lut import VoiChoice

FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
MAX_WINDOWS: Final = 32
MAX_LUT_ENTRIES: Final = 2**17
"""Of all tables together: they travel with each object."""


@dataclass(frozen=True, slots=True)
class GreyLook:
    """What a slice recommends: windows in the modality's unit with one function, then VOI LUTs.

    ``is_inverted``: low values are bright.

    Raises
    ------
    InvalidInput
        Neither window nor table, too many of them, a function or a width that is none.
    """

    windows: tuple[VoiWindow, ...]
    function: str = "LINEAR"
    luts: tuple[LookupTable, ...] = ()
    is_inverted: bool = False

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise InvalidInput(f"VOI LUT Function {self.function!r} is invalid: must be one of {', '.join(FUNCTIONS)}.")
        if not (self.windows or self.luts) or len(self.windows) > MAX_WINDOWS:
            raise InvalidInput(
                f"{len(self.windows)} windows and {len(self.luts)} VOI LUTs are invalid: "
                f"must be at least one of them, and at most {MAX_WINDOWS} windows."
            )
        least = 1.0 if self.function == "LINEAR" else 0.0  # PS3.3 C.11.2.1.2.1
        for window in self.windows:
            is_wide = window.width >= least if least else window.width > 0
            if not (math.isfinite(window.center) and math.isfinite(window.width) and is_wide):
                raise InvalidInput(
                    f"A window {self.function} of {window.center} and {window.width} is invalid: numbers must be "
                    f"finite, and the width {'at least 1' if least else 'greater than 0'}."
                )
        entries = [len(table.data) for table in self.luts]
        if any(not 1 <= count <= 2**16 for count in entries) or sum(entries) > MAX_LUT_ENTRIES:
            raise InvalidInput(
                f"VOI LUTs of {entries} entries are invalid: each must have 1 to {2**16}, "
                f"and all together at most {MAX_LUT_ENTRIES}."
            )


def grey_look(choices: Sequence[VoiChoice], *, is_inverted: bool) -> GreyLook:
    """Return what an object can recommend of choices, at least one: windows of the first one's function, and tables."""
    windows = [choice for choice in choices if choice.lut is None]
    function = windows[0].function if windows else "LINEAR"
    luts: list[LookupTable] = []
    for choice in choices:
        if choice.lut is not None and sum(len(table.data) for table in (*luts, choice.lut)) <= MAX_LUT_ENTRIES:
            luts.append(choice.lut)
    kept = [VoiWindow(one.center, one.width, one.explanation) for one in windows if one.function == function]
    return GreyLook(tuple(kept[:MAX_WINDOWS]), function, tuple(luts), is_inverted)


def entries_bytes(table: LookupTable) -> bytes:
    """Return the entries of a table as they travel: unsigned, of 16 bits, little endian."""
    return np.array(table.data, "<u2").tobytes()


def table_of(first_mapped: int, bits: int, entries: bytes, explanation: str) -> LookupTable:
    """Return the table of `entries_bytes`; raises InvalidInput where they are not whole."""
    if len(entries) % 2:
        raise InvalidInput(f"A VOI LUT of {len(entries)} bytes is invalid: each entry has 2.")
    return LookupTable(first_mapped, bits, tuple(np.frombuffer(entries, "<u2").tolist()), explanation)
