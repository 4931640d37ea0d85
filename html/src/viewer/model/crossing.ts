/**
 * Three planes of one volume and the point in which they cross: what dragging their coloured lines does. Pure; Python
 * has the same in `tests/support/page_geometry/crossing.py`.
 */

import {
  heldInRange,
  type Plane,
  type PlaneFrame,
  type PlaneKind,
  planeKinds,
  planeRange,
  positionMm,
  standardFrame,
  stepPosition,
  turnedFrame,
} from './plane';
import { along, angleBetweenDeg, cross, dot, length, scale, subtract, type Vector } from './vector';
import { middleVoxelLps, nearestInVolume, type VolumeGrid } from './volumeGrid';

export interface CrossingPlanes {
  readonly crossing: Vector;
  readonly frames: Readonly<Record<PlaneKind, PlaneFrame>>;
}

/** Cosine of the angle of two planes that are perpendicular. */
const SQUARE = 1e-6;
/** Sine of the angle under which two planes are too much alike to cross in a line that can be used. */
const FLAT = 1e-3;

/** The three straight planes through the middle voxel: the start, and what a reset goes back to. */
export function startPlanes(grid: VolumeGrid): CrossingPlanes {
  return {
    crossing: middleVoxelLps(grid),
    frames: { axial: standardFrame('axial'), coronal: standardFrame('coronal'), sagittal: standardFrame('sagittal') },
  };
}

/** One of the planes, through the crossing. */
export function planeOf(planes: CrossingPlanes, kind: PlaneKind): Plane {
  return { kind, point: planes.crossing, frame: planes.frames[kind] };
}

/** The two kinds whose lines are drawn on this one. */
export function othersOf(kind: PlaneKind): readonly [PlaneKind, PlaneKind] {
  return planeKinds.filter((one) => one !== kind) as unknown as readonly [PlaneKind, PlaneKind];
}

/** Whether all three are perpendicular to each other. */
export function isSquare({ frames }: CrossingPlanes): boolean {
  const { axial, coronal, sagittal } = frames;
  return [dot(axial.normal, coronal.normal), dot(axial.normal, sagittal.normal), dot(coronal.normal, sagittal.normal)].every(
    (cosine) => Math.abs(cosine) < SQUARE,
  );
}

/** The crossing at a point, held within the volume. */
export function movedTo(planes: CrossingPlanes, grid: VolumeGrid, point: Vector): CrossingPlanes {
  return { ...planes, crossing: nearestInVolume(grid, point) };
}

/**
 * One of them moved along its normal; it stops at the ends of the volume. The other two stay where they are: the crossing
 * runs along their common line.
 */
export function shifted(planes: CrossingPlanes, grid: VolumeGrid, kind: PlaneKind, distance: number): CrossingPlanes {
  const plane = planeOf(planes, kind);
  const { normal } = plane.frame;
  const position = positionMm(plane);
  const held = heldInRange(planeRange(grid, normal), position + distance) - position;
  const [first, second] = othersOf(kind);
  const common = cross(planes.frames[first].normal, planes.frames[second].normal);
  const share = dot(common, normal);
  // Freed planes may have one line in common, or none: then the crossing goes straight.
  const way = Math.abs(share) < FLAT ? normal : scale(common, 1 / share);
  return { ...planes, crossing: along(planes.crossing, way, held) };
}

/**
 * One of them moved by steps along its normal. A plane that lies on a step, as all do at the start, lies on one
 * afterwards.
 *
 * @param stepMm null = one voxel
 */
export function scrolled(planes: CrossingPlanes, grid: VolumeGrid, kind: PlaneKind, steps: number, stepMm: number | null = null): CrossingPlanes {
  const plane = planeOf(planes, kind);
  const range = planeRange(grid, plane.frame.normal, stepMm);
  const position = positionMm(plane);
  let wished = position + steps * range.stepMm;
  if (wished < range.firstMm || wished > range.lastMm) {
    // As many whole steps as there are.
    const room = steps > 0 ? range.lastMm - position : position - range.firstMm;
    const whole = Math.max(0, Math.trunc(room / range.stepMm + SQUARE));
    wished = position + (steps > 0 ? whole : -whole) * range.stepMm;
  }
  return shifted(planes, grid, kind, wished - position);
}

/** One of them at a step of its range, counted from 1. */
export function placed(planes: CrossingPlanes, grid: VolumeGrid, kind: PlaneKind, number: number, stepMm: number | null = null): CrossingPlanes {
  const plane = planeOf(planes, kind);
  const range = planeRange(grid, plane.frame.normal, stepMm);
  return shifted(planes, grid, kind, stepPosition(range, number) - positionMm(plane));
}

/**
 * The lines on one of them turned about the crossing.
 *
 * @param about the plane on whose canvas the lines are turned; it stays as it is
 * @param degrees clockwise on its unflipped canvas (by the right hand's rule about its normal)
 * @param dragged the plane whose line was dragged, null = both
 * @param keepSquare whether the other one turns along; without, it stays
 */
export function turnedAboutPlane(planes: CrossingPlanes, about: PlaneKind, degrees: number, dragged: PlaneKind | null, keepSquare: boolean): CrossingPlanes {
  const axis = planes.frames[about].normal;
  const turn = (kind: PlaneKind): PlaneFrame =>
    kind === about || !(keepSquare || dragged === null || kind === dragged) ? planes.frames[kind] : turnedFrame(planes.frames[kind], axis, degrees);
  return { ...planes, frames: { axial: turn('axial'), coronal: turn('coronal'), sagittal: turn('sagittal') } };
}

/** The turn about the crossing, on one plane, that takes one point to another. */
export function draggedAngle(planes: CrossingPlanes, about: PlaneKind, start: Vector, end: Vector): number {
  const axis = planes.frames[about].normal;
  const flat = (point: Vector): Vector => {
    const offset = subtract(point, planes.crossing);
    return along(offset, axis, -dot(offset, axis));
  };
  return angleBetweenDeg(flat(start), flat(end), axis);
}

/** Made perpendicular again: one stays, the second gives way a little, the third follows. */
export function squared(planes: CrossingPlanes, keep: PlaneKind): CrossingPlanes {
  if (isSquare(planes)) return planes;
  const kept = planes.frames[keep];
  const [second, third] = othersOf(keep);
  const frames = { ...planes.frames };
  frames[second] = withNormal(frames[second], beside(frames[second].normal, kept));
  const across = cross(kept.normal, frames[second].normal);
  frames[third] = withNormal(frames[third], dot(across, frames[third].normal) >= 0 ? across : scale(across, -1));
  return { ...planes, frames };
}

/** The one of a window straight as axial, coronal or sagittal, the crossing kept. */
export function oriented(planes: CrossingPlanes, kind: PlaneKind, as: PlaneKind): CrossingPlanes {
  return { ...planes, frames: { ...planes.frames, [kind]: standardFrame(as) } };
}

/** The direction nearest to a normal that is perpendicular to another plane's. */
function beside(normal: Vector, kept: PlaneFrame): Vector {
  const rest = along(normal, kept.normal, -dot(normal, kept.normal));
  const size = length(rest);
  return size < FLAT ? kept.right : scale(rest, 1 / size);
}

/** A frame turned the shortest way to a normal. */
function withNormal(frame: PlaneFrame, normal: Vector): PlaneFrame {
  const axis = cross(frame.normal, normal);
  const size = length(axis);
  if (size < FLAT ** 2) return frame;
  const about = scale(axis, 1 / size);
  return turnedFrame(frame, about, angleBetweenDeg(frame.normal, normal, about));
}
