"""Image attributes of a data set. A header that lies never raises here: it falls back as the standard says, or refuses.

References
----------
PS3.3 C.7.6.3 (image pixel), C.7.6.2 (plane), C.7.6.16 (functional groups), C.8.5.5 (ultrasound regions), C.11 (LUTs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from webviewer.dicom import elements as tags
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, LookupTable, UltrasoundRegion
from webviewer.dicom.dataset import DataSet, ValueSpan
from webviewer.dicom.dates import seconds_of_day
from webviewer.dicom.frames import pair_mm, read_frames
from webviewer.dicom.mosaic import unfolded
from webviewer.dicom.nuclear import with_nuclear_slices
from webviewer.dicom.overlay import read_overlays
from webviewer.dicom.pixel_module import PixelModule, read_pixel_module, refusal_of_size, sampled_photometric
from webviewer.dicom.slice_location import located
from webviewer.dicom.tables import lookup_tables, modality_table, palette_tables
from webviewer.dicom.transfer_syntaxes import EXPLICIT_VR_BIG_ENDIAN, LOSSY, NATIVE, describe_unsupported

MAX_REGIONS = 64
MAX_RATIOS = 4  # lossy compressions of one image, one after the other
_LEAST_SLOPE, _MOST_SLOPE = 1e-12, 1e9  # beyond, values are none that are measured in any unit
_TISSUE, _CENTIMETRES = 1, 3
_AXIS_OF_LETTER = {"L": "x", "R": "x", "A": "y", "P": "y", "H": "z", "F": "z"}


def extract_image_attributes(
    ds: DataSet,
    *,
    transfer_syntax_uid: str,
    pixel_element: str | None,
    pixel_vr: str = "",
    available_bytes: int | None = None,
    overlay_data: Mapping[int, ValueSpan] | None = None,
) -> ImageAttributes | None:
    """Return what turning the pixels into a picture needs; None for an object without pixels.

    Parameters
    ----------
    ds
        The kept elements of the header.
    transfer_syntax_uid
        Of the data set.
    pixel_element
        ``"PixelData"``, ``"FloatPixelData"``, ``"DoubleFloatPixelData"``; None if the data set has none of them. An
        object that describes an image but has none of them is kept, with a refusal.
    pixel_vr
        VR of the pixel element as encoded.
    available_bytes
        How many bytes of pixels there can be, None if that is not known.
    overlay_data
        Places of Overlay Data by tag, from the start of the data set; None = there are none.
    """
    if pixel_element is None and not (tags.ROWS in ds and tags.COLUMNS in ds and tags.BITS_ALLOCATED in ds):
        return None
    element = pixel_element or "PixelData"
    pixel = read_pixel_module(ds, element)
    size_refusal = refusal_of_size(pixel, available_bytes, is_native=transfer_syntax_uid in NATIVE)
    if transfer_syntax_uid in NATIVE and available_bytes is not None:
        pixel = replace(pixel, photometric_interpretation=sampled_photometric(pixel, available_bytes))
    if size_refusal or pixel.refusal or pixel_element is None:
        pixel = replace(pixel, number_of_frames=1)  # one place in the series to say it; never a list as long as a lie
    frames = read_frames(ds, pixel.number_of_frames)
    palette = palette_tables(ds) if pixel.photometric_interpretation == "PALETTE COLOR" else None
    modality_lut = modality_table(ds, is_signed=pixel.pixel_representation == 1)
    refusal = (
        ("This image has no pixel data." if pixel_element is None else "")
        or describe_unsupported(transfer_syntax_uid)
        or pixel.refusal
        or size_refusal
        or _refusal_of_values(pixel, frames, modality_lut, palette)
    )
    regions = _ultrasound_regions(ds)
    frames, source = _with_spacing(ds, frames, regions)
    is_signed = pixel.pixel_representation == 1
    image = ImageAttributes(
        transfer_syntax_uid=transfer_syntax_uid,
        rows=pixel.rows,
        columns=pixel.columns,
        number_of_frames=pixel.number_of_frames,
        samples_per_pixel=pixel.samples_per_pixel,
        photometric_interpretation=pixel.photometric_interpretation,
        bits_allocated=pixel.bits_allocated,
        bits_stored=pixel.bits_stored,
        high_bit=pixel.high_bit,
        pixel_representation=pixel.pixel_representation,
        planar_configuration=pixel.planar_configuration,
        pixel_element=element,
        frames=frames,
        modality=ds.code(tags.MODALITY)[:16],
        pixel_padding_value=_pixel_value(ds, tags.PIXEL_PADDING_VALUE, pixel),
        pixel_padding_range_limit=_pixel_value(ds, tags.PIXEL_PADDING_RANGE_LIMIT, pixel),
        float_padding_value=_float_value(
            ds, element, tags.FLOAT_PIXEL_PADDING_VALUE, tags.DOUBLE_FLOAT_PIXEL_PADDING_VALUE
        ),
        float_padding_range_limit=_float_value(
            ds, element, tags.FLOAT_PIXEL_PADDING_RANGE_LIMIT, tags.DOUBLE_FLOAT_PIXEL_PADDING_RANGE_LIMIT
        ),
        pixel_aspect_ratio=_aspect_ratio(ds),
        imager_pixel_spacing=pair_mm(ds, tags.IMAGER_PIXEL_SPACING),
        spacing_source=source,
        pixel_spacing_calibration_type=ds.code(tags.PIXEL_SPACING_CALIBRATION_TYPE).upper()[:16],
        estimated_magnification=_magnification(ds),
        units=ds.code(tags.UNITS).upper()[:16],
        modality_lut=modality_lut,
        voi_luts=_voi_luts(ds, is_signed=is_signed or any(frame.rescale_intercept < 0 for frame in frames)),
        palette=palette,
        presentation_lut_shape=ds.code(tags.PRESENTATION_LUT_SHAPE).upper()[:16],
        lossy=transfer_syntax_uid in LOSSY or _says_lossy(ds),
        lossy_ratios=_lossy_ratios(ds),
        burned_in_annotation=ds.code(tags.BURNED_IN_ANNOTATION).upper()[:16],
        frame_time_ms=_frame_time_ms(ds),
        frame_of_reference_uid=ds.code(tags.FRAME_OF_REFERENCE_UID)[:64],
        patient_position=ds.code(tags.PATIENT_POSITION)[:16],
        patient_orientation=_patient_orientation(ds),
        smallest_value=_pixel_value(ds, tags.SMALLEST_PIXEL_VALUE, pixel),
        largest_value=_pixel_value(ds, tags.LARGEST_PIXEL_VALUE, pixel),
        is_byte_swapped=transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
        and pixel_vr == "OW"
        and pixel.bits_allocated <= 8,
        ultrasound_regions=regions,
        instance_number=ds.integer(tags.INSTANCE_NUMBER),
        acquisition_number=ds.integer(tags.ACQUISITION_NUMBER),
        acquisition_time_s=seconds_of_day(ds, tags.ACQUISITION_TIME),
        trigger_time_ms=ds.number(tags.TRIGGER_TIME),
        scanning_sequence="\\".join(ds.texts(tags.SCANNING_SEQUENCE))[:32],
        is_angiography=_is_angiography(ds, frames),
        overlays=read_overlays(ds, overlay_data or {}, pixel, transfer_syntax_uid),
        refusal=refusal,
        lacks_pixels=pixel_element is None or size_refusal != "",
    )
    return located(unfolded(with_nuclear_slices(image, ds), ds), ds)


def _refusal_of_values(
    pixel: PixelModule,
    frames: tuple[FrameAttributes, ...],
    modality_lut: LookupTable | None,
    palette: tuple[LookupTable, LookupTable, LookupTable] | None,
) -> str:
    if pixel.photometric_interpretation == "PALETTE COLOR" and palette is None:
        return "The color palette of this image is missing or damaged."
    if modality_lut is not None:
        return ""
    if any(frame.rescale_slope == 0 for frame in frames):
        return "The header of this image cannot be true: Rescale Slope (0028,1053) is 0 or no number, so all is lost."
    beyond = [one.rescale_slope for one in frames if not _LEAST_SLOPE <= abs(one.rescale_slope) <= _MOST_SLOPE]
    if beyond:
        return (
            f"The header of this image cannot be true: Rescale Slope (0028,1053) is {beyond[0]:.3g}, "
            f"and slopes are from {_LEAST_SLOPE:g} to {_MOST_SLOPE:g}."
        )
    return ""


def _is_angiography(ds: DataSet, frames: tuple[FrameAttributes, ...]) -> bool:
    """Tell whether an object says that it shows vessels: what has no flag of it may still be named so."""
    flags = (tags.ANGIO_FLAG, tags.TIME_OF_FLIGHT_CONTRAST, tags.PHASE_CONTRAST)
    if any(ds.code(flag).upper() in {"Y", "YES"} for flag in flags):
        return True
    return any(kind in {"ANGIO", "TOF"} for frame in frames[:1] for kind in frame.image_type)


def _says_lossy(ds: DataSet) -> bool:
    """Tell whether the header says that the image ever was compressed with loss (PS3.3 C.7.6.1.1.5).

    A method or a ratio proves it even where Lossy Image Compression is gone, or says never: a writer that decompresses
    an image often resets the flag only.
    """
    if ds.code(tags.LOSSY_IMAGE_COMPRESSION).upper() in {"01", "1", "Y", "YES"}:
        return True
    return any(code.strip() for code in ds.texts(tags.LOSSY_IMAGE_COMPRESSION_METHOD)) or bool(_lossy_ratios(ds))


def _lossy_ratios(ds: DataSet) -> tuple[float, ...]:
    """Return compression ratios that can be true: above 1 and at most 100,000, the earliest first."""
    found = ds.numbers(tags.LOSSY_IMAGE_COMPRESSION_RATIO) or []
    return tuple(ratio for ratio in found if 1.0 < ratio <= 1e5)[:MAX_RATIOS]


def _pixel_value(ds: DataSet, tag: int, pixel: PixelModule) -> int | None:
    """Return a stored value (US or SS) as Pixel Representation reads it, whatever VR the writer chose."""
    found = ds.integer(tag)
    if found is None or pixel.bits_allocated not in {8, 16, 32}:
        return found
    span = 1 << pixel.bits_allocated
    if pixel.pixel_representation == 1:
        return found - span if span // 2 <= found < span else found
    return found + span if -span <= found < 0 else found


def _float_value(ds: DataSet, pixel_element: str, single_tag: int, double_tag: int) -> float | None:
    """Return a value of floating point pixels, of the element whose type the pixels have (PS3.3 C.7.6.3)."""
    if pixel_element == "PixelData":
        return None
    return ds.number(single_tag if pixel_element == "FloatPixelData" else double_tag)


def _voi_luts(ds: DataSet, *, is_signed: bool) -> tuple[LookupTable, ...]:
    found = lookup_tables(ds, tags.VOI_LUT, is_signed=is_signed)
    if found:
        return found
    for group in ds.items(tags.SHARED_FUNCTIONAL_GROUPS)[:1]:
        for item in group.items(tags.FRAME_VOI_LUT)[:1]:
            return lookup_tables(item, tags.VOI_LUT, is_signed=is_signed)
    return ()


def _aspect_ratio(ds: DataSet) -> tuple[int, int] | None:
    numbers = ds.numbers(tags.PIXEL_ASPECT_RATIO)
    if numbers is None or len(numbers) < 2:
        return None
    vertical, horizontal = int(numbers[0]), int(numbers[1])
    # Beyond 100:1 nobody can see a picture: it is a lie, and would make a canvas of any size.
    sound = 0 < vertical < 2**31 and 0 < horizontal < 2**31 and 0.01 <= vertical / horizontal <= 100
    return (vertical, horizontal) if sound else None


def _magnification(ds: DataSet) -> float | None:
    factor = ds.number(tags.ESTIMATED_RADIOGRAPHIC_MAGNIFICATION)
    # Nothing lies behind the detector, and nobody images a thing at a hundred times its size.
    return factor if factor is not None and 1.0 <= factor <= 100.0 else None


def _patient_orientation(ds: DataSet) -> tuple[str, str] | None:
    """Return where rows and columns point to, None unless both are letters of a biped that can be true together.

    An animal's codes use some of the same letters for other directions (PS3.3 C.7.6.1.1.1), so they are left out.
    """
    if ds.code(tags.ANATOMICAL_ORIENTATION_TYPE).upper() == "QUADRUPED":
        return None
    found = ds.texts(tags.PATIENT_ORIENTATION)
    if len(found) != 2:
        return None
    along_row, along_column = (text.strip().upper() for text in found)
    axes = [_axes_of(along_row), _axes_of(along_column)]
    return None if None in axes or (axes[0] == axes[1] and len(axes[0] or "") == 1) else (along_row, along_column)


def _axes_of(letters: str) -> str | None:
    """Return the axes of one direction in the order of its letters; None if it is none, or names an axis twice."""
    axes = "".join(_AXIS_OF_LETTER.get(letter, "?") for letter in letters)
    return axes if axes and "?" not in axes and len(set(axes)) == len(axes) else None


def _frame_time_ms(ds: DataSet) -> float | None:
    time = ds.number(tags.FRAME_TIME)
    if time is None or time <= 0:
        vector = ds.numbers(tags.FRAME_TIME_VECTOR)
        steps = sorted(v for v in (vector or [])[1:] if v > 0)
        time = steps[len(steps) // 2] if steps else None
    if time is None:
        rate = ds.number(tags.CINE_RATE)
        time = 1000.0 / rate if rate is not None and rate > 0 else None
    return time if time is not None and 0.01 < time < 1e6 else None


def _with_spacing(
    ds: DataSet, frames: tuple[FrameAttributes, ...], regions: tuple[UltrasoundRegion, ...]
) -> tuple[tuple[FrameAttributes, ...], str]:
    """Return frames with the best spacing there is, and where it is from.

    Pixel Spacing that merely repeats Imager Pixel Spacing is a length on the detector (PS3.3 10.7.1.1).
    """
    on_detector = pair_mm(ds, tags.IMAGER_PIXEL_SPACING)
    if any(frame.pixel_spacing is not None for frame in frames):
        is_calibrated = bool(ds.code(tags.PIXEL_SPACING_CALIBRATION_TYPE))
        if on_detector is not None and not is_calibrated and all(f.pixel_spacing == on_detector for f in frames):
            return frames, "ImagerPixelSpacing"
        return frames, "PixelSpacing"
    for source, spacing in (
        ("ImagerPixelSpacing", on_detector),
        ("NominalScannedPixelSpacing", pair_mm(ds, tags.NOMINAL_SCANNED_PIXEL_SPACING)),
        ("Ultrasound", _ultrasound_spacing(regions)),
    ):
        if spacing is not None:
            return tuple(replace(frame, pixel_spacing=spacing) for frame in frames), source
    return frames, ""


def _ultrasound_spacing(regions: tuple[UltrasoundRegion, ...]) -> tuple[float, float] | None:
    """Return mm between rows and columns if all tissue regions agree; one spacing cannot stand for several scales."""
    found = {
        (round(abs(region.delta_y) * 10, 9), round(abs(region.delta_x) * 10, 9))
        for region in regions
        if region.spatial_format == _TISSUE and region.units_x == _CENTIMETRES and region.units_y == _CENTIMETRES
    }
    if len(found) != 1:
        return None
    spacing = found.pop()
    return spacing if all(1e-6 < v < 1e6 for v in spacing) else None


def _ultrasound_regions(ds: DataSet) -> tuple[UltrasoundRegion, ...]:
    found = []
    for item in ds.items(tags.ULTRASOUND_REGIONS)[:MAX_REGIONS]:
        corners = [
            item.integer(tag)
            for tag in (tags.REGION_MIN_X0, tags.REGION_MIN_Y0, tags.REGION_MAX_X1, tags.REGION_MAX_Y1)
        ]
        min_x, min_y, max_x, max_y = corners
        if min_x is None or min_y is None or max_x is None or max_y is None:
            continue
        found.append(
            UltrasoundRegion(
                min_x0=min_x,
                min_y0=min_y,
                max_x1=max_x,
                max_y1=max_y,
                spatial_format=item.integer(tags.REGION_SPATIAL_FORMAT) or 0,
                data_type=item.integer(tags.REGION_DATA_TYPE) or 0,
                units_x=item.integer(tags.REGION_UNITS_X) or 0,
                units_y=item.integer(tags.REGION_UNITS_Y) or 0,
                delta_x=item.number(tags.REGION_DELTA_X) or 0.0,
                delta_y=item.number(tags.REGION_DELTA_Y) or 0.0,
                reference_x0=item.integer(tags.REGION_REFERENCE_X0),
                reference_y0=item.integer(tags.REGION_REFERENCE_Y0),
                reference_value_x=item.number(tags.REGION_REFERENCE_VALUE_X) or 0.0,
                reference_value_y=item.number(tags.REGION_REFERENCE_VALUE_Y) or 0.0,
                flags=item.integer(tags.REGION_FLAGS) or 0,
            )
        )
    return tuple(found)
