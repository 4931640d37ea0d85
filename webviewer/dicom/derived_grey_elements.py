"""The elements of a DICOM object that say how its grey values are shown.

Apart from `derived_grey`: the render node has looks without data sets, and goes without pydicom's memory.

References
----------
PS3.3 C.11.2 (VOI LUT), C.7.6.3.1.2 (Photometric Interpretation).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from webviewer.dicom.attributes import LookupTable
from webviewer.dicom.derived_grey import GreyLook

_TOP_STORED: Final = 0xFFFF


def set_grey(made: Dataset, look: GreyLook) -> None:
    """Write a look into an object that has its pixels' elements."""
    if look.is_inverted:
        made.PhotometricInterpretation = "MONOCHROME1"
    if look.windows:
        made.WindowCenter = [format_number_as_ds(float(window.center)) for window in look.windows]
        made.WindowWidth = [format_number_as_ds(float(window.width)) for window in look.windows]
        if any(window.explanation for window in look.windows):
            made.WindowCenterWidthExplanation = [_words(window.explanation) for window in look.windows]
        if look.function != "LINEAR":
            made.VOILUTFunction = look.function
    if look.luts:
        made.VOILUTSequence = [_lut_item(table) for table in look.luts]


def _lut_item(table: LookupTable) -> Dataset:
    item = Dataset()
    entries = len(table.data) % 2**16  # 0 stands for all 65,536
    # Of an image it may have 8 or 16 bits and no others (PS3.3 C.11.2.1.1).
    values = np.rint(np.array(table.data, np.float64) * (_TOP_STORED / (2**table.bits - 1)))
    item.add_new("LUTDescriptor", "SS" if table.first_mapped < 0 else "US", [entries, table.first_mapped, 16])
    if table.explanation:
        item.LUTExplanation = _words(table.explanation)
    item.add_new("LUTData", "OW", np.clip(values, 0, _TOP_STORED).astype("<u2").tobytes())
    return item


def _words(text: str) -> str:
    return text.replace("\\", "/")[:64]
