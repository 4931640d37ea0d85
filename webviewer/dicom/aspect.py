"""How tall a pixel is against its width: the one rule for pages and pictures."""

from __future__ import annotations

from webviewer.dicom.attributes import ImageAttributes


def pixel_aspect(attributes: ImageAttributes, frame_number: int = 1) -> float:
    """Return height of a pixel / its width: by its spacing in mm, else by Pixel Aspect Ratio, else 1.

    References
    ----------
    PS3.3 C.7.6.3.1.7: Pixel Aspect Ratio is for images whose spacing is not known.
    """
    spacing = attributes.frame(frame_number).pixel_spacing
    if spacing is None and attributes.spacing_source == "ImagerPixelSpacing":
        spacing = attributes.imager_pixel_spacing
    if spacing is not None and spacing[0] > 0 and spacing[1] > 0:
        return spacing[0] / spacing[1]
    if attributes.pixel_aspect_ratio is not None and min(attributes.pixel_aspect_ratio) > 0:
        vertical, horizontal = attributes.pixel_aspect_ratio
        return vertical / horizontal
    return 1.0
