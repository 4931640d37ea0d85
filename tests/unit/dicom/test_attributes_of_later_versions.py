"""A node that was upgraded first writes fields into the index that an older node does not know."""

from __future__ import annotations

import json
from typing import Any

from webviewer.dicom.attributes import (
    FrameAttributes,
    ImageAttributes,
    LookupTable,
    Notice,
    OverlayPlane,
    Shutter,
    Technique,
    Tiling,
    UltrasoundRegion,
    VoiWindow,
)

TABLE = LookupTable(0, 8, (0, 128, 255), "curve")
IMAGE = ImageAttributes(
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    rows=4,
    columns=4,
    number_of_frames=1,
    samples_per_pixel=1,
    photometric_interpretation="MONOCHROME2",
    bits_allocated=16,
    bits_stored=12,
    high_bit=11,
    pixel_representation=0,
    planar_configuration=0,
    pixel_element="PixelData",
    frames=(
        FrameAttributes(
            windows=(VoiWindow(40.0, 400.0, "SOFT"),),
            shutter=Shutter(rectangle=(1, 2, 3, 4)),
            technique=Technique(convolution_kernel="B30f"),
        ),
    ),
    modality_lut=TABLE,
    voi_luts=(TABLE,),
    palette=(TABLE, TABLE, TABLE),
    overlays=(OverlayPlane(0x6000, 4, 4),),
    ultrasound_regions=(UltrasoundRegion(0, 0, 3, 3, 1, 1, 3, 3, 0.1, 0.1),),
    tiling=Tiling(8, 8),
    notices=(Notice("mosaic_uncut", (3.0,)),),
    volume_refusal=Notice("mosaic_order_unknown", (4.0,)),
)
LATER = ("of_a_later_version", [{"a": 1}])


def with_later_fields(value: Any) -> tuple[Any, int]:
    """Return a JSON value with one more field in each object, and how many objects there are."""
    if isinstance(value, dict):
        changed = {name: with_later_fields(one) for name, one in value.items()}
        return {**{name: one for name, (one, _) in changed.items()}, LATER[0]: LATER[1]}, 1 + sum(
            count for _, count in changed.values()
        )
    if isinstance(value, list):
        pairs = [with_later_fields(one) for one in value]
        return [one for one, _ in pairs], sum(count for _, count in pairs)
    return value, 0


def test_fields_of_a_later_version_are_left_out_of_every_record() -> None:
    later, count = with_later_fields(json.loads(IMAGE.to_json()))
    assert count == 15, "image, frame, window, shutter, technique, five tables, overlay, region, tiling, two notices"
    assert ImageAttributes.from_plain(later) == IMAGE


def test_what_this_version_wrote_comes_back_as_it_was() -> None:
    assert ImageAttributes.from_json(IMAGE.to_json()) == IMAGE
