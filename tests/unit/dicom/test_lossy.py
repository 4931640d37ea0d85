"""What a header says of lossy compression, also where senders leave half of it out."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.support.phantom_files import compress, make_ct, make_rgb, to_bytes
from tests.support.stored_image import read_image
from webviewer.dicom.attributes import ImageAttributes


def attributes(syntax: str = "", **elements: Any) -> ImageAttributes:
    ds = make_rgb() if syntax else make_ct()
    if syntax:
        compress(ds, syntax)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    image = read_image(io.BytesIO(to_bytes(ds)))
    assert image is not None
    return ImageAttributes.from_json(image.attributes.to_json())


@pytest.mark.parametrize(
    ("elements", "lossy", "ratios"),
    [
        ({}, False, ()),
        ({"LossyImageCompression": "00"}, False, ()),
        ({"LossyImageCompression": ""}, False, ()),
        ({"LossyImageCompression": "01"}, True, ()),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": "12.5"}, True, (12.5,)),
        ({"LossyImageCompression": "01", "LossyImageCompressionRatio": ["10", "4"]}, True, (10.0, 4.0)),
        ({"LossyImageCompression": "YES"}, True, ()),
        # An anonymiser took the flag and left the rest.
        ({"LossyImageCompressionMethod": "ISO_10918_1"}, True, ()),
        ({"LossyImageCompressionRatio": "12.5"}, True, (12.5,)),
        # Numbers that are no ratio of a lossy compression.
        ({"LossyImageCompressionRatio": "1"}, False, ()),
        ({"LossyImageCompressionRatio": "0.084906", "LossyImageCompression": "01"}, True, ()),
        ({"LossyImageCompressionRatio": "1e12", "LossyImageCompression": "01"}, True, ()),
        # A writer that decompressed the image reset the flag and left the rest.
        ({"LossyImageCompression": "00", "LossyImageCompressionMethod": "ISO_10918_1"}, True, ()),
        ({"LossyImageCompression": "00", "LossyImageCompressionRatio": "20"}, True, (20.0,)),
        ({"LossyImageCompression": "00", "LossyImageCompressionRatio": "1"}, False, ()),
    ],
)
def test_a_header_says_whether_an_image_lost_anything(
    elements: dict[str, Any], lossy: bool, ratios: tuple[float, ...]
) -> None:
    found = attributes(**elements)
    assert (found.lossy, found.lossy_ratios) == (lossy, ratios)


def test_a_dct_is_lossy_whatever_the_flag_says() -> None:
    assert attributes("1.2.840.10008.1.2.4.50", LossyImageCompression="00").lossy
    assert not attributes("1.2.840.10008.1.2.4.80").lossy


def test_of_many_ratios_the_first_four_are_kept() -> None:
    found = attributes(LossyImageCompression="01", LossyImageCompressionRatio=["2", "3", "4", "5", "6"])
    assert found.lossy_ratios == (2.0, 3.0, 4.0, 5.0)
