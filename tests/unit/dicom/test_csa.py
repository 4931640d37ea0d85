"""The private header of Siemens: both forms, and everything that a broken or hostile one may hold."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from tests.support.mosaic_files import csa1, csa2
from webviewer.dicom.csa import MAX_TAGS, csa_number, csa_numbers, read_csa

TAGS = {
    "EchoLinePosition": ("IS", ["64"]),
    "Empty": ("LO", []),
    "AcquisitionMatrixText": ("SH", ["64p*64"]),
    "SliceNormalVector": ("FD", ["-0.01745241", "0.06975647", "0.99741130"]),
    "NumberOfImagesInMosaic": ("US", ["      36"]),
}
FORMS = pytest.mark.parametrize("form", [csa1, csa2])


@FORMS
def test_values_are_read_by_name(form: Any) -> None:
    values = read_csa(form(TAGS))
    assert list(values) == list(TAGS)
    assert values["AcquisitionMatrixText"] == ("64p*64",)
    assert values["Empty"] == ()
    assert csa_number(values, "NumberOfImagesInMosaic") == 36.0
    assert csa_numbers(values, "SliceNormalVector") == (-0.01745241, 0.06975647, 0.9974113)


def test_what_is_no_number_is_none() -> None:
    values = {"several": ("1", "2"), "text": ("1", "x"), "endless": ("inf",), "nothing": ()}
    assert csa_number(values, "several") is None
    assert csa_numbers(values, "several") == (1.0, 2.0)
    assert [csa_numbers(values, name) for name in ("text", "endless", "nothing", "missing")] == [None] * 4


@FORMS
def test_a_header_that_is_cut_anywhere_has_the_tags_before_the_cut(form: Any) -> None:
    whole = form(TAGS)
    expected = read_csa(whole)
    for length in range(len(whole)):
        found = read_csa(whole[:length])
        names = list(found)
        assert names == list(TAGS)[: len(names)]
        for name in names[:-1]:
            assert found[name] == expected[name]
    # Behind the last value only spare items follow, which nothing needs.
    assert read_csa(whole[: len(whole) // 2]).keys() < expected.keys()


@FORMS
def test_no_single_broken_octet_raises(form: Any) -> None:
    whole = form(TAGS)
    random = np.random.default_rng(5)
    for place in range(len(whole)):
        broken = bytearray(whole)
        broken[place] = int(random.integers(256))
        read_csa(bytes(broken))


@pytest.mark.parametrize("count", [0, MAX_TAGS + 1, 2**32 - 1])
def test_a_count_of_tags_that_cannot_be_true_gives_nothing(count: int) -> None:
    whole = bytearray(csa2(TAGS))
    whole[8:12] = struct.pack("<I", count)
    assert read_csa(bytes(whole)) == {}


@pytest.mark.parametrize("items", [-1, 2**31 - 1, 10_001])
def test_a_count_of_items_that_cannot_be_true_ends_the_reading(items: int) -> None:
    whole = bytearray(csa2(TAGS))
    whole[16 + 76 : 16 + 80] = struct.pack("<i", items)
    assert read_csa(bytes(whole)) == {}


@pytest.mark.parametrize("length", [-1, -(2**31), 2**31 - 1])
def test_a_length_that_leads_out_of_the_header_ends_the_reading(length: int) -> None:
    whole = bytearray(csa2(TAGS))
    whole[16 + 84 + 4 : 16 + 84 + 8] = struct.pack("<i", length)
    assert read_csa(bytes(whole)) == {}


@pytest.mark.parametrize("octets", [b"", b"SV10", b"SV10\4\3\2\1", b"\1\0\0\0", b"\0" * 4096, b"\xff" * 4096])
def test_what_is_no_header_has_no_values(octets: bytes) -> None:
    assert read_csa(octets) == {}


def test_random_octets_raise_nothing_and_end() -> None:
    random = np.random.default_rng(6)
    for _ in range(300):
        octets = random.integers(0, 256, 4096, np.uint8).tobytes()
        read_csa(b"SV10" + octets)
        read_csa(struct.pack("<I", int(random.integers(1, 1000))) + octets)
