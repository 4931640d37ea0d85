"""A header that is read before the object has wholly come says what it says afterwards, or nothing."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from tests.support import shared_data
from tests.support.phantom_files import compress, data_set_bytes, make_ct
from webviewer.core.errors import WebviewerError
from webviewer.dicom.header import read_header_from_data_set
from webviewer.usecases.receive_instance import Announced, header_of_beginning

CT = "1.2.840.10008.5.1.4.1.1.2"
CUTS = (0, 1, 7, 8, 100, 131, 500, 1000, 1500, 4096, 32768)
SYNTAXES = [path for path in shared_data.files_under("transfer_syntaxes") if path.suffix == ".dcm"]


def test_the_header_of_a_native_object_is_read_from_its_beginning() -> None:
    data = data_set_bytes(make_ct(rows=64, columns=64, SOPInstanceUID="1.2.3"))
    meta = b"\0" * 300
    announced = Announced(CT, "1.2.3", str(ExplicitVRLittleEndian), len(meta))
    whole = read_header_from_data_set(
        io.BytesIO(meta + data), announced.transfer_syntax_uid, data_set_offset_bytes=len(meta)
    )
    assert header_of_beginning((meta + data)[:4096], announced) == whole
    start = whole.pixel_data_offset_bytes
    assert start is not None
    assert header_of_beginning((meta + data)[:start], announced) == whole
    assert header_of_beginning((meta + data)[: start - 5], announced) is None


def test_what_hangs_on_the_size_waits_for_the_end() -> None:
    data = data_set_bytes(compress(make_ct(rows=64, columns=64, SOPInstanceUID="1.2.3"), str(RLELossless)))
    assert header_of_beginning(data, Announced(CT, "1.2.3", str(RLELossless), 0)) is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian], ids=lambda syntax: syntax.name)
def test_wherever_an_object_is_cut_its_beginning_tells_the_truth_or_nothing(syntax: UID) -> None:
    made = make_ct(rows=16, columns=16, SOPInstanceUID="1.2.3")
    made.file_meta.TransferSyntaxUID = syntax
    data = data_set_bytes(made)
    whole = read_header_from_data_set(io.BytesIO(data), syntax)
    found = [header_of_beginning(data[:cut], Announced(CT, "1.2.3", syntax, 0)) for cut in range(len(data))]
    assert {header for header in found if header is not None} == {whole}


@pytest.mark.parametrize("path", SYNTAXES, ids=lambda path: path.stem)
def test_beginnings_of_the_shared_data_tell_the_truth_or_nothing(path: Path) -> None:
    octets = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = dcmread(path, force=True)
    offset = 144 + data_set.file_meta.FileMetaInformationGroupLength if octets[128:132] == b"DICM" else 0
    announced = Announced("", "", str(data_set.file_meta.TransferSyntaxUID), offset)
    try:
        whole = read_header_from_data_set(
            io.BytesIO(octets), announced.transfer_syntax_uid, data_set_offset_bytes=offset
        )
    except WebviewerError:
        whole = None
    for cut in CUTS:
        early = header_of_beginning(octets[: offset + cut], announced)
        assert early is None or early == whole
