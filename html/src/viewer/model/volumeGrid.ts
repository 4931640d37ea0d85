/** The lattice of a volume's voxels in the patient. Index = (column, row, slice), integers at voxel centres. */

import { add, inverse, length, type Matrix, subtract, times, type Vector } from './vector';

export interface VolumeGrid {
  /** (slices, rows, columns). */
  shape: readonly [number, number, number];
  /** The upper three rows of the matrix from (column, row, slice, 1) to mm in LPS, one after the other. */
  lpsFromIndex: readonly number[];
  /** What one step of each index is, in mm: columns of this matrix. */
  linear: Matrix;
  inverse: Matrix;
  origin: Vector;
}

/** @param opened what the server says of a volume: `volume_opened` */
export function gridOf(opened: { shape: readonly [number, number, number]; lps_from_index: readonly number[] }): VolumeGrid {
  const m = opened.lps_from_index;
  const at = (index: number): number => m[index] ?? 0;
  const linear: Matrix = [
    [at(0), at(1), at(2)],
    [at(4), at(5), at(6)],
    [at(8), at(9), at(10)],
  ];
  return { shape: opened.shape, lpsFromIndex: m, linear, inverse: inverse(linear), origin: [at(3), at(7), at(11)] };
}

export function lpsAt(grid: VolumeGrid, index: Vector): Vector {
  return add(times(grid.linear, index), grid.origin);
}

export function indexAt(grid: VolumeGrid, lps: Vector): Vector {
  return times(grid.inverse, subtract(lps, grid.origin));
}

/** Numbers of columns, rows and slices. */
export function counts(grid: VolumeGrid): Vector {
  return [grid.shape[2], grid.shape[1], grid.shape[0]];
}

/** Lengths of the steps from column to column, row to row, slice to slice. */
export function spacingMm(grid: VolumeGrid): Vector {
  const column = (at: 0 | 1 | 2): number => length([grid.linear[0][at], grid.linear[1][at], grid.linear[2][at]]);
  return [column(0), column(1), column(2)];
}

export function centerLps(grid: VolumeGrid): Vector {
  const [columns, rows, slices] = counts(grid);
  return lpsAt(grid, [(columns - 1) / 2, (rows - 1) / 2, (slices - 1) / 2]);
}

/** Corners of the outer faces, index -0.5 … n-0.5; the column runs fastest, then the row. */
export function cornersLps(grid: VolumeGrid): readonly Vector[] {
  return corners(grid, 0.5);
}

/** Centres of the eight voxels at the corners. */
export function cornerCentersLps(grid: VolumeGrid): readonly Vector[] {
  return corners(grid, 0);
}

function corners(grid: VolumeGrid, beyond: number): readonly Vector[] {
  const [columns, rows, slices] = counts(grid);
  const ends = (count: number): readonly number[] => [-beyond, count - 1 + beyond];
  return ends(slices).flatMap((k) => ends(rows).flatMap((j) => ends(columns).map((i) => lpsAt(grid, [i, j, k]))));
}

/** The centre of the middle voxel; of an even number the one behind the middle. */
export function middleVoxelLps(grid: VolumeGrid): Vector {
  const [columns, rows, slices] = counts(grid);
  return lpsAt(grid, [Math.floor(columns / 2), Math.floor(rows / 2), Math.floor(slices / 2)]);
}

/** A point held within the centres of the outer voxels: where a crossing may be dragged to. */
export function nearestInVolume(grid: VolumeGrid, lps: Vector): Vector {
  const index = indexAt(grid, lps);
  const last = counts(grid);
  const held = index.map((value, axis) => Math.min((last[axis] as number) - 1, Math.max(0, value))) as unknown as Vector;
  return held.every((value, axis) => value === index[axis]) ? lps : lpsAt(grid, held);
}
