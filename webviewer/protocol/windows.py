"""How values become grey or colour, of images and of planes alike."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webviewer.protocol.base import Finite, ImageReference, Message


class WindowRecommended(Message):
    """A window that images recommend; ``index`` picks among several: windows first, then VOI LUTs.

    With ``scope`` "series" images of one kind share the recommendation of one of them
    (`webviewer.dicom.series_window`); images that share none show their own. ``image`` names the image that recommends,
    so that the window stays while more images of the series arrive; without it, or where it is of another kind, the
    middle one recommends. With "image" each image shows its own. The explanations stand in the series, in the same
    order; an index past the end shows the first. Planes of a volume share the
    window of the image in the middle of the volume, whatever the scope.
    """

    kind: Literal["recommended"] = "recommended"
    index: Annotated[int, Field(ge=0, lt=1024)] = 0
    scope: Literal["series", "image"] = "series"
    image: ImageReference | None = None


class WindowFullDynamic(Message):
    """From the darkest to the lightest value of the image, or of the whole volume."""

    kind: Literal["full_dynamic"] = "full_dynamic"


class WindowValues(Message):
    """Center and width in modality units, with the VOI LUT function of PS3.3 C.11.2.1."""

    kind: Literal["values"] = "values"
    center: Finite
    width: Annotated[float, Field(allow_inf_nan=False, ge=1e-12, le=1e9)]
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


Window = Annotated[WindowRecommended | WindowFullDynamic | WindowValues, Field(discriminator="kind")]

ColourTable = Literal["grey", "hot_iron", "pet", "hot_metal_blue", "pet_20_step", "spring", "summer", "fall", "winter"]
"""Well-known color palettes of PS3.6 Annex B, and none."""
