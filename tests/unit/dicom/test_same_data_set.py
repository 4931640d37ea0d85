"""One object in two encodings is one object; another value is another object. Made with pydicom, dcmtk and by hand."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    RLELossless,
)

from tests.support import shared_data
from tests.support.phantom_files import compress, data_set_bytes, make_ct, make_enhanced_ct, make_rgb, to_bytes
from webviewer.dicom.same_data_set import EncodedDataSet, is_same_data_set

EXPLICIT, IMPLICIT = str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian)
BIG, DEFLATED = str(ExplicitVRBigEndian), str(DeflatedExplicitVRLittleEndian)


def same(one: bytes, other: bytes, syntax: str = EXPLICIT, other_syntax: str = EXPLICIT) -> bool:
    """Compare two bare data sets, both ways."""
    sides = EncodedDataSet(io.BytesIO(one), syntax, 0), EncodedDataSet(io.BytesIO(other), other_syntax, 0)
    answer = is_same_data_set(*sides)
    assert is_same_data_set(*reversed(sides)) is answer
    return answer


def element(tag: int, vr: bytes, value: bytes, order: str = "<") -> bytes:
    """Return an element in Explicit VR."""
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) + vr
    if vr in {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UC", b"UR", b"UT", b"SV", b"UV"}:
        return head + struct.pack(f"{order}HI", 0, len(value)) + value
    return head + struct.pack(f"{order}H", len(value)) + value


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    """Return an element in Implicit VR."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


UNDEFINED = 0xFFFFFFFF
HEAD = element(0x00080016, b"UI", b"1.2.840.10008.5.1.4.1.1.2\0") + element(0x00080018, b"UI", b"1.2.3\0")
IMPLICIT_HEAD = implicit(0x00080016, b"1.2.840.10008.5.1.4.1.1.2\0") + implicit(0x00080018, b"1.2.3\0")
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, number) for number in (0xE000, 0xE00D, 0xE0DD))


def items(*contents: bytes, undefined: bool = False) -> bytes:
    """Return the items of a sequence."""
    if undefined:
        return b"".join(ITEM + b"\xff" * 4 + one + ITEM_END + bytes(4) for one in contents)
    return b"".join(ITEM + struct.pack("<I", len(one)) + one for one in contents)


def sequence(tag: int, *contents: bytes, undefined: bool = False, vr: bytes = b"SQ") -> bytes:
    """Return a sequence in Explicit VR; its items have undefined lengths too if it has."""
    inner = items(*contents, undefined=undefined)
    if not undefined:
        return element(tag, vr, inner)
    return struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr, 0, UNDEFINED) + inner + SEQUENCE_END + bytes(4)


def rich_ct() -> Dataset:
    """Return a CT with values of every kind: texts of many VRs, numbers, words, nested sequences, private elements."""
    ds = make_ct(rows=8, columns=8, SOPInstanceUID="1.2.3.4")
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.ReferencedSOPClassUIDInFile = "1.2.840.10008.5.1.4.1.1.2"
    ds.FrameIncrementPointer = 0x00181063
    ds.add_new(0x00189089, "FD", [1.5, -2.25, 3.125])  # Diffusion Gradient Orientation
    ds.add_new(0x00720072, "FL", [0.5, 0.25])
    ds.add_new(0x00280106, "SS", -1000)
    ds.add_new(0x00281201, "OW", b"\x01\x02\x03\x04")
    inner = Dataset()
    inner.CodeValue = "T-D1100"
    inner.add_new(0x00189087, "FD", 1000.0)
    outer = Dataset()
    outer.ReferencedSOPInstanceUID = "1.2.3"
    outer.PurposeOfReferenceCodeSequence = DicomSequence([inner, Dataset()])
    ds.SourceImageSequence = DicomSequence([outer, outer])
    ds.add_new(0x00091010, "LO", "private")
    ds.private_block(0x0029, "MAKER", create=True).add_new(1, "OB", b"\1\2\3\0")
    return ds


def written(ds: Dataset, syntax: str) -> bytes:
    """Return the bare data set as pydicom writes it in a transfer syntax without compression of pixels."""
    again = dcmread(io.BytesIO(to_bytes(ds)))
    if syntax == DEFLATED:
        packer = zlib.compressobj(9, wbits=-15)
        return packer.compress(written(ds, EXPLICIT)) + packer.flush()
    if syntax == BIG:
        again.PixelData = bytes(memoryview(again.PixelData).cast("H").tobytes())
        words = memoryview(again.PixelData).cast("H")
        again.PixelData = struct.pack(f">{len(words)}H", *words)
        for tag in (0x00281201,):
            again[tag].value = b"\x02\x01\x04\x03"
    buffer = io.BytesIO()
    bare = Dataset()
    bare.update(again)
    dcmwrite(buffer, bare, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG)
    return buffer.getvalue()


@pytest.mark.parametrize("other", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("one", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
def test_an_object_in_another_transfer_syntax_without_compression_is_the_same(one: str, other: str) -> None:
    assert same(written(rich_ct(), one), written(rich_ct(), other), one, other)


CHANGES: list[Callable[[Dataset], object]] = [
    lambda ds: setattr(ds, "PatientID", "PH-2"),
    lambda ds: setattr(ds, "PatientName", "Phantom^Anne"),
    lambda ds: setattr(ds, "SpecificCharacterSet", "ISO_IR 100"),
    lambda ds: setattr(ds, "RescaleIntercept", "-1023"),
    lambda ds: setattr(ds, "SmallestImagePixelValue", -999),
    lambda ds: setattr(ds, "ImageType", ["ORIGINAL", "PRIMARY"]),
    lambda ds: setattr(ds[0x00189089], "value", [1.5, 2.25, 3.125]),
    lambda ds: setattr(ds[0x00291001], "value", b"\1\2\4\0"),
    lambda ds: setattr(ds[0x00091010], "value", "Private"),
    lambda ds: setattr(ds.SourceImageSequence[1].PurposeOfReferenceCodeSequence[0], "CodeValue", "T-D1101"),
    lambda ds: ds.SourceImageSequence[0].PurposeOfReferenceCodeSequence.pop(),
    lambda ds: ds.SourceImageSequence.append(Dataset()),
    lambda ds: delattr(ds, "PatientID"),
    lambda ds: setattr(ds, "PatientComments", ""),
    lambda ds: setattr(ds, "PixelData", ds.PixelData[:-1] + bytes([ds.PixelData[-1] ^ 1])),
    lambda ds: setattr(ds, "PixelData", bytes([ds.PixelData[0] ^ 1]) + ds.PixelData[1:]),
    lambda ds: setattr(ds, "PixelData", ds.PixelData + b"\0\0"),
]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_an_object_with_one_other_value_is_another_object(number: int, syntax: str) -> None:
    changed = rich_ct()
    CHANGES[number](changed)
    assert not same(written(rich_ct(), EXPLICIT), written(changed, syntax), EXPLICIT, syntax)


ROADS = [
    *(
        ["+te", length, groups, padding]
        for length in ("+e", "-e")
        for groups in ("+g", "-g")
        for padding in ("-p", "+p")
    ),
    ["+ti", "+e", "+g", "-p"],
    ["+ti", "-e", "-g", "-p"],
    ["+tb", "+e", "+g", "-p"],
    ["+tb", "-e", "-g", "-p"],
    ["+td", "+e", "-g", "-p"],
    ["+te", "-u", "+e", "-g"],
]


def through_dcmconv(folder: Path, data: bytes, options: list[str]) -> tuple[bytes, str]:
    """Return the bare data set that dcmtk writes, and its transfer syntax."""
    source, target = folder / "source.dcm", folder / "target.dcm"
    source.write_bytes(data)
    padding = [part for option in options for part in ([option, "2048", "128"] if option == "+p" else [option])]
    subprocess.run(["dcmconv", *padding, str(source), str(target)], check=True, capture_output=True)
    whole = target.read_bytes()
    syntax = str(dcmread(target, stop_before_pixels=True, specific_tags=[]).file_meta.TransferSyntaxUID)
    (length,) = struct.unpack_from("<I", whole, 140)
    return whole[144 + length :], syntax


@pytest.mark.parametrize("options", ROADS, ids=" ".join)
def test_an_object_that_went_through_dcmtk_is_the_same(tmp_path: Path, options: list[str]) -> None:
    ds = rich_ct()
    data, syntax = through_dcmconv(tmp_path, to_bytes(ds), options)
    assert same(written(ds, EXPLICIT), data, EXPLICIT, syntax)
    ds.SourceImageSequence[0].ReferencedSOPInstanceUID = "1.2.4"
    assert not same(written(ds, EXPLICIT), data, EXPLICIT, syntax)


@pytest.mark.parametrize("options", [["+te", "-e"], ["+ti", "+e", "-g"], ["+tb", "-e"], ["+td"]], ids=" ".join)
@pytest.mark.parametrize("make", [make_enhanced_ct, make_rgb])
def test_objects_of_other_kinds_go_through_dcmtk_and_are_the_same(
    tmp_path: Path, make: Callable[[], Dataset], options: list[str]
) -> None:
    ds = make()
    data, syntax = through_dcmconv(tmp_path, to_bytes(ds), options)
    assert same(data_set_bytes(ds), data, EXPLICIT, syntax)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(element(0x00100020, b"LO", b"A1"), element(0x00100020, b"LO", b"A1  "), id="spaces"),
        pytest.param(element(0x00100020, b"LO", b"A1"), element(0x00100020, b"LO", b"A1\0\0"), id="NUL after a text"),
        pytest.param(element(0x00100020, b"LO", b"A"), element(0x00100020, b"LO", b"A "), id="an odd length"),
        pytest.param(element(0x00080060, b"CS", b"CT"), element(0x00080060, b"CS", b"CT \0"), id="both pads"),
        pytest.param(
            element(0x0020000D, b"UI", b"1.2.3\0"), element(0x0020000D, b"UI", b"1.2.3 "), id="a UID and a space"
        ),
        pytest.param(
            element(0x00080008, b"CS", b"A\\B\\C "),
            element(0x00080008, b"CS", b"A \\B \\C"),
            id="padding of each value",
        ),
        pytest.param(element(0x00091001, b"OB", b"\1\2\3"), element(0x00091001, b"OB", b"\1\2\3\0"), id="odd bytes"),
        pytest.param(element(0x00091001, b"UN", b"abc"), element(0x00091001, b"UN", b"abc "), id="odd UN"),
        pytest.param(element(0x00091001, b"UN", b"abc "), element(0x00091001, b"LO", b"abc"), id="UN and a known VR"),
        pytest.param(element(0x00280010, b"UN", b"\1\0"), element(0x00280010, b"US", b"\1\0"), id="UN and US"),
        pytest.param(b"", element(0x00080000, b"UL", b"\4\0\0\0"), id="a group length"),
        pytest.param(b"", element(0x00090000, b"UL", b"\4\0\0\0"), id="a private group length"),
        pytest.param(b"", element(0xFFFCFFFC, b"OB", bytes(300)), id="trailing padding"),
        pytest.param(b"", bytes(4096), id="zeros after the data set"),
        pytest.param(b"", bytes(5), id="some zeros after the data set"),
        pytest.param(
            element(0x00100020, b"LO", b"A1") + element(0x00100010, b"PN", b"B^C "),
            element(0x00100010, b"PN", b"B^C") + element(0x00100020, b"LO", b"A1  "),
            id="elements out of order",
        ),
        pytest.param(
            sequence(0x00081140, element(0x00081155, b"UI", b"1.2.3\0") + element(0x00081150, b"UI", b"1.2\0")),
            sequence(
                0x00081140,
                element(0x00081150, b"UI", b"1.2\0") + element(0x00081155, b"UI", b"1.2.3\0"),
                undefined=True,
            ),
            id="elements of an item out of order",
        ),
        pytest.param(sequence(0x00081140), sequence(0x00081140, undefined=True), id="an empty sequence"),
        pytest.param(sequence(0x00081140, b""), sequence(0x00081140, b"", undefined=True), id="an empty item"),
        pytest.param(
            sequence(0x00091010, sequence(0x00091011, element(0x00091012, b"US", b"\1\0"))),
            sequence(
                0x00091010, sequence(0x00091011, element(0x00091012, b"US", b"\1\0"), undefined=True), undefined=True
            ),
            id="a private sequence",
        ),
        pytest.param(
            sequence(0x00091010, element(0x00091012, b"US", b"\1\0")),
            sequence(0x00091010, implicit(0x00091012, b"\1\0"), undefined=True, vr=b"UN"),
            id="a private sequence as UN of undefined length",
        ),
        pytest.param(
            sequence(0x00091010, element(0x00091012, b"US", b"\1\0")),
            sequence(0x00091010, implicit(0x00091012, b"\1\0"), vr=b"UN"),
            id="a private sequence as UN",
        ),
        pytest.param(
            sequence(0x00091010, implicit(0x00091012, b"abc"), vr=b"UN"),
            sequence(0x00091010, implicit(0x00090000, b"\4\0\0\0") + implicit(0x00091012, b"abc "), vr=b"UN"),
            id="a private sequence as UN on both sides",
        ),
        pytest.param(
            element(0x00280106, b"US", b"\1\0"),
            element(0x00280106, b"SS", b"\1\0"),
            id="US or SS after a road without VRs",
        ),
        pytest.param(element(0x7FE00010, b"OB", bytes(8)), element(0x7FE00010, b"OW", bytes(8)), id="OB or OW"),
        pytest.param(
            element(0x0040A160, b"UT", b"x" * 70000), element(0x0040A160, b"UT", b"x" * 70000 + b"  "), id="long"
        ),
    ],
)
def test_what_says_nothing_of_the_contents_makes_no_other_object(one: bytes, other: bytes) -> None:
    assert same(HEAD + one, HEAD + other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(element(0x00100020, b"LO", b"A1"), element(0x00100020, b"LO", b" A1 "), id="a space before"),
        pytest.param(element(0x00100020, b"LO", b"A1"), element(0x00100020, b"LO", b"a1"), id="case"),
        pytest.param(element(0x00100020, b"LO", b""), b"", id="an empty element and none"),
        pytest.param(
            element(0x00204000, b"LT", b"A \\B"), element(0x00204000, b"LT", b"A\\B "), id="a text of one value"
        ),
        pytest.param(element(0x00091001, b"OB", b"\1\2"), element(0x00091001, b"OB", b"\1\2\0\0"), id="two zeros"),
        pytest.param(element(0x00091001, b"OB", b"\1\2\3\4"), element(0x00091001, b"OB", b"\1\2\3"), id="a byte"),
        pytest.param(element(0x00280010, b"US", b"\1\0"), element(0x00280010, b"US", b"\1\0\0\0"), id="two numbers"),
        pytest.param(
            element(0x00091001, b"UL", bytes(4)), element(0x00091001, b"FL", bytes(4)), id="integer and float"
        ),
        pytest.param(element(0x00091001, b"LO", b"AB"), element(0x00091001, b"US", b"AB"), id="text and number"),
        pytest.param(element(0x00091001, b"SQ", b""), element(0x00091001, b"OB", b""), id="sequence and bytes"),
        pytest.param(element(0x00081030, b"LO", b"A "), element(0x0008103E, b"LO", b"A "), id="another element"),
        pytest.param(sequence(0x00081140), sequence(0x00081140, b""), id="no item and an empty one"),
        pytest.param(b"", b"garbage", id="garbage after the data set"),
        pytest.param(
            element(0x0040A160, b"UT", b"x" * 70000), element(0x0040A160, b"UT", b"x" * 70000 + b" y"), id="long"
        ),
        pytest.param(
            element(0x00091010, b"UN", ITEM + b"x" * 9), element(0x00091010, b"UN", ITEM + b"y" * 9), id="no items"
        ),
    ],
)
def test_what_is_a_value_makes_another_object(one: bytes, other: bytes) -> None:
    assert not same(HEAD + one, HEAD + other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            sequence(0x00081140, element(0x00081155, b"UI", b"1.2.3\0")),
            implicit(0x00081140, items(implicit(0x00081155, b"1.2.3\0"))),
            id="a known sequence",
        ),
        pytest.param(
            sequence(0x00091010, element(0x00091012, b"US", b"\1\0")),
            implicit(0x00091010, items(implicit(0x00091012, b"\1\0"))),
            id="a private sequence of defined length",
        ),
        pytest.param(
            sequence(0x00091010, element(0x00091012, b"US", b"\1\0")),
            implicit(
                0x00091010, items(implicit(0x00091012, b"\1\0"), undefined=True) + SEQUENCE_END + bytes(4), UNDEFINED
            ),
            id="a private sequence of undefined length",
        ),
        pytest.param(element(0x00091010, b"LO", b"abc "), implicit(0x00091010, b"abc"), id="a private text"),
        pytest.param(element(0x00091010, b"UN", b"abc "), implicit(0x00091010, b"abc"), id="a private value"),
    ],
)
def test_an_object_that_came_without_vrs_is_the_same(one: bytes, other: bytes) -> None:
    assert same(HEAD + one, IMPLICIT_HEAD + other, EXPLICIT, IMPLICIT)


def fragments(*parts: bytes, table: bytes = b"", end: bool = True) -> bytes:
    """Return encapsulated Pixel Data."""
    inner = items(table, *parts) + (SEQUENCE_END + bytes(4) if end else b"")
    return HEAD + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + inner


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        pytest.param(fragments(b"abcd", b"ef"), True, id="no offset table"),
        pytest.param(fragments(b"abcd", b"ef", end=False), True, id="no delimiter at the end of the file"),
        pytest.param(fragments(b"abcd", b"e\0"), False, id="a byte"),
        pytest.param(fragments(b"abcdef"), False, id="one fragment"),
        pytest.param(fragments(b"abcd"), False, id="a fragment is missing"),
        pytest.param(fragments(b"abcd", b"ef", b"gh"), False, id="a fragment more"),
        pytest.param(fragments(b"abcd", b"ef", table=struct.pack("<II", 0, 16)), False, id="another offset table"),
    ],
)
def test_compressed_pixels_are_compared_fragment_by_fragment(other: bytes, is_same: bool) -> None:
    one = fragments(b"abcd", b"ef", table=struct.pack("<II", 0, 12))
    assert same(one, other, str(JPEGLosslessSV1), str(JPEGLosslessSV1)) is is_same


def test_an_odd_fragment_and_its_padded_copy_are_the_same() -> None:
    assert same(fragments(b"abc"), fragments(b"abc\0"), str(RLELossless), str(RLELossless))


def test_pixels_that_were_compressed_without_loss_are_another_object() -> None:
    ds = rich_ct()
    packed = {
        syntax: data_set_bytes(compress(rich_ct(), syntax)) for syntax in (str(RLELossless), str(JPEGLosslessSV1))
    }
    for syntax, data in packed.items():
        assert not same(data_set_bytes(ds), data, EXPLICIT, syntax)
    (one, first), (other, second) = packed.items()
    assert not same(first, second, one, other)


def nested(depth: int, *, undefined: bool, inmost: bytes = b"") -> bytes:
    """Return sequences in sequences."""
    data = inmost
    for _ in range(depth):
        data = sequence(0x00081140, data, undefined=undefined)
    return data


def test_sequences_are_compared_to_a_depth_of_64() -> None:
    inmost = element(0x00081155, b"UI", b"1.2.3\0")
    assert same(HEAD + nested(64, undefined=True, inmost=inmost), HEAD + nested(64, undefined=False, inmost=inmost))
    assert not same(HEAD + nested(65, undefined=True), HEAD + nested(65, undefined=False))
    assert not same(HEAD + nested(2000, undefined=True), HEAD + nested(2000, undefined=True) + bytes(1))


def counted(one: bytes, other: bytes, syntax: str = EXPLICIT) -> int:
    """Compare data sets and return how many bytes were read of both."""
    read = 0

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal read
            octets = super().read(size)
            read += len(octets)
            return octets

    is_same_data_set(EncodedDataSet(Counted(one), syntax, 0), EncodedDataSet(Counted(other), syntax, 0))
    return read


def test_large_pixels_are_read_once() -> None:
    pixels = element(0x7FE00010, b"OW", bytes(range(256)) * 40_000)
    one, other = HEAD + pixels, HEAD + element(0x00080000, b"UL", bytes(4)) + pixels
    assert same(one, other)
    assert counted(one, other) < 1.1 * (len(one) + len(other))


def test_levels_that_are_out_of_order_again_and_again_cost_a_bounded_number_of_reads() -> None:
    def level(inner: bytes, *, swapped: bool) -> bytes:
        parts = [element(0x00100020, b"LO", b"A1"), sequence(0x00101002, inner, undefined=True)]
        return b"".join(reversed(parts) if swapped else parts)

    one = other = element(0x00280010, b"US", b"\1\0") * 20_000
    for _ in range(60):
        one, other = level(one, swapped=False), level(other, swapped=True)
    assert counted(HEAD + one, HEAD + other) <= 4 * (len(one) + len(other)) + 64 * 1024**2 + 2**18


def test_a_deflated_bomb_is_another_object() -> None:
    packer = zlib.compressobj(9, wbits=-15)
    zeros = b"\0" * 2**20
    bomb = packer.compress(HEAD + element(0x00091001, b"UN", b"")[:8] + struct.pack("<I", 0xFFFFFFF0))
    bomb += b"".join(packer.compress(zeros) for _ in range(1100)) + packer.flush()
    assert not is_same_data_set(
        EncodedDataSet(io.BytesIO(bomb), DEFLATED, 0), EncodedDataSet(io.BytesIO(bomb), DEFLATED, 0)
    )


def test_damaged_data_sets_are_never_the_same_as_whole_ones_and_break_nothing() -> None:
    chance = random.Random(20240703)
    whole = written(rich_ct(), EXPLICIT)
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.5:
            del damaged[chance.randrange(len(damaged)) :]
        same(whole, bytes(damaged), EXPLICIT, chance.choice((EXPLICIT, IMPLICIT, BIG)))


@pytest.mark.parametrize("path", shared_data.files_under("transfer_syntaxes")[::3], ids=lambda path: path.stem)
def test_real_files_are_the_same_as_themselves_with_other_lengths(tmp_path: Path, path: Path) -> None:
    whole = path.read_bytes()
    if whole[128:132] != b"DICM":
        return
    (length,) = struct.unpack_from("<I", whole, 140)
    start = 144 + length
    syntax = str(dcmread(path, stop_before_pixels=True, specific_tags=[]).file_meta.TransferSyntaxUID)
    for lengths in ("+e", "-e"):
        target = tmp_path / "target.dcm"
        ended = subprocess.run(["dcmconv", lengths, "+g", str(path), str(target)], check=False, capture_output=True)
        if ended.returncode:
            continue  # dcmtk does not read it
        other = target.read_bytes()
        (length,) = struct.unpack_from("<I", other, 140)
        assert is_same_data_set(
            EncodedDataSet(io.BytesIO(whole), syntax, start), EncodedDataSet(io.BytesIO(other), syntax, 144 + length)
        )
