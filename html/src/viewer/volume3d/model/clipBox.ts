/**
 * The clipping box: six faces along the voxels of the volume, each with a handle, drawn by the browser, and a handle at a
 * corner to turn it; and the clipping plane. Ends are in voxels, (column, row, slice), and the turn goes about the middle of
 * the volume, as the contract has them: so what a face is moved by moves no other one.
 */

import type { ClipBox, ClipPlane } from '../../../shared/protocol/messages';
import { add, angleBetweenDeg, cross, dot, length, scale, subtract, unit, type Vector } from '../../model/vector';
import { centerLps, cornersLps, counts, indexAt, lpsAt, type VolumeGrid } from '../../model/volumeGrid';
import { type Camera, type Canvas, canvasAt, eyeOf, mmPerPx, rayAt } from './camera';
import { noTurn, thenTurned, turnedBack, turnedBy } from './turn';

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
  return { low_index: [-0.5, -0.5, -0.5], high_index: [ends[0] - 0.5, ends[1] - 0.5, ends[2] - 0.5], turn_deg: [0, 0, 0] };
}

/**
 * How thick a slab a minimum is looked for in at first, mm. The lowest value on a ray through all of a volume is the air around
 * the patient, in MR and PET the nothing around him: such a picture is black whatever the window. Sixty millimetres about the
 * middle hold the airways of a chest from the trachea to the bronchi of segments; veins are read in 10 to 20 mm of MR.
 */
const MINIMUM_SLAB_MM: Readonly<Record<string, number>> = { CT: 60, MR: 20 };
const OTHER_SLAB_MM = 40;

/** The box that suits minimum projections of a modality: a slab about the middle of the volume, across the direction of view. */
export function minimumBox(grid: VolumeGrid, away: Vector, modality: string): ClipBox {
  const whole = wholeBox(grid);
  const facing = (axis: Axis): number => Math.abs(dot(normalOf(whole, grid, { axis, side: 'high' }), away));
  const axis = ([0, 1, 2] as const).reduce<Axis>((best, one) => (facing(one) > facing(best) ? one : best), 0);
  const stepMm = Math.abs(dot(normalOf(whole, grid, { axis, side: 'high' }), stepOf(whole, grid, axis)));
  const middle = (whole.low_index[axis] + whole.high_index[axis]) / 2;
  const half = (MINIMUM_SLAB_MM[modality] ?? OTHER_SLAB_MM) / 2 / stepMm;
  return withFace(withFace(whole, grid, { axis, side: 'low' }, middle - half), grid, { axis, side: 'high' }, middle + half);
}

export function isWhole(box: ClipBox, grid: VolumeGrid): boolean {
  return ([0, 1, 2] as const).every((axis) => {
    const { least, most } = reachOf(box, grid, axis);
    return box.low_index[axis] <= least && box.high_index[axis] >= most;
  });
}

function turnOf(box: ClipBox): Vector {
  return box.turn_deg ?? noTurn;
}

export function isTurned(box: ClipBox): boolean {
  return length(turnOf(box)) > 0;
}

/** Where a point of the box lies in the patient. */
export function boxLps(box: ClipBox, grid: VolumeGrid, index: Vector): Vector {
  const middle = centerLps(grid);
  const straight = lpsAt(grid, index);
  return isTurned(box) ? add(middle, turnedBy(turnOf(box), subtract(straight, middle))) : straight;
}

/** From where to where a face along an axis cuts something of the volume. */
function reachOf(box: ClipBox, grid: VolumeGrid, axis: Axis): { least: number; most: number } {
  const whole = wholeBox(grid);
  if (!isTurned(box)) return { least: whole.low_index[axis], most: whole.high_index[axis] };
  const middle = centerLps(grid);
  const places = cornersLps(grid).map((corner) => indexAt(grid, add(middle, turnedBack(turnOf(box), subtract(corner, middle))))[axis]);
  return { least: Math.min(...places), most: Math.max(...places) };
}

function endOf(box: ClipBox, { axis, side }: Face): number {
  return (side === 'low' ? box.low_index : box.high_index)[axis];
}

/** A face moved to a place along its axis, as far as there is something to cut and before the opposite face. */
export function withFace(box: ClipBox, grid: VolumeGrid, face: Face, to: number): ClipBox {
  const { axis, side } = face;
  const reach = reachOf(box, grid, axis);
  const other = endOf(box, { axis, side: side === 'low' ? 'high' : 'low' });
  const [least, most] = side === 'low' ? [reach.least, other - LEAST] : [other + LEAST, reach.most];
  const at = !Number.isFinite(to) ? endOf(box, face) : side === 'low' ? Math.min(Math.max(to, least), most) : Math.max(Math.min(to, most), least);
  const ends = [...(side === 'low' ? box.low_index : box.high_index)] as [number, number, number];
  ends[axis] = at;
  return side === 'low' ? { ...box, low_index: ends } : { ...box, high_index: ends };
}

function middleOf(box: ClipBox): [number, number, number] {
  return ([0, 1, 2] as const).map((axis) => (box.low_index[axis] + box.high_index[axis]) / 2) as [number, number, number];
}

/** The middle of a face, in the patient. */
export function handleOf(box: ClipBox, grid: VolumeGrid, face: Face): Vector {
  const index = middleOf(box);
  index[face.axis] = endOf(box, face);
  return boxLps(box, grid, index);
}

function stepOf(box: ClipBox, grid: VolumeGrid, axis: Axis): Vector {
  return turnedBy(turnOf(box), [grid.linear[0][axis], grid.linear[1][axis], grid.linear[2][axis]]);
}

/** The direction out of a face, square to it: of a sheared volume not the way from slice to slice. */
export function normalOf(box: ClipBox, grid: VolumeGrid, { axis, side }: Face): Vector {
  const along = unit(cross(stepOf(box, grid, ((axis + 1) % 3) as Axis), stepOf(box, grid, ((axis + 2) % 3) as Axis)));
  const out = dot(along, stepOf(box, grid, axis)) < 0 ? scale(along, -1) : along;
  return side === 'high' ? out : scale(out, -1);
}

/** The box turned about an axis of the patient through its own middle, which stays. */
export function turnedBox(box: ClipBox, grid: VolumeGrid, axis: Vector, degrees: number): ClipBox {
  if (!Number.isFinite(degrees) || degrees === 0) return box;
  const turn = thenTurned(turnOf(box), axis, degrees);
  const middle = centerLps(grid);
  const before = middleOf(box);
  const straight = indexAt(grid, add(middle, turnedBack(turn, subtract(boxLps(box, grid, before), middle))));
  const shifted = (ends: readonly number[]): [number, number, number] => [0, 1, 2].map((at) => (ends[at] as number) + (straight[at] as number) - (before[at] as number)) as [number, number, number];
  return { low_index: shifted(box.low_index), high_index: shifted(box.high_index), turn_deg: [...turn] };
}

/** The corner with the handle that turns: of a straight box that to the right, in front and on top, whatever way slices run. */
export function turnHandleOf(box: ClipBox, grid: VolumeGrid): Vector {
  const index = ([0, 1, 2] as const).map((axis) => {
    const [toLeft, toBack, toHead] = [grid.linear[0][axis], grid.linear[1][axis], grid.linear[2][axis]];
    return (toHead - toLeft - toBack > 0 ? box.high_index : box.low_index)[axis];
  }) as [number, number, number];
  return boxLps(box, grid, index);
}

/**
 * The box turned so that a point that hangs on it comes under a point of the canvas.
 *
 * The point moves on a sphere about the middle of the box, on the side of it where it was, to its rim at most.
 *
 * @param grabbed the point of the patient where it was at the start
 * @param x of the canvas, as `y`
 */
export function turnedTo(box: ClipBox, grid: VolumeGrid, camera: Camera, canvas: Canvas, grabbed: Vector, x: number, y: number): ClipBox {
  const middle = boxLps(box, grid, middleOf(box));
  const arm = subtract(grabbed, middle);
  const radius = length(arm);
  const seen = canvasAt(camera, canvas, grabbed);
  if (seen === null || radius === 0) return box;
  const far = dot(arm, rayAt(camera, canvas, seen.x, seen.y).direction) > 0;
  const { origin, direction } = rayAt(camera, canvas, x, y);
  const from = subtract(origin, middle);
  const nearest = subtract(from, scale(direction, dot(from, direction)));
  const depth = Math.sqrt(Math.max(0, radius * radius - dot(nearest, nearest)));
  const to = add(nearest, scale(direction, far ? depth : -depth));
  const across = cross(arm, to);
  if (!(length(across) > 0)) return box;
  const axis = unit(across);
  return turnedBox(box, grid, axis, angleBetweenDeg(arm, to, axis));
}

/** Whether the viewer looks at the outer side of a face. */
export function facesViewer(box: ClipBox, grid: VolumeGrid, face: Face, camera: Camera): boolean {
  const ray = camera.projection === 'parallel' ? camera.frame.away : subtract(handleOf(box, grid, face), eyeOf(camera));
  return dot(normalOf(box, grid, face), ray) < 0;
}

/**
 * Where a face goes when its handle is dragged over the canvas, from where both were at the start.
 *
 * The handle stays under the pointer along the axis; an axis that points at the viewer is pulled by going down.
 *
 * @returns the new end along the axis, in voxels
 */
export function draggedTo(box: ClipBox, grid: VolumeGrid, face: Face, camera: Camera, canvas: Canvas, dx: number, dy: number): number {
  const step = stepOf(box, grid, face.axis);
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
          return boxLps(box, grid, index);
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
