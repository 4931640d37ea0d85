"""A picture as it goes out: header and payload."""

from __future__ import annotations

from renderpool.engine.encode import EncodedPicture
from renderpool.session.job import Job
from renderpool.session.loaded_image import LoadedImage
from renderpool.session.painting import Painting
from webviewer.protocol.framing import Encoding, FrameFlag, FrameHeader, pack_frame


def frame_of(
    job: Job, painting: Painting, picture: EncodedPicture, *, sequence: int, made_s: float, still: bool
) -> bytes:
    """Return the frame.

    Parameters
    ----------
    made_s
        What drawing and encoding took.
    still
        Whether it is the picture at rest: of full quality, the last of its wish.
    """
    if isinstance(job.shown, LoadedImage):
        instance_id, frame_number = job.shown.key
        lossy = job.shown.source_lossy
    else:
        volume = job.shown.volume
        instance_id = frame_number = 0
        lossy = volume.source_lossy
    flags = FrameFlag(0)
    for holds, flag in (
        (still, FrameFlag.STILL),
        (picture.lossless and still, FrameFlag.LOSSLESS),
        (lossy, FrameFlag.SOURCE_LOSSY),
        (painting.fitted, FrameFlag.FITTED),
        (painting.coarse, FrameFlag.COARSE),
        (painting.lacks_overlay, FrameFlag.LACKS_OVERLAY),
        (painting.ignores_shutter, FrameFlag.IGNORES_SHUTTER),
        (job.light is None and not still, FrameFlag.REFINING),
    ):
        flags |= flag if holds else FrameFlag(0)
    height_px, width_px = painting.pixels.shape[:2]
    header = FrameHeader(
        encoding=Encoding.PNG if picture.media_type == "image/png" else Encoding.JPEG,
        flags=flags,
        revision=job.wish.revision,
        sequence=sequence,
        cell=job.cell,
        width_px=width_px,
        height_px=height_px,
        instance_id=instance_id,
        frame_number=frame_number,
        draw_us=min(round(made_s * 1e6), 2**32 - 1),
        window_center=painting.window_center,
        window_width=painting.window_width,
        zoom=painting.zoom,
        center_x=painting.center_x,
        center_y=painting.center_y,
    )
    return pack_frame(header, picture.data)
