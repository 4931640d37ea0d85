"""Words for the doctor, as a value: pages say them in the doctor's language, by code, numbers and texts.

A code of several parts joined by ``+`` stands for as many sentences, or parts of a name, one after the other; its
numbers and texts are those of its parts in turn. In each template ``{{0}}``, ``{{1}}``, … are the part's own numbers,
in the unit that the template writes. ``{{t0}}``, ``{{t1}}``, … are its own texts: words of a file, such as a kernel,
the same in every language (`plain_text` limits their characters). A code with plural forms (``…_one``,
``…_other``) counts by its number 0. The pages have the same in ``html/src/viewer/i18n/sentences.en.json`` and in
Portuguese beside it; ``tests/contract/test_sentences.py`` keeps the three together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ENGLISH: dict[str, str] = {
    # What a volume is called: parts of a name.
    "axial": "Axial",
    "coronal": "Coronal",
    "sagittal": "Sagittal",
    "oblique": "Oblique",
    "unoriented": "Orientation unknown",
    "slices_one": "{{0}} slice",
    "slices_other": "{{0}} slices",
    "size": "{{0}} × {{1}}",
    "time": "time {{0}}",
    "time_slot": "time slot {{0}}",
    "energy_window": "energy window {{0}}",
    "trigger_time": "trigger time {{0}} ms",
    "modality": "{{t0}}",
    "units": "{{t0}}",
    "rescale_type": "{{t0}}",
    "modality_lut": "values by a lookup table",
    "inverted": "low values bright",
    "thickness": "{{0}} mm",
    "kernel": "kernel {{t0}}",
    "kilovolts": "{{0}} kV",
    "image_type": "{{t0}}",
    "b_value": "b = {{0}} s/mm²",
    "gradient": "gradient ({{0}}; {{1}}; {{2}})",
    "echo": "echo {{0}}",
    "echo_time": "TE {{0}} ms",
    "inversion_time": "TI {{0}} ms",
    "flip_angle": "flip angle {{0}}°",
    "cardiac_phase": "{{0}} % of the heart cycle",
    "contrast_agent": "contrast agent {{t0}}",
    "stack": "stack {{t0}}",
    "pixel_size": "pixels {{0}} × {{1}} mm",
    "acquisition": "acquisition {{0}}",
    "magnitude": "magnitude",
    "phase_image": "phase image",
    "real": "real part",
    "imaginary": "imaginary part",
    "water": "water",
    "fat": "fat",
    "in_phase": "in phase",
    "out_of_phase": "out of phase",
    "adc": "ADC",
    "fractional_anisotropy": "FA",
    "trace_weighted": "trace-weighted",
    "phase": "phase {{0}} of {{1}}",
    "range": "{{0}} to {{1}} mm",
    "one_of_them": "{{0}} of {{1}}",
    # What a doctor should know of one.
    "gap_one": "Between {{1}} mm and {{2}} mm {{0}} slice is missing: values there are interpolated.",
    "gap_other": "Between {{1}} mm and {{2}} mm {{0}} slices are missing: values there are interpolated.",
    "further_gap_one": "In a further gap up to {{1}} mm {{0}} slice is missing.",
    "further_gap_other": "In a further gap up to {{1}} mm {{0}} slices are missing.",
    "further_gaps": "In {{1}} further gaps up to {{2}} mm {{0}} slices are missing.",
    "uneven": ("The slices are unevenly spaced, {{0}} mm to {{1}} mm: values are interpolated at steps of {{2}} mm."),
    "tilted": (
        "The gantry was tilted by {{0}}°. The volume is sheared accordingly: places and lengths in it are true."
    ),
    "aslant": (
        "The slices are stacked aslant, by {{0}}°. The volume is sheared accordingly: places and lengths in it are "
        "true."
    ),
    "shifted": (
        "The slices are shifted against one another by up to {{0}} mm: in planes across them places and lengths are no "
        "truer than that."
    ),
    "thin": "Slices {{0}} mm thick lie {{1}} mm apart: what is between them was not measured.",
    "own_frames_of_reference": (
        "{{0}} images have {{1}} different Frame of Reference UIDs. Their positions fit together, so they were taken "
        "to lie in one frame of reference."
    ),
    "no_frame_of_reference_one": (
        "{{0}} of {{1}} images has no Frame of Reference UID. It was taken to lie in the frame of reference of the "
        "others."
    ),
    "no_frame_of_reference_other": (
        "{{0}} of {{1}} images have no Frame of Reference UID. They were taken to lie in the frame of reference of the "
        "others."
    ),
    "doubled_one": (
        "At {{0}} position more than one image is stored. The first image was taken and the others left out: instance "
        "number {{t0}}."
    ),
    "doubled_other": (
        "At {{0}} positions more than one image is stored. The first image of each was taken and the others left out: "
        "instance numbers {{t0}}."
    ),
    "doubled_unnumbered_one": (
        "At {{0}} position more than one image is stored. The first image was taken and the others left out."
    ),
    "doubled_unnumbered_other": (
        "At {{0}} positions more than one image is stored. The first image of each was taken and the others left out."
    ),
    "left_out_one": "{{0}} image of this series is in no volume.",
    "left_out_other": "{{0}} images of this series are in no volume.",
    "unassigned_one": (
        "At {{0}} position the number of images differs from the other positions, and nothing tells to which volume "
        "they belong. Values there are interpolated."
    ),
    "unassigned_other": (
        "At {{0}} positions the number of images differs from the other positions, and nothing tells to which volume "
        "they belong. Values there are interpolated."
    ),
    "by_order": (
        "{{0}} images lie at each position, and nothing in them tells which belong together. It was assumed that they "
        "follow one another in the same order everywhere."
    ),
    "unstated_value_one": (
        "{{0}} of {{1}} images does not state {{t0}}. It was taken to be like the others: its values may not compare "
        "with theirs."
    ),
    "unstated_value_other": (
        "{{0}} of {{1}} images do not state {{t0}}. They were taken to be like the others: their values may not "
        "compare with theirs."
    ),
    "mixed_values": (
        "The slices have {{0}} different values of {{t0}}, each on too few slices for a volume of its own. Values of "
        "different slices may not compare."
    ),
    "by_runs": (
        "Only the order of instance numbers tells the acquisitions of this series apart. It was assumed that slices "
        "whose numbers follow one another belong together."
    ),
    "interleaved": (
        "Slices of {{0}} acquisitions lie between one another, and no Slice Thickness is stated. They were taken for "
        "one acquisition in {{0}} passes: if the patient moved between them, the volume is wrong."
    ),
    "interleaved_runs": (
        "Instance numbers run through the slices {{0}} times, and no Slice Thickness is stated. The slices were taken "
        "for one acquisition in {{0}} passes: if the patient moved between them, the volume is wrong."
    ),
    "values_rounded": "Values of this volume are rounded to steps of {{0}}.",
    "slice_unreadable": "Slice {{0}} of {{1}}, at {{2}} mm, is missing: its image cannot be read.",
    "slice_not_sent": "Slice {{0}} of {{1}}, at {{2}} mm, is missing: the storage node did not send it.",
    "slice_damaged": "Slice {{0}} of {{1}}, at {{2}} mm, is missing: its stored file is damaged.",
    "interpolated_there": "Values there are interpolated.",
    "repeated_there": "The nearest slice is repeated there.",
    "further_slices_one": "{{0}} further slice is missing, at {{1}} mm.",
    "further_slices_other": "{{0}} further slices are missing, the last at {{1}} mm.",
    # Why an image cannot be shown: its stored file.
    "stored_file_missing": "The stored file of this image is missing. Tell your administrator.",
    "stored_file_size": (
        "The stored file of this image is damaged: it has {{0}} bytes and should have {{1}}. Tell your administrator."
    ),
    "stored_file_altered": (
        "The stored file of this image is damaged: its bytes have changed since it was received. Tell your "
        "administrator."
    ),
    "stored_file_unreadable": "The stored file of this image cannot be read. Tell your administrator.",
    # What was assumed of images; some of it also says why there is no volume.
    "mosaic": (
        "The {{0}} slices of each volume were stored as one picture, a mosaic. They were cut out of it, and their"
        " places were computed from the scanner's own header."
    ),
    "mosaic_order_unknown": (
        "This mosaic of {{0}} slices does not say where its slices lie and in which order they follow one "
        "another: they are shown in the order in which they are stored, and are no volume."
    ),
    "mosaic_without_count": (
        "This image is a mosaic of slices, but does not say of how many. It is shown as it is stored, without "
        "orientation letters, scale and places, and is no volume."
    ),
    "mosaic_contradiction": (
        "This image says that it is a mosaic of {{0}} slices, which does not fit its other data or its {{1}} × "
        "{{2}} pixels. It is shown as it is stored, without orientation letters, scale and places, and is no "
        "volume."
    ),
    "mosaics_too_many": (
        "These mosaics have more than {{0}} slices together, more than can be listed. They are shown as they are "
        "stored, without orientation letters, scale and places, and are no volume."
    ),
    "mosaic_uncut": (
        "This mosaic of slices cannot be cut: its pixels are no plain gray values. It is shown as it is stored, "
        "without orientation letters, scale and places, and is no volume."
    ),
    "mosaic_of_frames": (
        "Each of the {{0}} frames of this image is a mosaic of slices, which cannot be cut. They are shown as they are "
        "stored, without orientation letters, scale and places, and are no volume."
    ),
    "spacing_from_thickness": (
        "The distance between the slices is not stated. The thickness of a slice, {{0}} mm, was taken for it: "
        "lengths across the slices may be wrong."
    ),
    "places_from_first": (
        "Only the place of the first slice is stated. The places of the others were computed from the distance "
        "between the slices."
    ),
    "place_unknown": (
        "These slices do not say where in the patient they lie. Their distances are true, their place is not known."
    ),
    "orientation_assumed": (
        "These images do not say how they lie in the patient. They were taken for axial slices, and have no "
        "orientation letters."
    ),
    "slice_location": (
        "These images do not say where in the patient they lie. Their order and their distances were taken from "
        "Slice Location, whose direction is not defined: the volume may be mirrored across the slices, so it has "
        "no orientation letters."
    ),
    "projections": "These are projections of a tomography, not slices: a volume is made of the reconstructed images.",
    "planar": "These are planar images, not slices, so they are no volume.",
    "no_slice_distance": "These slices do not say how far they lie from one another, so they are no volume.",
    # Why there is none.
    "for_example_one": "This concerns {{0}} image: instance number {{1}}.",
    "for_example_other": "This concerns {{0}} images, for example instance number {{1}}.",
    "for_example_unnumbered_one": "This concerns {{0}} image.",
    "for_example_unnumbered_other": "This concerns {{0}} images.",
    "color": "These images are in color; a volume is made of gray values.",
    "video": "This is a video; a volume is made of single images.",
    "unreadable": "These images cannot be shown, so they are no volume.",
    "no_images": "There are no images that could be a volume.",
    "no_place": "These images do not say where in the patient they lie, so they are no volume.",
    "nowhere": "The position of these images in the patient cannot be true: it is more than {{0}} m away.",
    "no_spacing": "These images do not say how large their pixels are, so they are no volume.",
    "flat": "These images are no volume: their rows, columns and slices lie in one plane.",
    "too_few_slices_one": "Only {{0}} slice lies in this direction; a volume needs at least {{1}}.",
    "too_few_slices_other": "Only {{0}} slices lie in this direction; a volume needs at least {{1}}.",
    "too_few_images": "There are only {{0}} images; a volume needs at least {{1}}.",
    "too_few_positions_one": "The {{1}} images lie at only {{0}} position; a volume needs at least {{2}}.",
    "too_few_positions_other": "The {{1}} images lie at only {{0}} positions; a volume needs at least {{2}}.",
    "too_few_alike_one": (
        "Only {{0}} slice fits together by direction, size, position and kind of image; a volume needs at least {{1}}."
    ),
    "too_few_alike_other": (
        "Only {{0}} slices fit together by direction, size, position and kind of image; a volume needs at least {{1}}."
    ),
    "too_few_of_value_one": (
        "Only {{0}} slice has {{t0}}, so its values do not compare with those of other slices; a volume needs at "
        "least {{1}}."
    ),
    "too_few_of_value_other": (
        "Only {{0}} slices have {{t0}}, so their values do not compare with those of other slices; a volume needs at "
        "least {{1}}."
    ),
    "too_few_without_value_one": (
        "Only {{0}} slice states no {{t0}}, so its values do not compare with those of other slices; a volume needs "
        "at least {{1}}."
    ),
    "too_few_without_value_other": (
        "Only {{0}} slices state no {{t0}}, so their values do not compare with those of other slices; a volume needs"
        " at least {{1}}."
    ),
    "too_many_kinds": (
        "The images of this series differ in size, direction, pixel size or kind in more than {{0}} ways. These "
        "images are beyond that limit."
    ),
    "other_count": (
        "At {{0}} mm, and maybe elsewhere, the number of images differs from the other positions, and nothing tells "
        "to which volume they belong."
    ),
    "frames_of_reference": (
        "The images lie in {{0}} frames of reference, at most {{1}} of them in each, and their positions do not fit "
        "together; a volume needs at least {{2}}."
    ),
    "second_image": "Another image at the same position was taken instead.",
    "one_position": "All {{0}} images lie at one position, as in a film, so they are no volume.",
    "same_position": (
        "Several images lie at the same position ({{0}} mm, and maybe others), and nothing tells which of them belong "
        "together."
    ),
    "turned": "The slices are not parallel: they are turned by up to {{0}}° against their mean direction.",
    "not_parallel": (
        "The slices are not parallel: they lie in {{0}} directions, at most {{1}} in each; a volume needs at least "
        "{{2}} parallel ones."
    ),
    "localizer": (
        "These are localizer images in {{0}} directions, at most {{1}} in each; a volume needs at least {{2}} parallel "
        "ones."
    ),
    "different_sizes": ("The images have {{0}} different sizes or pixel spacings, so they do not fit on one another."),
    "too_far_apart": "The slices lie too far apart: between {{1}} mm and {{2}} mm alone {{0}} are missing.",
    "too_many_volumes": "This series has more than {{0}} volumes; the others are not shown.",
    # Why one that is there cannot be had.
    "no_such_volume": "This series has no volume with number {{0}}; the number of its volumes is {{1}}.",
    "volume_too_big": (
        "This volume of {{0}} slices of {{1}} × {{2}} pixels needs {{3}} GiB of memory, more than the {{4}} GiB that a "
        "volume may have here."
    ),
    "memory_short": "This volume needs {{0}} GiB of memory, which the server does not have now.",
    "volumes_full": (
        "This volume needs {{0}} GiB of memory. Volumes that are open take {{1}} GiB of the {{2}} GiB that volumes may "
        "take here together: try again when one is closed."
    ),
    "too_few_slices_left": "{{0}} of the {{1}} slices of this volume cannot be read: too few are left.",
    "no_values": "The values of this volume are no numbers.",
    "all_padding": "Every pixel of this volume is padding: there is nothing to show.",
    "not_made": "This volume could not be made.",
    "series_unplaced": "No series can be made of these planes: where the volume lies in the patient is not known.",
    # Why an edit cut nothing.
    "nothing_connected": "Nothing was cut: at this point nothing is left that lies between these values.",
    "too_many_pieces": "Nothing was cut: what lies between these values is in more than {{0}} pieces.",
    "no_table": "Nothing was cut: no table was found.",
    "table_only_ct": "Nothing was cut: a table is looked for in axial CT images only.",
    # Why there is no surface of one.
    "no_surface": "Nothing of this volume is left that is not under this value: there is no surface.",
    "surface_too_big": (
        "The surface at this value has more than {{0}} million triangles: cut away what is not needed, or choose "
        "another value."
    ),
    # Why a stream was closed.
    "too_many_messages": (
        "This browser tab sends more messages than the server takes of one user. It connects again in a moment."
    ),
}

MAX_TEXT_CHARACTERS = 80
_PLACEHOLDER = re.compile(r"\{\{(t?)(\d+)\}\}")
_NOT_PLAIN = re.compile(r"[^\w .,+\-−–()/:=*²³°%…]+")
_PLURALS = ("_one", "_other")
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, a few of them, or a name: ``text`` is the English of ``code``, ``numbers`` and ``texts``."""

    code: str
    numbers: tuple[float, ...]
    text: str
    texts: tuple[str, ...] = ()

    @property
    def details(self) -> dict[str, object]:
        """The numbers, as an error carries them (`webviewer.core.errors`)."""
        return {"numbers": list(self.numbers)}


def say(code: str, *numbers: float, texts: Sequence[str] = ()) -> Sentence:
    """Return the sentence of one code, with its numbers as they are to be read: round them before."""
    known = tuple(float(number) + 0.0 for number in numbers)  # no minus before a zero
    words = tuple(map(plain_text, texts))
    template = ENGLISH.get(code)
    if template is None:
        template = ENGLISH[code + _PLURALS[known[0] != 1.0]]

    def value(found: re.Match[str]) -> str:
        return words[int(found[2])] if found[1] else shown(known[int(found[2])])

    return Sentence(code, known, _PLACEHOLDER.sub(value, template), words)


def plain_text(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """Return words of a file as a sentence may hold them: letters, digits and few marks, at most ``most`` characters.

    A full stop at the end falls away: `joined` would take what follows for a new sentence.
    """
    plain = " ".join(_NOT_PLAIN.sub(" ", text).split()).rstrip(" .")
    return plain if len(plain) <= most else plain[: most - 1].rstrip(" .") + "…"


def joined(parts: Sequence[Sentence]) -> Sentence:
    """Return sentences as one, or parts of a name: what follows a full stop is a sentence of its own."""
    text = parts[0].text
    for part in parts[1:]:
        text += (" " if text.endswith(".") else ", ") + part.text
    return Sentence(
        "+".join(part.code for part in parts),
        tuple(number for part in parts for number in part.numbers),
        text,
        tuple(words for part in parts for words in part.texts),
    )


def shown(number: float) -> str:
    """Return a number in the fewest digits that tell it from others."""
    return np.format_float_positional(number, trim="-").replace("-", "−")


def numbers_of(details: Mapping[str, object]) -> tuple[float, ...]:
    """Return the numbers of the sentence that an error says, of the details that it carries; empty if it says none."""
    found = details.get("numbers")
    return tuple(map(float, found)) if isinstance(found, list | tuple) else ()


def gib(size_bytes: int) -> float:
    """Return bytes in GiB, of three digits."""
    return float(f"{size_bytes / _GIB:.3g}")


def codes() -> set[str]:
    """Return all codes of one part."""
    return {code.removesuffix("_one").removesuffix("_other") if _is_plural(code) else code for code in ENGLISH}


def _is_plural(code: str) -> bool:
    return code.endswith(_PLURALS) and all(code.rpartition("_")[0] + form in ENGLISH for form in _PLURALS)
