"""Lattices to try planes and values on: straight, of a tilted gantry, a sagittal scan, oblique."""

from __future__ import annotations

import math

import numpy as np

from webviewer.dicom.volume import VolumeGrid


def grid_of(
    columns: tuple[float, ...], rows: tuple[float, ...], slices: tuple[float, ...], shape: tuple[int, int, int]
) -> VolumeGrid:
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack((columns, rows, slices))
    matrix[:3, 3] = (-30.0, 12.0, 100.0)
    return VolumeGrid(shape, matrix)


STRAIGHT = grid_of((0.5, 0, 0), (0, 0.5, 0), (0, 0, 3), (20, 80, 100))
TILT = math.radians(20)
TILTED = grid_of((0.5, 0, 0), (0, 0.5 * math.cos(TILT), 0.5 * math.sin(TILT)), (0, 0, 3), (20, 80, 100))
# A sagittal acquisition whose slices run from the patient's left to his right.
SAGITTAL_SCAN = grid_of((0, 0.6, 0), (0, 0, -0.6), (-4, 0, 0), (15, 90, 70))
TURN = math.radians(15)
OBLIQUE = grid_of(
    (0.5 * math.cos(TURN), 0.5 * math.sin(TURN), 0),
    (-0.5 * math.sin(TURN), 0.5 * math.cos(TURN), 0),
    (0, 0, 3),
    (20, 80, 100),
)
GRIDS = [STRAIGHT, TILTED, SAGITTAL_SCAN, OBLIQUE]
NAMES = ["straight", "tilted", "sagittal scan", "oblique"]
