"""What each transfer syntax means for pixels (PS3.5 annex A, PS3.6 annex A)."""

from __future__ import annotations

from enum import StrEnum

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"


class Codec(StrEnum):
    """How the bytes of one frame are coded."""

    NATIVE = "native"
    JPEG = "JPEG"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    HTJ2K = "HTJ2K"
    JPEG_XL = "JPEG XL"
    RLE = "RLE"
    DEFLATED_FRAME = "deflated frame"
    VIDEO = "video"


_JPEG = "1.2.840.10008.1.2.4."

CODECS: dict[str, Codec] = {
    IMPLICIT_VR_LITTLE_ENDIAN: Codec.NATIVE,
    EXPLICIT_VR_LITTLE_ENDIAN: Codec.NATIVE,
    ENCAPSULATED_UNCOMPRESSED: Codec.NATIVE,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Codec.NATIVE,
    EXPLICIT_VR_BIG_ENDIAN: Codec.NATIVE,
    "1.2.840.10008.1.2.5": Codec.RLE,
    "1.2.840.10008.1.2.8.1": Codec.DEFLATED_FRAME,
    **{f"{_JPEG}{n}": Codec.JPEG for n in (50, 51, 53, 55, 57, 70)},
    **{f"{_JPEG}{n}": Codec.JPEG_LS for n in (80, 81)},
    **{f"{_JPEG}{n}": Codec.JPEG_2000 for n in (90, 91, 92, 93)},
    **{f"{_JPEG}{n}": Codec.JPEG_XL for n in (110, 111, 112)},
    **{f"{_JPEG}{n}": Codec.HTJ2K for n in (201, 202, 203)},
    **{
        f"{_JPEG}{n}": Codec.VIDEO
        for n in (
            *("100", "100.1", "101", "101.1", "102", "102.1", "103", "103.1"),
            *("104", "104.1", "105", "105.1", "106", "106.1", "107", "108"),
        )
    },
}

NATIVE = frozenset(
    {
        IMPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_LITTLE_ENDIAN,
        DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
        EXPLICIT_VR_BIG_ENDIAN,
    }
)  # Pixel Data has a defined length and no items

DEFLATED_DATA_SETS = frozenset({DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, f"{_JPEG}95", f"{_JPEG}205"})

# Syntaxes that are always lossy: JPEG with a DCT, and such streams recompressed as JPEG XL. 81, 91, 93, 112 and 203 may
# be either: their streams say it (`codestream.StreamInfo`), or Lossy Image Compression (0028,2110).
LOSSY = frozenset(f"{_JPEG}{n}" for n in (50, 51, 53, 55, 111))

# Coded, and lossless by name: a stream under such a UID may be lossy all the same.
LOSSLESS = frozenset(f"{_JPEG}{n}" for n in (57, 70, 80, 90, 92, 110, 201, 202))

_ELSEWHERE = {
    f"{_JPEG}94": "the pixels of this image lie on another server (JPIP)",
    f"{_JPEG}95": "the pixels of this image lie on another server (JPIP)",
    f"{_JPEG}204": "the pixels of this image lie on another server (JPIP)",
    f"{_JPEG}205": "the pixels of this image lie on another server (JPIP)",
    "1.2.840.10008.1.2.7.1": "live video is not shown here",
    "1.2.840.10008.1.2.7.2": "live video is not shown here",
    "1.2.840.10008.1.2.7.3": "live sound is not played here",
}


_LIVE_VIDEO = frozenset({"1.2.840.10008.1.2.7.1", "1.2.840.10008.1.2.7.2"})


def is_video(transfer_syntax_uid: str) -> bool:
    """Return whether the pixels are a film, stored or live, rather than damaged or of an unknown kind."""
    return CODECS.get(transfer_syntax_uid) is Codec.VIDEO or transfer_syntax_uid in _LIVE_VIDEO


def describe_unsupported(transfer_syntax_uid: str) -> str:
    """Return why pixels of a transfer syntax are not shown, in words; empty if they can be."""
    codec = CODECS.get(transfer_syntax_uid)
    if codec is Codec.VIDEO:
        return "This is a video: it is not shown here yet."
    if codec is not None:
        return ""
    words = _ELSEWHERE.get(transfer_syntax_uid)
    if words:
        return f"This image cannot be shown: {words}."
    return f"This image cannot be shown: its transfer syntax {transfer_syntax_uid or '(none)'} is not supported."
