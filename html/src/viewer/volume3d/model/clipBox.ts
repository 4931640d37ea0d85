/**
 * The clipping box: six faces along the voxels of the volume, each with a handle, drawn by the browser; and the clipping
 * plane. Ends are in voxels, (column, row, slice), as the contract has them.
 */

import type { ClipBox, ClipPlane } from '../../../shared/protocol/messages';
import { add, cross, dot, length, scale, subtract, unit, type Vector } from '../../model/vector';
import { centerLps, cornersLps, counts, lpsAt, type VolumeGrid } from '../../model/volumeGrid';
import { type Camera, type Canvas, canvasAt, eyeOf, mmPerPx } from './camera';

export type Axis = 0 | 1 | 2;
export type Side = 'low' | 'high';

export interface Face {
  readonly axis: Axis;
  readonly side: Side;
}

export const faces: readonly Face[] = ([0, 1, 2] as const).flatMap((axis) => (['low', 'high'] as const).map((side) => ({ axis, side })));

/** A box keeps at least so many voxels of each axis. */
const LEAST = 1;

export function wholeBox(grid: VolumeGrid): ClipBox {
  const ends = counts(grid);
  return { low_index: [-0.5, -0.5, -0.5], high_index: [ends[0] - 0.5, ends[1] - 0.5, ends[2] - 0.5] };
}

export function isWhole(box: ClipBox, grid: VolumeGrid): boolean {
  const whole = wholeBox(grid);
  return ([0, 1, 2] as const).every((axis) => box.low_index[axis] <= whole.low_index[axis] && box.high_index[axis] >= whole.high_index[axis]);
}

function endOf(box: ClipBox, { axis, side }: Face): number {
  return (side === 'low' ? box.low_index : box.high_index)[axis];
}

/** A face moved to a place along its axis, within the volume and before the opposite face. */
export function withFace(box: ClipBox, grid: VolumeGrid, face: Face, to: number): ClipBox {
  const { axis, side } = face;
  const whole = wholeBox(grid);
  const other = endOf(box, { axis, side: side === 'low' ? 'high' : 'low' });
  const [least, most] = side === 'low' ? [whole.low_index[axis], other - LEAST] : [other + LEAST, whole.high_index[axis]];
  const at = Number.isFinite(to) ? Math.min(Math.max(to, least), Math.max(least, most)) : endOf(box, face);
  const ends = [...(side === 'low' ? box.low_index : box.high_index)] as [number, number, number];
  ends[axis] = at;
  return side === 'low' ? { ...box, low_index: ends } : { ...box, high_index: ends };
}

/** The middle of a face, in the patient. */
export function handleOf(box: ClipBox, grid: VolumeGrid, face: Face): Vector {
  const index = ([0, 1, 2] as const).map((axis) => (box.low_index[axis] + box.high_index[axis]) / 2) as [number, number, number];
  index[face.axis] = endOf(box, face);
  return lpsAt(grid, index);
}

function stepOf(grid: VolumeGrid, axis: Axis): Vector {
  return [grid.linear[0][axis], grid.linear[1][axis], grid.linear[2][axis]];
}

/** The direction out of a face, square to it: of a sheared volume not the way from slice to slice. */
export function normalOf(grid: VolumeGrid, { axis, side }: Face): Vector {
  const along = unit(cross(stepOf(grid, ((axis + 1) % 3) as Axis), stepOf(grid, ((axis + 2) % 3) as Axis)));
  const out = dot(along, stepOf(grid, axis)) < 0 ? scale(along, -1) : along;
  return side === 'high' ? out : scale(out, -1);
}

/** Whether the viewer looks at the outer side of a face. */
export function facesViewer(box: ClipBox, grid: VolumeGrid, face: Face, camera: Camera): boolean {
  const ray = camera.projection === 'parallel' ? camera.frame.away : subtract(handleOf(box, grid, face), eyeOf(camera));
  return dot(normalOf(grid, face), ray) < 0;
}

/**
 * Where a face goes when its handle is dragged over the canvas, from where both were at the start.
 *
 * The handle stays under the pointer along the axis; an axis that points at the viewer is pulled by going down.
 *
 * @returns the new end along the axis, in voxels
 */
export function draggedTo(box: ClipBox, grid: VolumeGrid, face: Face, camera: Camera, canvas: Canvas, dx: number, dy: number): number {
  const step = stepOf(grid, face.axis);
  const handle = handleOf(box, grid, face);
  const [before, after] = [canvasAt(camera, canvas, subtract(handle, scale(step, 0.5))), canvasAt(camera, canvas, add(handle, scale(step, 0.5)))];
  const end = endOf(box, face);
  if (before === null || after === null) return end;
  const way = { x: after.x - before.x, y: after.y - before.y };
  const long = Math.hypot(way.x, way.y);
  const full = length(step) / mmPerPx(camera, canvas);
  if (long < full * 0.17) return end + (dy / full) * (dot(step, camera.frame.away) < 0 ? 1 : -1);
  return end + (dx * way.x + dy * way.y) / (long * long);
}

export interface Edge {
  readonly from: Vector;
  readonly to: Vector;
  /** Both faces at it are turned away: it is drawn dashed. */
  readonly far: boolean;
}

/** The twelve edges of the box. */
export function edgesOf(box: ClipBox, grid: VolumeGrid, camera: Camera): Edge[] {
  const edges: Edge[] = [];
  for (const axis of [0, 1, 2] as const) {
    const [one, other] = [((axis + 1) % 3) as Axis, ((axis + 2) % 3) as Axis];
    for (const sideOne of ['low', 'high'] as const) {
      for (const sideOther of ['low', 'high'] as const) {
        const at = (end: number): Vector => {
          const index: [number, number, number] = [0, 0, 0];
          index[axis] = end;
          index[one] = endOf(box, { axis: one, side: sideOne });
          index[other] = endOf(box, { axis: other, side: sideOther });
          return lpsAt(grid, index);
        };
        const near = facesViewer(box, grid, { axis: one, side: sideOne }, camera) || facesViewer(box, grid, { axis: other, side: sideOther }, camera);
        edges.push({ from: at(box.low_index[axis]), to: at(box.high_index[axis]), far: !near });
      }
    }
  }
  return edges;
}

/** A plane square to a direction, by how deep it cuts: 0 nothing is hidden, 1 all. */
export interface DepthPlane {
  /** Towards the side that is hidden. */
  readonly normal: Vector;
  readonly depth: number;
}

function reach(grid: VolumeGrid, normal: Vector): { nearest: number; farthest: number } {
  const places = cornersLps(grid).map((corner) => dot(corner, normal));
  return { nearest: Math.max(...places), farthest: Math.min(...places) };
}

export function clipPlaneOf(grid: VolumeGrid, { normal, depth }: DepthPlane): ClipPlane {
  const { nearest, farthest } = reach(grid, normal);
  const at = nearest + (farthest - nearest) * Math.min(1, Math.max(0, depth));
  const middle = centerLps(grid);
  const point = add(middle, scale(normal, at - dot(middle, normal)));
  return { point_lps_mm: [...point], normal_lps: [...normal] };
}

/** How deep a plane cuts, mm from the nearest corner. */
export function depthMm(grid: VolumeGrid, { normal, depth }: DepthPlane): number {
  const { nearest, farthest } = reach(grid, normal);
  return (nearest - farthest) * depth;
}

/** Where a plane cuts the outer faces of the volume: a polygon, in order; empty where it misses. */
export function outlineOf(grid: VolumeGrid, plane: ClipPlane): Vector[] {
  const normal = plane.normal_lps;
  const corners = cornersLps(grid);
  const heights = corners.map((corner) => dot(subtract(corner, plane.point_lps_mm), normal));
  const cuts: Vector[] = [];
  for (let one = 0; one < 8; one += 1) {
    for (const bit of [1, 2, 4]) {
      const other = one | bit;
      const [low = 0, high = 0] = [heights[one], heights[other]];
      if (other === one || low === high || low * high > 0) continue;
      const [from, to] = [corners[one] as Vector, corners[other] as Vector];
      cuts.push(add(from, scale(subtract(to, from), low / (low - high))));
    }
  }
  if (cuts.length < 3) return [];
  const middle = scale(cuts.reduce(add), 1 / cuts.length);
  const across = unit(subtract(cuts[0] as Vector, middle));
  const up = cross(normal, across);
  const angle = (point: Vector): number => Math.atan2(dot(subtract(point, middle), up), dot(subtract(point, middle), across));
  return cuts.sort((one, other) => angle(one) - angle(other));
}
