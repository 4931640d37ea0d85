"""Colour tables: the well-known color palettes of PS3.6 Annex B, from grey to colour.

A grey of 0 to 255 is an entry of the table, after window and inversion. What lies outside of the image stays black,
also where the lowest grey has a colour.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from webviewer.protocol.windows import ColourTable

_ENTRIES = 256
# Red, green and blue of the 256 entries.
_HOT_METAL_BLUE = (
    (
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "000000000000000000000000000000000000000000000000000000000000000000000306090c0f1215181a1d202326292c2f3234"
        "37393b3e404245474a4c4e515355585a5d606366696c6f7274777a7d808386898c8f9295989b9ea1a4a6a9acafb2b5b8bbbec2c6"
        "c9cdd1d5d9dde0e4e8ecf0f4f7fbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    ),
    (
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "0000000000000000000000000000000002040608090b0d0f11131517181a1c1e2022242628292b2d2f31333537383a3c3e404244"
        "4648494b4d4f51535557585a5c5e6062646668696b6d6f71737577787a7c7e8082848688898b8d8f91939597989a9c9ea0a2a4a6"
        "a8a9abadafb1b3b5b7b8babcbec0c2c4c6c8c9cbcdcfd1d3d5d7d8dadcdee0e2e4e5e7e9ebedeff0f2f4f6f8fafbfdff"
    ),
    (
        "00020406080a0c0e1011131517191b1d1f21232527292b2d2f31333537393b3d3f41434547494b4d4f51535456585a5c5e606264"
        "66686a6c6e7072747577797b7d7f81838587898b8d8f91939597999b9d9fa1a3a5a7a9abadafb1b3b5b7b8babcbec0c2c4c6c8c5"
        "c2bfbcb9b6b3b0aeaba8a5a29f9c9996908a847e79736d67615b554f4a443e38322f2c292623201d1a1815120f0c090603000000"
        "0000000000000000000000000000000306090c0f1215181a1d202326292c2f3235383b3e4144474a4c4f5255585b5e6164676a6d"
        "707376797c7e8184878a8d909396999c9fa2a5a8abaeb0b3b6b9bcbfc2c5c8cbced2d5d8dbdfe2e5e8eceff2f5f9fcff"
    ),
)
_PET = (
    (
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000000001030507090b0d0f11131517191b1d1f21232527292b2d2f31333537393b3d3f41434547494b4d4f"
        "51535556585a5c5e60626466686a6c6e70727476787a7c7e80828486888a8c8e90929496989a9c9ea0a2a4a6a8aaabadafb1b3b5"
        "b7b9bbbdbfc1c3c5c7c9cbcdcfd1d3d5d7d9dbdddfe1e3e5e7e9ebedeff1f3f5f7f9fbfdffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    ),
    (
        "00020406080a0c0e10121416181a1c1e20222426282a2c2e30323436383a3c3e41434547494b4d4f51535557595b5d5f61636567"
        "696b6d6f71737577797b7d807e7c7a78767472706e6c6a68666462605e5c5a58565452504e4c4a48464442403f3d3b3937353331"
        "2f2d2b29272523211f1d1b19171513110f0d0b090705030100020406080a0c0e10121416181a1c1e20222426282a2c2e30323436"
        "383a3c3e40424446484a4c4e50525456585a5c5e60626466686a6c6e70727476787a7c7e80828486888a8c8e90929496989a9c9e"
        "a0a2a4a6a8aaacaeb0b2b4b6b8babcbec0c2c4c6c8caccced0d2d4d6d8dadcdee0e2e4e6e8eaeceef0f2f4f6f8fafcff"
    ),
    (
        "0001030507090b0d0f11131517191b1d1f21232527292b2d2f31333537393b3d3f41434547494b4d4f51535557595b5d5f616365"
        "67696b6d6f71737577797b7d7f81838587898b8d8f91939597999b9d9fa1a3a5a7a9abadafb1b3b5b7b9bbbdbfc1c3c5c7c9cbcd"
        "cfd1d3d5d7d9dbdddfe1e3e5e7e9ebedeff1f3f5f7f9fbfdfffcf8f4f0ece8e4e0dcd8d4d0ccc8c4c0bcb8b4b0aca8a4a09c9894"
        "908c8884807c7874706c6864605c5854504c4844403c3834302c2824201c1814100c08040004080c1014181c2024282c3034383c"
        "4044484c5055595d6165696d7175797d8185898d9195999da1a5aaaeb2b6babec2c6caced2d6dadee2e6eaeef2f6faff"
    ),
)
# How many entries have a colour.
_PET_20_STEP = (
    (13, (0, 0, 0)),
    (13, (96, 0, 80)),
    (13, (48, 48, 80)),
    (12, (48, 48, 112)),
    (13, (80, 80, 128)),
    (13, (96, 96, 176)),
    (13, (112, 112, 192)),
    (12, (128, 128, 224)),
    (13, (48, 96, 48)),
    (13, (48, 144, 48)),
    (13, (80, 192, 80)),
    (12, (64, 224, 64)),
    (13, (224, 224, 80)),
    (13, (208, 208, 96)),
    (13, (208, 176, 64)),
    (12, (208, 144, 0)),
    (13, (192, 96, 0)),
    (13, (176, 48, 0)),
    (13, (255, 0, 0)),
    (13, (255, 255, 255)),
)
# Linear segments (PS3.3 C.7.9.2.2): the first value, then how many entries lead to which.
_SEGMENTS: dict[str, tuple[tuple[int, tuple[tuple[int, int], ...]], ...]] = {
    "spring": ((255, ((255, 255),)), (0, ((255, 255),)), (255, ((255, 0),))),
    "summer": ((0, ((255, 0),)), (255, ((255, 128),)), (0, ((127, 0), (128, 254)))),
    "fall": ((255, ((255, 255),)), (255, ((255, 0),)), (0, ((255, 0),))),
    "winter": ((0, ((127, 0), (128, 127))), (0, ((255, 255),)), (255, ((255, 128),))),
}


@cache
def colours_of(name: ColourTable) -> NDArray[np.uint8] | None:
    """Return the table, (256, 3) uint8 red, green, blue, read-only; None of grey."""
    if name == "grey":
        return None
    if name in _SEGMENTS:
        table = np.stack([_segmented(*channel) for channel in _SEGMENTS[name]], axis=1)
    elif name == "hot_iron":
        entry = np.arange(_ENTRIES)
        table = np.stack([2 * entry, 2 * entry - 256, 4 * entry - 764], axis=1)
        table[-1] = 255
    elif name == "pet_20_step":
        counts, colours = zip(*_PET_20_STEP, strict=True)
        table = np.repeat(np.array(colours), counts, axis=0)
    else:
        texts = _HOT_METAL_BLUE if name == "hot_metal_blue" else _PET
        table = np.stack([np.frombuffer(bytes.fromhex(text), np.uint8) for text in texts], axis=1)
    found = np.clip(table, 0, 255).astype(np.uint8)
    found.flags.writeable = False
    return found


def _segmented(first: int, segments: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
    parts = [np.array([float(first)])]
    for count, last in segments:
        start = float(parts[-1][-1])
        parts.append(np.around(start + (last - start) * np.arange(1, count + 1) / count))
    return np.concatenate(parts)


def paint_in_colours(draw_grey: Callable[[bool], NDArray[np.uint8]], name: ColourTable) -> NDArray[np.uint8]:
    """Return what is drawn, in colours: (height, width, 3) uint8; of the table grey as it is, (height, width).

    Parameters
    ----------
    draw_grey
        Draws the picture, (height, width) uint8, if told so with bright and dark exchanged; black outside in both.
    """
    grey = draw_grey(False)
    table = colours_of(name)
    if table is None:
        return grey
    coloured: NDArray[np.uint8] = table[grey]
    if table[0].any():  # black outside of the image must not take a colour: only there black is black in both
        coloured[(grey == 0) & (draw_grey(True) == 0)] = 0
    return coloured
