"""Opening a series: what the page and the render node must know of its frames, in display order, from the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from webviewer.archive import InstanceId, OwnerId, Series, SeriesId, StatedPatient, StoredInstance
from webviewer.core.errors import DataError, NotFound
from webviewer.dicom.aspect import pixel_aspect
from webviewer.dicom.attributes import FrameAttributes, ImageAttributes, Notice, VoiWindow
from webviewer.dicom.geometry import FramePlace, comparable, places_of, slice_position_mm
from webviewer.dicom.measure import PixelScale, picture_scale
from webviewer.dicom.mosaic import folded
from webviewer.dicom.overlay import overlays_of_frame
from webviewer.dicom.sentence import Sentence
from webviewer.dicom.series_window import SeriesWindow, SeriesWindows, in_order_of, series_windows
from webviewer.dicom.stacks import order_frames
from webviewer.dicom.transfer_syntaxes import DEFLATED_DATA_SETS, NATIVE, is_video
from webviewer.dicom.volume_split import split_shown
from webviewer.dicom.volume_words import notices, notices_of
from webviewer.usecases.unit_of_work import StorageUnitOfWorkFactory

MAX_FRAMES = 50_000  # of a series, and so of an object: telling them takes seconds that nobody else's request gets


@dataclass(frozen=True, slots=True)
class FrameDetail:
    """What the page must know of a frame; lengths in mm."""

    instance_id: InstanceId
    frame_number: int
    sop_instance_uid: str
    instance_number: int | None
    rows: int
    columns: int
    pixel_spacing: tuple[float, float] | None  # between rows, between columns
    spacing_source: str
    pixel_aspect: float  # height of a pixel / its width
    pixel_scale: PixelScale  # what the width of a pixel is wherever in the picture
    image_position_patient: tuple[float, float, float] | None
    image_orientation_patient: tuple[float, float, float, float, float, float] | None
    patient_orientation: tuple[str, str] | None  # letters along a row, then along a column
    slice_position_mm: float | None
    slice_thickness: float | None
    windows: tuple[VoiWindow, ...]  # in the order of the shared ones
    series_window: int | None  # number of the recommendation that the frame shares; None = it has only its own
    voi_lut_explanations: tuple[str, ...]
    voi_lut_function: str
    photometric_interpretation: str
    rescale_type: str
    lossy: bool
    lossy_ratios: tuple[float, ...]  # of each lossy compression, the earliest first
    frame_time_ms: float | None
    is_video: bool
    video_frames: int  # of a video as its header says, which has one place in the series; 0 = it is none
    has_overlays: bool
    has_shutter: bool
    refusal: str
    notices: tuple[int, ...]  # places in the notices of the series
    patient: int | None  # place in the patients of the series; None: not read yet, so the study's


@dataclass(frozen=True, slots=True)
class VolumeDetail:
    """A volume that a series makes, by the number that a render node opens it with."""

    number: int
    label: Sentence


@dataclass(frozen=True, slots=True)
class SharedWindow:
    """The recommendation that images of one kind share; empty where a render node takes it from values."""

    representative: int  # place in display order, from 0
    windows: tuple[VoiWindow, ...]
    voi_lut_explanations: tuple[str, ...]
    voi_lut_function: str


@dataclass(frozen=True, slots=True)
class SeriesDetail:
    """A series, its frames in display order, and the volumes that they make, or why they make none.

    ``notices`` say what was assumed of frames, each once: thousands of frames share one.
    """

    series: Series
    frames: tuple[FrameDetail, ...]
    volumes: tuple[VolumeDetail, ...]
    volume_refusal: Sentence | None
    notices: tuple[Sentence, ...]
    series_windows: tuple[SharedWindow, ...]
    patients: tuple[StatedPatient, ...]  # as the objects of the study state the patient


@dataclass(frozen=True, slots=True)
class RenderDetail:
    """What the render node must know: frames in display order and the attributes of each object as JSON text.

    ``files`` names the file of each object: a number comes again when a node is restored, the name of a file never.
    ``native_bytes`` says at which byte of it the frames of an uncompressed object begin, one after the other, and
    ``digests`` what such a file must be: its size and its digests, for a render node that reads it by itself.
    """

    series_id: SeriesId
    modality: str
    frames: tuple[tuple[InstanceId, int], ...]
    images: dict[InstanceId, str]
    files: dict[InstanceId, str]
    native_bytes: dict[InstanceId, int]
    digests: dict[InstanceId, tuple[int, str | None, str]]


@dataclass(frozen=True, slots=True)
class _Image:
    instance: StoredInstance
    attributes: ImageAttributes
    text: str


def open_series(units: StorageUnitOfWorkFactory, owner_id: OwnerId, series_id: SeriesId) -> SeriesDetail:
    """Return a series of the owner for the page; objects without pixels have no frames. Raises NotFound."""
    with units(read_only=True) as unit:
        series = unit.archive.get_series(owner_id, series_id)
        instances = unit.archive.list_instances(owner_id, series_id)
        patients = unit.archive.stated_patients(owner_id, series.study_id)
    ordered = _ordered(instances)
    images: dict[int, ImageAttributes] = {image.instance.instance_id: image.attributes for image, _ in ordered}
    _, split = split_shown(((image.instance.instance_id, number) for image, number in ordered), images.__getitem__)
    shared = series_windows([(image.attributes, number) for image, number in ordered])
    told = {notice: place for place, notice in enumerate(notices_of(images.values()))}
    patient_of = {one.stated_patient_id: place for place, one in enumerate(patients)}
    return SeriesDetail(
        series,
        tuple(
            _detail(image, number, told, shared, place, patient_of.get(image.instance.stated_patient_id or 0))
            for place, (image, number) in enumerate(ordered)
        ),
        tuple(VolumeDetail(number, plan.label) for number, plan in enumerate(split.plans)),
        split.reason,
        notices(images.values()),
        tuple(map(_shared_window, shared.shared)),
        patients,
    )


def open_series_for_render(units: StorageUnitOfWorkFactory, owner_id: OwnerId, series_id: SeriesId) -> RenderDetail:
    """Return a series of the owner for the render node. Raises NotFound."""
    with units(read_only=True) as unit:
        series = unit.archive.get_series(owner_id, series_id)
        instances = unit.archive.list_instances(owner_id, series_id)
    return _render_detail(series, instances)


def open_instance_for_render(
    units: StorageUnitOfWorkFactory, owner_id: OwnerId, instance_id: InstanceId
) -> RenderDetail:
    """Return one object of the owner for the render node. Raises NotFound."""
    with units(read_only=True) as unit:
        instance = unit.archive.get_instances(owner_id, [instance_id]).get(instance_id)
        if instance is None:
            raise NotFound("There is no such image.")
        series = unit.archive.get_series(owner_id, instance.series_id)
    return _render_detail(series, [instance])


def _render_detail(series: Series, instances: Iterable[StoredInstance]) -> RenderDetail:
    ordered = _ordered(instances)
    images = {image.instance.instance_id: image for image, _ in ordered}
    native = {number: first for number, image in images.items() if (first := _native_byte(image)) is not None}
    stored = {number: images[number].instance for number in native}
    return RenderDetail(
        series.series_id,
        series.modality,
        tuple((image.instance.instance_id, number) for image, number in ordered),
        {number: image.text for number, image in images.items()},
        {number: image.instance.file_name for number, image in images.items()},
        native,
        {number: (one.file_bytes, one.file_digest, one.block_digests) for number, one in stored.items()},
    )


def _native_byte(image: _Image) -> int | None:
    instance = image.instance
    is_plain = instance.transfer_syntax_uid in NATIVE - DEFLATED_DATA_SETS and not image.attributes.refusal
    return instance.pixel_data_offset_bytes if is_plain and instance.pixel_data_length_bytes is not None else None


def _ordered(instances: Iterable[StoredInstance]) -> list[tuple[_Image, int]]:
    """Return all frames of the objects with pixels, each with its frame number, in display order.

    Of a series that has too many, mosaics are shown as they are stored; if it still has, one cell says so.
    """
    images = [_read_image(instance) for instance in instances if instance.image is not None]
    if sum(image.attributes.number_of_frames for image in images) > MAX_FRAMES:
        images = list(map(_folded, images))
    places: list[FramePlace] = []
    owners: list[_Image] = []
    for image in images:
        instance = image.instance
        own = places_of(image.attributes, instance.instance_number, instance.sop_instance_uid)
        count = len(places) + len(own)
        if count > MAX_FRAMES:
            words = f"The series has {count} frames or more; at most {MAX_FRAMES} can be shown."
            return [(_refused(instance, words), 1)]
        places.extend(own)
        owners.extend([image] * len(own))
    order = order_frames(comparable(places)).indices
    return [(owners[index], places[index].frame_number) for index in order]


def _folded(image: _Image) -> _Image:
    if image.attributes.tiling is None:
        return image
    attributes = folded(image.attributes, MAX_FRAMES)
    return _Image(image.instance, attributes, attributes.to_json())


def _read_image(instance: StoredInstance) -> _Image:
    text = instance.image or ""
    try:
        attributes = ImageAttributes.from_json(text)
    except DataError as error:
        return _refused(instance, error.message)
    if attributes.number_of_frames > MAX_FRAMES and not attributes.refusal:
        return _refused(
            instance,
            f"The image says it has {attributes.number_of_frames} frames; at most {MAX_FRAMES} can be shown.",
        )
    if attributes.refusal and attributes.number_of_frames > 1:
        # One cell says why; a lying number of frames must not make a list of millions.
        return _refused(instance, attributes.refusal)
    return _Image(instance, attributes, text)


def _refused(instance: StoredInstance, words: str) -> _Image:
    attributes = ImageAttributes(
        transfer_syntax_uid=instance.transfer_syntax_uid,
        rows=0,
        columns=0,
        number_of_frames=1,
        samples_per_pixel=1,
        photometric_interpretation="MONOCHROME2",
        bits_allocated=8,
        bits_stored=8,
        high_bit=7,
        pixel_representation=0,
        planar_configuration=0,
        pixel_element="PixelData",
        frames=(FrameAttributes(),),
        refusal=words,
    )
    return _Image(instance, attributes, attributes.to_json())


def _shared_window(shared: SeriesWindow) -> SharedWindow:
    windows = [choice for choice in shared.choices if choice.lut is None]
    return SharedWindow(
        representative=shared.representative,
        windows=tuple(VoiWindow(window.center, window.width, window.explanation) for window in windows),
        voi_lut_explanations=tuple(choice.explanation for choice in shared.choices if choice.lut is not None),
        voi_lut_function=windows[0].function if windows else "LINEAR",
    )


def _detail(  # noqa: PLR0917
    image: _Image,
    frame_number: int,
    told: Mapping[Notice, int],
    windows: SeriesWindows,
    place: int,
    patient: int | None,
) -> FrameDetail:
    shared = windows.of(place)
    attributes = image.attributes
    frame = attributes.frame(frame_number)
    spacing = frame.pixel_spacing
    if spacing is None and attributes.spacing_source == "ImagerPixelSpacing":
        spacing = attributes.imager_pixel_spacing
    return FrameDetail(
        instance_id=image.instance.instance_id,
        frame_number=frame_number,
        sop_instance_uid=image.instance.sop_instance_uid,
        instance_number=image.instance.instance_number,
        rows=attributes.rows,
        columns=attributes.columns,
        pixel_spacing=spacing,
        spacing_source=attributes.spacing_source,
        pixel_aspect=pixel_aspect(attributes, frame_number),
        pixel_scale=picture_scale(attributes, frame_number),
        image_position_patient=None if attributes.place_source else frame.image_position_patient,
        image_orientation_patient=None if attributes.is_orientation_assumed else frame.image_orientation_patient,
        patient_orientation=attributes.patient_orientation,
        slice_position_mm=None if attributes.place_source == "FrameOrder" else slice_position_mm(frame),
        slice_thickness=frame.slice_thickness,
        windows=frame.windows if shared is None else in_order_of(frame.windows, shared.choices),
        series_window=windows.number_of_frame[place],
        voi_lut_explanations=tuple(table.explanation for table in attributes.voi_luts),
        voi_lut_function=frame.voi_lut_function,
        photometric_interpretation=attributes.photometric_interpretation,
        rescale_type=frame.rescale_type,
        lossy=attributes.lossy,
        lossy_ratios=attributes.lossy_ratios,
        frame_time_ms=attributes.frame_time_ms,
        is_video=is_video(attributes.transfer_syntax_uid),
        video_frames=image.instance.number_of_frames if is_video(attributes.transfer_syntax_uid) else 0,
        has_overlays=bool(attributes.overlays and overlays_of_frame(attributes, frame_number)),
        has_shutter=frame.shutter is not None,
        refusal=attributes.refusal,
        notices=tuple(told[notice] for notice in attributes.notices),
        patient=patient,
    )
