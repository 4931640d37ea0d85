"""Private elements: a number means what the maker says only where the maker's name reserves its block (PS3.5 7.8.1)."""

from __future__ import annotations

from webviewer.dicom.dataset import DataSet

_MOST_CHARACTERS = 64  # of a creator, VR LO


def is_reserved_by(ds: DataSet, creator_tag: int, creator: str) -> bool:
    """Tell whether a block of private elements belongs to a maker: its name must be the whole value.

    Parameters
    ----------
    creator_tag
        The element that reserves the block, (gggg,0010) to (gggg,00FF).
    creator
        Without padding.
    """
    return ds.text(creator_tag, _MOST_CHARACTERS) == creator
