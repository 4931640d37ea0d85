"""How images were acquired and reconstructed, as headers of single- and multi-frame objects state it."""

from __future__ import annotations

import io
import warnings
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tests.support.phantom_files import make_ct, make_enhanced_ct, to_bytes
from tests.support.stored_image import image_attributes
from webviewer.dicom.attributes import ImageAttributes, Technique
from webviewer.dicom.header import read_header


def read(ds: Dataset) -> ImageAttributes:
    found = image_attributes(read_header(io.BytesIO(to_bytes(ds))))
    assert found is not None
    assert ImageAttributes.from_json(found.to_json()) == found
    return found


def damaged(**elements: Any) -> Dataset:
    """Return a CT slice with values that pydicom warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_ct(**elements)


def item(**elements: Any) -> DicomSequence:
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return DicomSequence([ds])


def test_a_ct_slice_states_its_technique() -> None:
    ds = make_ct(
        instance_number=17,
        ConvolutionKernel=["I31f", "3"],
        ContrastBolusAgent="Iohexol",
        AcquisitionTime="101112.25",
        FlipAngle="15",
        InversionTime="150",
        EchoNumbers="2",
    )
    image = read(ds)
    assert (image.instance_number, image.acquisition_time_s) == (17, 36672.25)
    assert image.frame(1).technique == Technique("I31f\\3", 120.0, 2, 150.0, 15.0, None, None, "Iohexol")


def test_values_that_cannot_be_true_are_left_out() -> None:
    ds = damaged(
        ConvolutionKernel="K" * 16, FlipAngle="-3", EchoNumbers="-1", InversionTime="0", AcquisitionTime="250000"
    )
    ds.KVP = "0"
    image = read(ds)
    assert image.frame(1).technique == Technique("K" * 16)
    assert image.acquisition_time_s is None


@pytest.mark.parametrize(
    ("time", "seconds"),
    [("10", 36000.0), ("1011", 36660.0), ("10:11:12", 36672.0), ("101112.5", 36672.5), ("10111", None), ("noon", None)],
)
def test_times_of_every_length_are_read(time: str, seconds: float | None) -> None:
    assert read(damaged(AcquisitionTime=time)).acquisition_time_s == seconds


def test_frames_of_an_enhanced_object_state_theirs() -> None:
    ds = make_enhanced_ct(4)
    shared = ds.SharedFunctionalGroupsSequence[0]
    shared.CTXRayDetailsSequence = item(KVP="140")
    for number, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        group.CTReconstructionSequence = item(ConvolutionKernel="SOFT" if number % 2 else "BONE")
        group.CardiacSynchronizationSequence = item(NominalPercentageOfCardiacPhase=75.0)
    assert [frame.technique for frame in read(ds).frames] == [
        Technique("BONE", 140.0, cardiac_phase_percent=75.0),
        Technique("SOFT", 140.0, cardiac_phase_percent=75.0),
    ] * 2


def test_a_gradient_is_read_from_its_sequence_as_a_unit_vector() -> None:
    ds = make_enhanced_ct(2)
    for number, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        diffusion = item(
            DiffusionBValue=800.0,
            DiffusionGradientDirectionSequence=item(DiffusionGradientOrientation=[0.0, 0.61, 0.81 * (-1) ** number]),
        )
        group.MRDiffusionSequence = diffusion
        group.MRTimingAndRelatedParametersSequence = item(FlipAngle="90")
        group.MRModifierSequence = item(InversionTimes=[210.0])
    first, second = (frame.technique for frame in read(ds).frames)
    assert first.gradient_orientation == (0.0, 0.602, 0.799)
    assert second.gradient_orientation == (0.0, 0.602, -0.799)
    assert (first.flip_angle_degrees, first.inversion_time_ms) == (90.0, 210.0)


PRIVATE: dict[str, tuple[int, str, int, str, Any, float | None]] = {
    "Siemens": (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "800", 800.0),
    "GE": (0x0043, "GEMS_PARM_01", 0x39, "IS", [1000000800, 8, 0, 0], 800.0),
    "GE, plain": (0x0043, "GEMS_PARM_01", 0x39, "IS", [50, 8, 0, 0], 50.0),
    "GE, no b-value": (0x0043, "GEMS_PARM_01", 0x39, "IS", [-1, 8, 0, 0], None),
    "Philips": (0x2001, "Philips Imaging DD 001", 0x03, "FL", 800.0, 800.0),
    "another creator": (0x0019, "SOMEBODY ELSE", 0x0C, "IS", "800", None),
    "a creator with a longer name": (0x0019, "SIEMENS MR HEADER OF ANOTHER", 0x0C, "IS", "800", None),
    "no b-value": (0x0019, "SIEMENS MR HEADER", 0x0C, "IS", "-1", None),
}


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_private_b_values_of_known_makers_are_read(name: str, syntax: UID) -> None:
    group, creator, element, vr, value, expected = PRIVATE[name]
    ds = make_ct(transfer_syntax_uid=syntax)
    ds.private_block(group, creator, create=True).add_new(element, vr, value)
    assert read(ds).frame(1).b_value == expected


def test_the_standard_b_value_goes_before_a_private_one() -> None:
    ds = make_ct(DiffusionBValue=1000.0)
    ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", "800")
    assert read(ds).frame(1).b_value == 1000.0
